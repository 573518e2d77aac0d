//! What a call has submitted over the link and is not settled: so that each request has exactly one outcome, whatever happens
//! to the component. Decisions without I/O.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::answer::End;
use super::id::Place;
use crate::engine::link::{DATA_HEAD, Packet, written};

/// In place of a count of results.
const SETTLED: u32 = u32::MAX;

/// Bytes that are kept at most while there is something that need not be: twice what a job may have under way.
const MAX_KEPT: usize = 32 << 20;

/// Requests that are doubted one by one; with more, all are.
const MAX_DOUBTFUL: usize = 1 << 16;

/// The requests of one call that have no outcome, in the batches in which they were written.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    batches: VecDeque<Batch>,
    /// Bytes of their records.
    kept: usize,
    /// Something was submitted anew, or all was given up: a result of what is settled may contradict its outcome. Before that it
    /// is one more, of a component that cannot tell which one is the last.
    doubted: bool,
    /// The same for these alone: a component gave them up while another one may have been at them.
    doubtful: BTreeSet<u32>,
    /// Where the last answer belonged: the next one belongs near it.
    near: usize,
    /// Requests of which there is more to know than how many results were given.
    special: BTreeMap<u32, Special>,
}

#[derive(Debug)]
struct Batch {
    first: u32,
    /// Of each request, how many results were given to the caller; or that it is settled.
    given: Vec<u32>,
    /// How many are not settled, and how many of those have no result.
    open: usize,
    unanswered: usize,
    /// The records, after room for a frame's head; none while they wait to be handed to the session.
    records: Packet,
    /// Most of its records were left out, as they are settled.
    is_sparse: bool,
}

#[derive(Debug, Default)]
struct Special {
    /// Results that were given before the request was submitted anew: as many are left out.
    left_out: u32,
    /// It is settled when so many results have come.
    expected: Option<u32>,
}

/// Records that have to be submitted anew.
#[derive(Debug)]
pub(super) struct Again {
    pub(super) first: u32,
    pub(super) records: Vec<u8>,
}

impl Ledger {
    /// Notes that requests were made. Their records will be [kept](Self::keep) when they are handed to the session.
    pub(super) fn add(&mut self, first: u32, count: u32) {
        let open = usize::try_from(count).unwrap_or(usize::MAX);
        self.batches.push_back(Batch {
            first,
            given: vec![0; open],
            open,
            unanswered: open,
            records: Packet::default(),
            is_sparse: false,
        });
        // Where nothing is reported as settled, what has a result is not kept for ever.
        while self.kept > MAX_KEPT
            && let Some(batch) = self.batches.pop_front_if(|batch| batch.unanswered == 0)
        {
            self.kept -= batch.records.len();
            self.special.retain(|sequence, _| batch.place(*sequence).is_none());
        }
    }

    pub(super) fn keep(&mut self, first: u32, records: Packet) {
        if let Some((place, _)) = self.find(first) {
            self.kept += records.len();
            self.batches[place].records = records;
        }
    }

    /// Whether something was submitted that has no outcome.
    pub(super) fn is_open(&self) -> bool {
        !self.batches.is_empty()
    }

    /// A result came. Whether it is to be given, and whether the request is settled by it; `None` if nobody wants it.
    pub(super) fn result(&mut self, sequence: u32, end: End) -> Option<(bool, End)> {
        let Some((batch, place)) = self.find(sequence) else { return self.extra(sequence) };
        let Batch { given, unanswered, .. } = &mut self.batches[batch];
        let given = &mut given[place];
        match *given {
            SETTLED => return self.extra(sequence),
            0 => *unanswered -= 1,
            _ => {}
        }
        let mut wanted = true;
        let mut last = end == End::Last;
        if self.special.is_empty() {
            *given = given.saturating_add(1).min(SETTLED - 1);
        } else {
            let mut special = self.special.get_mut(&sequence);
            wanted = match &mut special {
                Some(Special { left_out: left_out @ 1.., .. }) => {
                    *left_out -= 1;
                    false
                }
                _ => true,
            };
            *given = given.saturating_add(wanted.into()).min(SETTLED - 1);
            last |= special.is_some_and(|special| special.is_complete(*given));
        }
        if last {
            self.settle(batch, place, sequence);
        }
        Some((wanted, if last { End::Last } else { end }))
    }

    /// Word came that a request is settled, and of how many results. Whether they are all there; `None` if nobody wants to know.
    pub(super) fn settled(&mut self, sequence: u32, results: u32) -> Option<bool> {
        let (batch, place) = self.find(sequence)?;
        let given = self.batches[batch].given[place];
        if given == SETTLED {
            return None;
        }
        if given == 0 && results == 0 {
            self.batches[batch].unanswered -= 1;
        }
        if given == 0 && results == 0 && self.special.is_empty() {
            self.settle(batch, place, sequence);
            return Some(true);
        }
        let special = self.special.entry(sequence).or_default();
        special.expected = Some(results);
        let complete = special.is_complete(given);
        if complete {
            self.settle(batch, place, sequence);
        }
        Some(complete)
    }

    /// A result of what is settled: whether it is to be given.
    fn extra(&self, sequence: u32) -> Option<(bool, End)> {
        (!self.doubted && !self.doubtful.contains(&sequence)).then_some((true, End::More))
    }

    /// A component gave a request up, which may be worked on all the same.
    pub(super) fn doubt(&mut self, sequence: u32) {
        self.doubtful.insert(sequence);
        self.doubted |= self.doubtful.len() > MAX_DOUBTFUL;
    }

    /// Every request without an outcome is submitted anew: its results are counted from the first one.
    pub(super) fn again(&mut self) -> Vec<Again> {
        let mut again = Vec::new();
        for batch in &mut self.batches {
            if batch.records.is_empty() {
                continue;
            }
            for (sequence, given) in (0..).map(|place| batch.first.wrapping_add(place)).zip(&batch.given) {
                match *given {
                    SETTLED => {}
                    0 => {
                        self.special.remove(&sequence);
                    }
                    left_out => {
                        self.special.insert(sequence, Special { left_out, expected: None });
                    }
                }
            }
            self.doubted = true;
            self.kept -= batch.records.len();
            let records =
                if batch.open == batch.given.len() { batch.records.clone().into() } else { batch.open_records() };
            batch.records = Packet::default();
            again.push(Again { first: batch.first, records });
        }
        again
    }

    /// The requests without an outcome, which are given up.
    pub(super) fn give_up(&mut self) -> Vec<u32> {
        self.doubted = true;
        self.special.clear();
        self.kept = 0;
        let batches = std::mem::take(&mut self.batches);
        let open = |batch: Batch| {
            (0..)
                .zip(batch.given)
                .filter(|(_, given)| *given != SETTLED)
                .map(move |(place, _)| batch.first.wrapping_add(place))
        };
        batches.into_iter().flat_map(open).collect()
    }

    /// The batch of a request, and its place there.
    fn find(&mut self, sequence: u32) -> Option<(usize, usize)> {
        if let Some(place) = self.batches.get(self.near).and_then(|batch| batch.place(sequence)) {
            return Some((self.near, place));
        }
        let base = self.batches.front()?.first;
        let ahead = sequence.wrapping_sub(base);
        self.near = self.batches.partition_point(|batch| batch.first.wrapping_sub(base) <= ahead).checked_sub(1)?;
        Some((self.near, self.batches[self.near].place(sequence)?))
    }

    fn settle(&mut self, batch: usize, place: usize, sequence: u32) {
        if !self.special.is_empty() {
            self.special.remove(&sequence);
        }
        let settled = &mut self.batches[batch];
        settled.given[place] = SETTLED;
        settled.open -= 1;
        if settled.open == 0 {
            self.kept -= settled.records.len();
            if let Some(settled) = self.batches.remove(batch) {
                settled.records.give_back();
            }
        } else if self.kept > MAX_KEPT && settled.open <= settled.given.len() / 8 && !settled.is_sparse {
            // One message that takes long does not keep all those around it.
            settled.is_sparse = true;
            self.kept -= settled.records.len();
            settled.records = settled.open_records().into();
            self.kept += settled.records.len();
        }
    }
}

impl Batch {
    fn place(&self, sequence: u32) -> Option<usize> {
        usize::try_from(sequence.wrapping_sub(self.first)).ok().filter(|place| *place < self.given.len())
    }

    fn open_records(&self) -> Vec<u8> {
        let mut records = vec![0; DATA_HEAD];
        for (request, record) in written(&self.records.after(DATA_HEAD)) {
            let place = self.place(Place::of_request(request).sequence);
            if place.is_some_and(|place| self.given[place] != SETTLED) {
                records.extend_from_slice(record);
            }
        }
        records
    }
}

impl Special {
    /// Whether as many results came, since it was submitted last, as are expected.
    fn is_complete(&self, given: u32) -> bool {
        self.expected.is_some_and(|expected| given.saturating_sub(self.left_out) >= expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::link::Record;

    /// A ledger with batches of those sizes, and the number of its first request.
    fn ledger(from: u32, batches: &[u32]) -> Ledger {
        let mut ledger = Ledger::default();
        let mut first = from;
        for count in batches {
            let mut records = vec![0; DATA_HEAD];
            for sequence in (0..*count).map(|place| first.wrapping_add(place)) {
                let request = Place { call: 1, sequence }.request();
                Record::Message { stream: 0, request, extra: &[][..], payload: &[7; 100][..] }.write(&mut records);
            }
            ledger.add(first, *count);
            ledger.keep(first, records.into());
            first = first.wrapping_add(*count);
        }
        ledger
    }

    fn sequences(again: &[Again]) -> Vec<u32> {
        let sequences = |again: &Again| -> Vec<_> {
            written(&again.records[DATA_HEAD..]).map(|(request, _)| Place::of_request(request).sequence).collect()
        };
        again.iter().flat_map(sequences).collect()
    }

    #[test]
    fn each_request_is_settled_once_in_whatever_order() {
        let mut ledger = ledger(u32::MAX - 2, &[3, 4]);
        ledger.again();
        for sequence in [3, u32::MAX, 0, u32::MAX - 2, 2, 1, u32::MAX - 1] {
            assert!(ledger.is_open());
            assert_eq!(ledger.result(sequence, End::Last), Some((true, End::Last)));
            assert_eq!(ledger.result(sequence, End::Last), None);
        }
        assert!(!ledger.is_open());
        assert_eq!(ledger.result(7, End::Last), None);
    }

    #[test]
    fn a_settlement_waits_for_the_results_that_it_names() {
        let mut ledger = ledger(0, &[3]);
        assert_eq!(ledger.settled(0, 0), Some(true));
        assert_eq!(ledger.settled(1, 2), Some(false));
        assert_eq!(ledger.result(1, End::More), Some((true, End::More)));
        assert_eq!(ledger.result(1, End::Unknown), Some((true, End::Last)));
        assert_eq!(ledger.result(2, End::More), Some((true, End::More)));
        assert_eq!(ledger.settled(2, 1), Some(true));
        assert_eq!(ledger.settled(2, 1), None);
        assert!(!ledger.is_open() && ledger.special.is_empty());
    }

    #[test]
    fn what_has_no_outcome_is_submitted_anew_and_what_was_given_is_left_out() {
        let mut ledger = ledger(0, &[2, 3]);
        ledger.result(0, End::Last);
        ledger.result(2, End::More);
        ledger.result(2, End::More);
        let again = ledger.again();
        assert_eq!(sequences(&again), [1, 2, 3, 4]);
        assert!(ledger.again().is_empty(), "they wait to be handed over");
        for again in again {
            ledger.keep(again.first, again.records.into());
        }
        assert_eq!(ledger.result(2, End::More), Some((false, End::More)));
        assert_eq!(ledger.settled(2, 3), Some(false));
        assert_eq!(ledger.result(2, End::More), Some((false, End::More)));
        assert_eq!(ledger.result(2, End::More), Some((true, End::Last)));
        assert_eq!(sequences(&ledger.again()), [1, 3, 4]);
        assert_eq!(ledger.give_up(), [1, 3, 4]);
    }

    #[test]
    fn a_result_too_many_is_given_unless_it_may_contradict_the_outcome() {
        let doubts: [fn(&mut Ledger); 3] =
            [|ledger| ledger.doubt(0), |ledger| drop(ledger.again()), |ledger| drop(ledger.give_up())];
        for doubt in doubts {
            let mut ledger = ledger(0, &[2]);
            for _ in 0..2 {
                ledger.result(0, End::Last);
            }
            assert_eq!(ledger.result(0, End::Last), Some((true, End::More)));
            doubt(&mut ledger);
            assert_eq!(ledger.result(0, End::Last), None);
        }
    }

    #[test]
    fn what_is_given_up_says_nothing_of_others() {
        let mut ledger = ledger(0, &[2]);
        ledger.doubt(1);
        for sequence in [0, 1] {
            assert_eq!(ledger.result(sequence, End::Last), Some((true, End::Last)));
        }
        assert_eq!(ledger.result(0, End::Last), Some((true, End::More)));
        assert_eq!(ledger.result(1, End::Last), None);
        for sequence in 2..=MAX_DOUBTFUL as u32 + 1 {
            ledger.doubt(sequence);
        }
        assert_eq!(ledger.result(0, End::Last), None);
    }

    #[test]
    fn where_nothing_is_settled_what_is_kept_is_bounded() {
        let mut ledger = Ledger::default();
        for batch in 0..2000 {
            let first = batch * 400;
            ledger.add(first, 400);
            ledger.keep(first, vec![0; 64 << 10].into());
            for sequence in first..first + 400 {
                assert_eq!(ledger.result(sequence, End::More), Some((true, End::More)));
            }
        }
        assert!(ledger.kept <= MAX_KEPT + (128 << 10), "{}", ledger.kept);
        assert_eq!(ledger.result(7, End::More), Some((true, End::More)));
    }

    #[test]
    fn one_request_keeps_no_others() {
        let mut ledger = ledger(0, &[400; 2000]);
        assert!(ledger.kept > 2 * MAX_KEPT);
        for sequence in (0..800_000).filter(|sequence| *sequence % 400 != 77) {
            ledger.result(sequence, End::Last);
        }
        assert!(ledger.kept < MAX_KEPT + (1 << 20), "{}", ledger.kept);
        let stuck: Vec<_> = (0..2000).map(|batch| batch * 400 + 77).collect();
        assert_eq!(sequences(&ledger.again()), stuck);
        assert_eq!(ledger.kept, 0);
    }
}

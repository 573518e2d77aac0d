//! What was handed to workers and has no result yet.
//!
//! Every message gets a number, and every hand-out of it an attempt; a result brings both back. The first result settles the
//! message. Later ones of the same attempt still pass, since a worker may give several; those of another attempt are copies.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::crew::WorkerId;
use super::envelope::PartId;
use super::freight::Freight;
use super::numbered::Numbered;
use crate::wire::{Delivery, Message};

/// Number of a message in flight.
pub(crate) type Sequence = u64;

/// Messages that were handed out more than once whose winner is remembered.
const MAX_TOMBSTONES: usize = 100_000;

/// One message in flight.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) freight: Freight,
    /// The part that hands it out.
    pub(crate) part: PartId,
    /// How often it was handed out.
    pub(crate) attempt: u32,
    /// The worker that has it.
    pub(crate) holder: Option<WorkerId>,
    /// How many others that worker had when it got this one.
    pub(crate) ahead: u32,
    /// When it came in, or was last handed out.
    pub(crate) since: Instant,
    /// Results that have gone on, and results of this attempt that have come.
    passed: u32,
    come: u32,
}

impl Entry {
    /// Counts one more result of this attempt, and tells whether an earlier attempt has given it already.
    pub(crate) fn is_copy(&mut self) -> bool {
        self.come += 1;
        let copy = self.come <= self.passed;
        self.passed = self.passed.max(self.come);
        copy
    }

    /// Whether no result of it has gone on, of whatever attempt.
    pub(crate) const fn has_given_nothing(&self) -> bool {
        self.passed == 0
    }

    pub(crate) fn bytes(&self) -> usize {
        self.freight.bytes()
    }
}

/// What a result is.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The first of its message, which is settled by it.
    First(Sequence, Entry),
    /// One more of a message that is settled.
    Another,
    /// A copy, or of another run of this master, or of nothing that was ever handed out.
    Stale,
}

/// The messages in flight of one component.
#[derive(Debug)]
pub(crate) struct Flight {
    /// Random for each run, so that results from before a restart are told apart.
    epoch: u64,
    /// One that stays for long must not keep the place of those that came and went after it.
    entries: Numbered<Entry>,
    /// Number of the next one.
    next: Sequence,
    /// The winning attempt of what was handed out more than once.
    tombstones: HashMap<Sequence, u32>,
    buried: VecDeque<Sequence>,
}

impl Flight {
    pub(crate) fn new(epoch: u64) -> Self {
        Self { epoch, entries: Numbered::default(), next: 1, tombstones: HashMap::new(), buried: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes a message in.
    pub(crate) fn insert(&mut self, part: PartId, freight: Freight, now: Instant) -> Sequence {
        let sequence = self.next;
        self.next += 1;
        let entry = Entry { freight, part, attempt: 0, holder: None, ahead: 0, since: now, passed: 0, come: 0 };
        self.entries.insert(sequence, entry);
        sequence
    }

    pub(crate) fn get(&self, sequence: Sequence) -> Option<&Entry> {
        self.entries.get(sequence)
    }

    /// Notes one more hand-out, behind `ahead` others.
    pub(crate) fn handed(&mut self, sequence: Sequence, holder: WorkerId, ahead: u32, now: Instant) -> Option<&Entry> {
        let entry = self.get_mut(sequence)?;
        entry.attempt += 1;
        entry.come = 0;
        entry.holder = Some(holder);
        entry.ahead = ahead;
        entry.since = now;
        Some(entry)
    }

    /// The mark that the next hand-out of a message brings along.
    pub(crate) const fn mark(&self, sequence: Sequence, entry: &Entry) -> Delivery {
        Delivery { epoch: self.epoch, sequence, attempt: entry.attempt + 1, threads: 0 }
    }

    /// The messages that `part` has handed to `holder`, oldest first. They wait again.
    pub(crate) fn lost(&mut self, part: PartId, holder: WorkerId) -> Vec<Sequence> {
        let lost = self.entries.numbers(|entry| entry.part == part && entry.holder == Some(holder));
        for sequence in &lost {
            self.release(*sequence);
        }
        lost
    }

    /// Takes a message from the worker that has it.
    pub(crate) fn release(&mut self, sequence: Sequence) {
        if let Some(entry) = self.get_mut(sequence) {
            entry.holder = None;
        }
    }

    /// The messages of `part` that are wanted, with their numbers, oldest first.
    pub(crate) fn of(&self, part: PartId, wanted: impl Fn(&Entry) -> bool) -> impl Iterator<Item = (Sequence, &Entry)> {
        let numbers = self.entries.numbers(|entry| entry.part == part && wanted(entry));
        numbers.into_iter().filter_map(|sequence| Some((sequence, self.entries.get(sequence)?)))
    }

    /// Whether one of those messages is wanted.
    pub(crate) fn any(&self, part: PartId, wanted: impl Fn(&Entry) -> bool) -> bool {
        self.entries.values().any(|entry| entry.part == part && wanted(entry))
    }

    /// Judges a result by the mark it brings.
    pub(crate) fn result(&mut self, delivery: &Delivery) -> Verdict {
        if delivery.epoch != self.epoch || delivery.sequence >= self.next {
            return Verdict::Stale;
        }
        match self.get(delivery.sequence) {
            Some(entry) if (1..=entry.attempt).contains(&delivery.attempt) => {
                if entry.attempt > 1 {
                    self.bury(delivery.sequence, delivery.attempt);
                }
                match self.remove(delivery.sequence) {
                    Some(entry) => Verdict::First(delivery.sequence, entry),
                    None => Verdict::Stale,
                }
            }
            Some(_) => Verdict::Stale,
            None => match self.tombstones.get(&delivery.sequence) {
                Some(winner) if *winner != delivery.attempt => Verdict::Stale,
                None if delivery.attempt != 1 => Verdict::Stale,
                _ => Verdict::Another,
            },
        }
    }

    /// Whether a message without a mark is the result of something that a worker has.
    pub(crate) fn is_answered_by(&self, result: &Message) -> bool {
        self.entries.values().any(|entry| {
            entry.holder.is_some() && {
                let asked = entry.freight.message();
                asked.cache() == result.cache() && asked.client() == result.client()
            }
        })
    }

    /// Gives a message up. Results that still come are stale.
    pub(crate) fn give_up(&mut self, sequence: Sequence) -> Option<Entry> {
        self.bury(sequence, 0);
        self.remove(sequence)
    }

    /// Forgets a message whose results cannot be told from others; any that come still pass.
    pub(crate) fn forget(&mut self, sequence: Sequence) -> Option<Entry> {
        self.remove(sequence)
    }

    pub(crate) fn get_mut(&mut self, sequence: Sequence) -> Option<&mut Entry> {
        self.entries.get_mut(sequence)
    }

    fn remove(&mut self, sequence: Sequence) -> Option<Entry> {
        self.entries.remove(sequence)
    }

    fn bury(&mut self, sequence: Sequence, winner: u32) {
        self.tombstones.insert(sequence, winner);
        self.buried.push_back(sequence);
        if self.buried.len() > MAX_TOMBSTONES
            && let Some(oldest) = self.buried.pop_front()
        {
            self.tombstones.remove(&oldest);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;
    use crate::engine::Envelope;

    fn freight() -> Freight {
        Envelope::from(Message::new("server.foo", "a")).into()
    }

    fn flight_of(attempts: u32) -> (Flight, Delivery) {
        let mut flight = Flight::new(7);
        let now = Instant::now();
        let sequence = flight.insert(PartId(0), freight(), now);
        let first = flight.mark(sequence, flight.get(sequence).unwrap());
        (0..attempts).for_each(|_| assert!(flight.handed(sequence, WorkerId(1), 0, now).is_some()));
        (flight, first)
    }

    #[test]
    fn several_results_of_one_attempt_pass() {
        let (mut flight, delivery) = flight_of(1);
        assert!(matches!(flight.result(&delivery), Verdict::First(..)));
        assert!(matches!(flight.result(&delivery), Verdict::Another));
        assert_eq!(flight.len(), 0);
    }

    #[test]
    fn the_first_attempt_to_answer_wins() {
        let (mut flight, first) = flight_of(2);
        let second = Delivery { attempt: 2, ..first };
        assert!(matches!(flight.result(&second), Verdict::First(..)));
        assert!(matches!(flight.result(&first), Verdict::Stale));
        assert!(matches!(flight.result(&second), Verdict::Another));
    }

    #[test]
    fn what_was_never_handed_out_is_stale() {
        let (mut flight, delivery) = flight_of(1);
        for forged in [
            Delivery { epoch: 8, ..delivery },
            Delivery { sequence: 99, ..delivery },
            Delivery { attempt: 2, ..delivery },
            Delivery { attempt: 0, ..delivery },
        ] {
            assert!(matches!(flight.result(&forged), Verdict::Stale), "{forged:?}");
        }
        assert_eq!(flight.len(), 1);
    }

    #[test]
    fn one_that_hangs_keeps_no_place_for_those_after_it() {
        let (mut flight, hangs) = flight_of(1);
        for _ in 0..10_000 {
            let sequence = flight.insert(PartId(0), freight(), Instant::now());
            let mark = flight.mark(sequence, flight.get(sequence).unwrap());
            flight.handed(sequence, WorkerId(1), 0, Instant::now()).unwrap();
            assert!(matches!(flight.result(&mark), Verdict::First(..)));
        }
        assert_eq!(flight.entries.len(), 1);
        assert!(matches!(flight.result(&hangs), Verdict::First(..)));
    }

    #[test]
    fn what_was_given_up_has_no_results() {
        let (mut flight, delivery) = flight_of(1);
        assert!(flight.give_up(delivery.sequence).is_some());
        assert!(matches!(flight.result(&delivery), Verdict::Stale));
    }
}

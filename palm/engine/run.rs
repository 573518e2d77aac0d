//! Calls that are made one after the other while the engine is free to go on: what is done of them, and what is left, can be
//! taken back at any time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::batch::Item;
use super::envelope::Origin;
use super::job::{Finished, Kept, Outcome, Returned};
use super::orders::{Order, Orders, Series};
use super::watch::Name;
use crate::wire::id_of;

/// Single orders that one run takes at most. A series has no more messages than came in one portion of a frame.
pub(super) const MAX_RUN: usize = 128;

/// The calls of the one job that has the object for itself.
#[derive(Default)]
pub(super) struct Run(Mutex<State>);

#[derive(Default)]
struct State {
    left: VecDeque<Order>,
    series: Option<UnderWay>,
    finished: Vec<Finished>,
    /// The call under way, where calls are watched.
    watched: bool,
    current: Option<Name>,
}

/// A series whose calls are made. Each result takes the place of its message.
struct UnderWay {
    series: Series,
    /// Of the message that is next, or with which the call under way was made: what was in there is with that call then.
    at: usize,
    is_out: bool,
    /// Of the messages that have their results.
    bytes: usize,
}

impl UnderWay {
    const fn of(series: Series) -> Self {
        Self { series, at: 0, is_out: false, bytes: 0 }
    }

    /// The next call.
    fn next(&mut self) -> Option<Order> {
        let (request, payload, origin) = self.take_next()?;
        Some(self.series.order(Item { request, payload, origin }))
    }

    fn take_next(&mut self) -> Option<(u64, Bytes, Option<Origin>)> {
        let next = self.series.batch.items.get_mut(self.at);
        self.is_out = next.is_some();
        let Item { request, payload, origin } = next?;
        Some((*request, std::mem::take(payload), origin.take()))
    }

    /// The call has given its one result: its order becomes that of the next one, if there is one.
    fn answered(&mut self, slot: &mut Option<Order>, payload: Bytes) {
        let Some(order) = slot else { return };
        self.bytes += order.envelope.message.payload().len();
        if let Some(item) = self.series.batch.items.get_mut(self.at) {
            (item.payload, item.origin) = (payload, order.envelope.origin.take());
            self.at += 1;
        }
        if let Some((request, payload, origin)) = self.take_next() {
            order.envelope.message.set_item(id_of(self.series.batch.way.client, request), payload);
            order.envelope.origin = origin;
        } else if let Some(order) = slot.take() {
            order.envelope.close();
        }
    }

    /// The call under way goes on alone.
    fn leave_out(&mut self) {
        if std::mem::take(&mut self.is_out) {
            self.series.batch.items.remove(self.at);
        }
    }

    /// What is done so far.
    fn take_done(&mut self) -> Option<Finished> {
        let items = &mut self.series.batch.items;
        let done = match std::mem::take(&mut self.at) {
            0 => return None,
            all if all == items.len() => std::mem::take(items),
            at => items.drain(..at).collect(),
        };
        let batch = self.series.batch.with(done);
        Some(Finished::Series { part: self.series.part, batch, bytes: std::mem::take(&mut self.bytes) })
    }

    /// What has not begun.
    fn take_left(&mut self) -> Option<Series> {
        let Series { method, part, batch } = &mut self.series;
        let left = batch.items.split_off(self.at + usize::from(self.is_out));
        (!left.is_empty()).then(|| Series { method: *method, part: *part, batch: batch.with(left) })
    }
}

impl Run {
    /// Takes the first series, or the first single orders that are alike.
    pub(super) fn begin(&self, watched: bool, orders: &mut Orders, alike: impl Fn(&Order) -> bool) {
        let mut state = self.lock();
        state.series = orders.pop_series().map(UnderWay::of);
        if state.series.is_none() {
            orders.take_run(MAX_RUN, &mut state.left, alike);
        }
        state.watched = watched;
    }

    /// The first call.
    pub(super) fn first(&self) -> Option<Order> {
        self.lock().next()
    }

    /// The call of that order is done; puts the next one in its place.
    pub(super) fn advance(&self, slot: &mut Option<Order>, outcome: Outcome) {
        let state = &mut *self.lock();
        match (&mut state.series, outcome) {
            (Some(series), Outcome { results: Kept::One(payload), more: false, failed: false }) => {
                series.answered(slot, payload);
                if state.watched {
                    state.current = slot.as_ref().and_then(Name::of);
                }
            }
            (_, outcome) => {
                state.leave_out(slot.take().map(|order| outcome.of(order)));
                *slot = state.next();
            }
        }
    }

    /// One call is done, and the next one does not begin now.
    pub(super) fn end(&self, finished: Returned) {
        let mut state = self.lock();
        state.leave_out(Some(finished));
        state.current = None;
    }

    /// The calls that are done, in place of `room`, which is empty.
    pub(super) fn take_finished(&self, room: Vec<Finished>) -> Vec<Finished> {
        let mut state = self.lock();
        let done = state.series.as_mut().and_then(UnderWay::take_done);
        state.finished.extend(done);
        std::mem::replace(&mut state.finished, room)
    }

    /// The calls that have not begun go back to the front; says whether there are some.
    pub(super) fn give_back(&self, orders: &mut Orders) -> bool {
        let mut state = self.lock();
        if let Some(left) = state.series.as_mut().and_then(UnderWay::take_left) {
            orders.push_series_front(left);
            return true;
        }
        let some = !state.left.is_empty();
        while let Some(order) = state.left.pop_back() {
            orders.push_front(order);
        }
        some
    }

    /// What the call under way is called.
    pub(super) fn current(&self) -> Option<Name> {
        self.lock().current.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A call that does not go on with those of its series.
    fn leave_out(&mut self, finished: Option<Returned>) {
        if let Some(series) = &mut self.series {
            let done = series.take_done();
            series.leave_out();
            self.finished.extend(done);
        }
        self.finished.extend(finished.map(Finished::One));
    }

    fn next(&mut self) -> Option<Order> {
        let order = self.series.as_mut().and_then(UnderWay::next).or_else(|| self.left.pop_front());
        if self.watched {
            self.current = order.as_ref().and_then(Name::of);
        }
        order
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use std::sync::Arc;

    use super::super::batch::Batch;
    use super::super::debt::Debt;
    use super::super::envelope::PartId;
    use super::*;
    use crate::wire::{Message, parts_of};

    /// A run of calls with `0`, `1` and so on, which wait in `orders`.
    fn orders(count: u64) -> Orders {
        let header = Message::new("server.foo", "").header().clone();
        let item = |request: u64| Item { request, payload: request.to_string().into(), origin: None };
        let batch = Batch::new(header, 7, Debt::NONE, (0..count).map(item).collect());
        let mut orders = Orders::default();
        orders.push_series(Series { method: 0, part: PartId(1), batch });
        orders
    }

    /// What a call gives that says what it was called with, and something before it.
    fn answer(order: &Order) -> Outcome {
        let payload = [b"re ", &order.envelope.message.payload()[..]].concat();
        Outcome { results: Kept::One(payload.into()), more: false, failed: false }
    }

    /// The call is done, and the next one.
    fn answered(run: &Run, order: Order) -> Option<Order> {
        let (outcome, mut slot) = (answer(&order), Some(order));
        run.advance(&mut slot, outcome);
        slot
    }

    fn without_result(run: &Run, order: Order) -> Option<Order> {
        let mut slot = Some(order);
        run.advance(&mut slot, Outcome { results: Kept::Nothing, more: false, failed: false });
        slot
    }

    /// What is done, by the request and the result of each, and those of one call alone by their request.
    fn done(run: &Run) -> Vec<Vec<(u64, Option<Bytes>)>> {
        let request = |order: &Order| parts_of(order.envelope.message.id()).1;
        run.take_finished(Vec::new())
            .into_iter()
            .map(|finished| match finished {
                Finished::One(Returned { order, .. }) => vec![(request(&order), None)],
                Finished::Series { batch, bytes, .. } => {
                    assert_eq!(bytes, batch.len(), "a digit for each message");
                    batch.items.into_iter().map(|item| (item.request, Some(item.payload))).collect()
                }
            })
            .collect()
    }

    fn re(requests: impl IntoIterator<Item = u64>) -> Vec<(u64, Option<Bytes>)> {
        requests.into_iter().map(|request| (request, Some(format!("re {request}").into()))).collect()
    }

    #[test]
    fn a_series_is_one_batch_of_results() {
        let (run, mut orders) = (Run::default(), orders(5));
        run.begin(false, &mut orders, |_| true);
        assert!(orders.is_empty());
        let mut next = run.first();
        while let Some(order) = next {
            next = answered(&run, order);
        }
        assert_eq!(done(&run), [re(0..5)]);
        assert!(!run.give_back(&mut orders));
    }

    #[test]
    fn in_its_middle_what_is_done_and_what_is_left_can_be_taken_back() {
        let (run, mut orders) = (Arc::new(Run::default()), orders(5));
        run.begin(true, &mut orders, |_| true);
        let second = answered(&run, run.first().unwrap()).unwrap();
        assert_eq!(done(&run), [re(0..1)]);
        assert!(run.current().is_some());
        assert!(run.give_back(&mut orders));
        assert_eq!((orders.len(), run.give_back(&mut orders)), (3, false));
        // The call that was under way ends.
        assert!(answered(&run, second).is_none());
        assert_eq!(done(&run), [re(1..2)]);
        assert!(run.current().is_none());
        run.begin(true, &mut orders, |_| true);
        let third = run.first().unwrap();
        run.end(answer(&third).of(third));
        assert_eq!(done(&run), [vec![(2, None)]], "it goes on as a call of its own");
        assert!(run.give_back(&mut orders));
        let left: Vec<_> = orders.take_each().map(|order| order.envelope.message.payload().clone()).collect();
        assert_eq!(left, ["3", "4"]);
    }

    #[test]
    fn one_that_gives_none_or_several_is_alone_in_its_place() {
        let (run, mut orders) = (Run::default(), orders(5));
        run.begin(false, &mut orders, |_| true);
        let second = answered(&run, run.first().unwrap()).unwrap();
        let third = answered(&run, second).unwrap();
        let fourth = without_result(&run, third).unwrap();
        let fifth = answered(&run, fourth).unwrap();
        assert!(without_result(&run, fifth).is_none());
        assert_eq!(done(&run), [re(0..2), vec![(2, None)], re(3..4), vec![(4, None)]]);
    }
}

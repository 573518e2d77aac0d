//! Calls that are made one after the other while the engine is free to go on: what is done of them, and what is left, can be
//! taken back at any time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::batch::Item;
use super::envelope::Origin;
use super::job::{Finished, Kept, Returned};
use super::orders::{Order, Orders, Series};
use super::watch::Name;
use crate::wire::id_of;

/// Single orders that one run takes at most. A series has no more messages than came in one portion of a frame.
pub(super) const MAX_RUN: usize = 64;

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

    /// One call has given its one result. The same order for the next one.
    fn answered(&mut self, mut order: Order, payload: Bytes) -> Option<Order> {
        let message = &mut order.envelope.message;
        self.bytes += message.payload().len();
        if let Some(item) = self.series.batch.items.get_mut(self.at) {
            (item.payload, item.origin) = (payload, order.envelope.origin.take());
            self.at += 1;
        }
        let Some((request, payload, origin)) = self.take_next() else {
            order.envelope.close();
            return None;
        };
        order.envelope.message.set_item(id_of(self.series.batch.way.client, request), payload);
        order.envelope.origin = origin;
        Some(order)
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

    /// One call is done; gives the next one.
    pub(super) fn advance(&self, finished: Returned) -> Option<Order> {
        let mut state = self.lock();
        let Some(series) = &mut state.series else {
            state.finished.push(Finished::One(finished));
            return state.next();
        };
        let order = match finished {
            Returned { order, results: Kept::One(payload), more: false, failed: false, .. } => {
                series.answered(order, payload)
            }
            finished => {
                let done = series.take_done();
                series.leave_out();
                state.finished.extend(done);
                state.finished.push(Finished::One(finished));
                return state.next();
            }
        };
        if state.watched {
            state.current = order.as_ref().and_then(Name::of);
        }
        order
    }

    /// One call is done, and the next one does not begin now.
    pub(super) fn end(&self, finished: Returned) {
        let mut state = self.lock();
        if let Some(series) = &mut state.series {
            let done = series.take_done();
            series.leave_out();
            state.finished.extend(done);
        }
        state.finished.push(Finished::One(finished));
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

    fn returned(order: Order, results: Kept) -> Returned {
        Returned { order, results, more: false, failed: false, dropped: false }
    }

    /// The call has given what it was called with, and something before it.
    fn answered(order: Order) -> Returned {
        let payload = [b"re ", &order.envelope.message.payload()[..]].concat();
        returned(order, Kept::One(payload.into()))
    }

    fn none(order: Order) -> Returned {
        returned(order, Kept::Nothing)
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
            next = run.advance(answered(order));
        }
        assert_eq!(done(&run), [re(0..5)]);
        assert!(!run.give_back(&mut orders));
    }

    #[test]
    fn in_its_middle_what_is_done_and_what_is_left_can_be_taken_back() {
        let (run, mut orders) = (Arc::new(Run::default()), orders(5));
        run.begin(true, &mut orders, |_| true);
        let second = run.advance(answered(run.first().unwrap())).unwrap();
        assert_eq!(done(&run), [re(0..1)]);
        assert!(run.current().is_some());
        assert!(run.give_back(&mut orders));
        assert_eq!((orders.len(), run.give_back(&mut orders)), (3, false));
        // The call that was under way ends.
        assert!(run.advance(answered(second)).is_none());
        assert_eq!(done(&run), [re(1..2)]);
        assert!(run.current().is_none());
        run.begin(true, &mut orders, |_| true);
        run.end(answered(run.first().unwrap()));
        assert_eq!(done(&run), [vec![(2, None)]], "it goes on as a call of its own");
        assert!(run.give_back(&mut orders));
        let left: Vec<_> = orders.take_each().map(|order| order.envelope.message.payload().clone()).collect();
        assert_eq!(left, ["3", "4"]);
    }

    #[test]
    fn one_that_gives_none_or_several_is_alone_in_its_place() {
        let (run, mut orders) = (Run::default(), orders(5));
        run.begin(false, &mut orders, |_| true);
        let third = run.advance(answered(run.advance(answered(run.first().unwrap())).unwrap())).unwrap();
        let fourth = run.advance(none(third)).unwrap();
        let fifth = run.advance(answered(fourth)).unwrap();
        assert!(run.advance(none(fifth)).is_none());
        assert_eq!(done(&run), [re(0..2), vec![(2, None)], re(3..4), vec![(4, None)]]);
    }
}

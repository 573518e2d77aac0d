//! Calls that are made one after the other while the engine is free to go on: what is done of them, and what is left, can be
//! taken back at any time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec;

use super::batch::Item;
use super::job::{Finished, Kept, Returned};
use super::orders::{Order, Orders, Series};
use super::watch::Name;
use crate::wire::{id_of, parts_of};

/// Orders that one run takes at most.
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

/// A series whose calls are made.
struct UnderWay {
    /// Its batch has nothing in it: what is done goes there, and what is left comes from `left`.
    series: Series,
    left: vec::IntoIter<Item>,
    /// Results, each in place of its message, and the bytes of those messages.
    done: Vec<Item>,
    bytes: usize,
}

impl UnderWay {
    fn of(mut series: Series) -> Self {
        let items = std::mem::take(&mut series.batch.items);
        let done = Vec::with_capacity(items.len());
        Self { series, left: items.into_iter(), done, bytes: 0 }
    }

    /// One call has given its one result: it goes on in its place. The same order for the next one.
    fn answered(&mut self, mut order: Order, payload: bytes::Bytes) -> Option<Order> {
        let message = &mut order.envelope.message;
        self.bytes += message.payload().len();
        let (_, request) = parts_of(message.id());
        let next = self.left.next();
        let (next, origin) = match next {
            Some(Item { request, payload, origin }) => {
                message.set_item(id_of(self.series.batch.way.client, request), payload);
                (true, std::mem::replace(&mut order.envelope.origin, origin))
            }
            None => (false, order.envelope.origin.take()),
        };
        self.done.push(Item { request, payload, origin });
        if next {
            return Some(order);
        }
        order.envelope.close();
        None
    }

    /// What is done so far.
    fn take_done(&mut self) -> Option<Finished> {
        if self.done.is_empty() {
            return None;
        }
        let batch = self.series.batch.with(std::mem::take(&mut self.done));
        Some(Finished::Series { part: self.series.part, batch, bytes: std::mem::take(&mut self.bytes) })
    }

    fn next(&mut self) -> Option<Order> {
        self.left.next().map(|item| self.series.order(item))
    }
}

impl Run {
    /// Takes the first orders, up to so many.
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
        let State { series, finished: all, .. } = &mut *state;
        let order = match (series, finished) {
            (Some(series), Returned { order, results: Kept::One(payload), more: false, failed: false, .. }) => {
                series.answered(order, payload)
            }
            (series, finished) => {
                all.extend(series.as_mut().and_then(UnderWay::take_done));
                all.push(Finished::One(finished));
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
        let done = state.series.as_mut().and_then(UnderWay::take_done);
        state.finished.extend(done);
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
        if let Some(UnderWay { series: Series { method, part, batch }, left, .. }) = &mut state.series
            && left.len() > 0
        {
            let batch = batch.with(std::mem::take(left).collect());
            orders.push_series_front(Series { method: *method, part: *part, batch });
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

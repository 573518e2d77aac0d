//! Calls that are made one after the other while the engine is free to go on: what is done of them, and what is left, can be
//! taken back at any time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::job::Finished;
use super::router::Order;
use super::watch::Name;

/// Orders that one run takes at most.
pub(super) const MAX_RUN: usize = 64;

/// The calls of the one job that has the object for itself.
#[derive(Default)]
pub(super) struct Run(Mutex<State>);

#[derive(Default)]
struct State {
    left: VecDeque<Order>,
    finished: Vec<Finished>,
    /// The call under way, where calls are watched.
    watched: bool,
    current: Option<Name>,
}

impl Run {
    /// Takes the first orders, up to so many.
    pub(super) fn begin(&self, orders: &mut VecDeque<Order>, count: usize, watched: bool) {
        let mut state = self.lock();
        state.left.extend(orders.drain(..count));
        state.watched = watched;
    }

    /// One call is done; gives the next one.
    pub(super) fn advance(&self, finished: Option<Finished>) -> Option<Order> {
        let mut state = self.lock();
        state.finished.extend(finished);
        let order = state.left.pop_front();
        if state.watched {
            state.current = order.as_ref().and_then(Name::of);
        }
        order
    }

    /// One call is done, and the next one does not begin now.
    pub(super) fn end(&self, finished: Finished) {
        let mut state = self.lock();
        state.finished.push(finished);
        state.current = None;
    }

    /// The calls that are done, in place of `room`, which is empty.
    pub(super) fn take_finished(&self, room: Vec<Finished>) -> Vec<Finished> {
        std::mem::replace(&mut self.lock().finished, room)
    }

    /// The calls that have not begun go back to the front; says whether there are some.
    pub(super) fn give_back(&self, orders: &mut VecDeque<Order>) -> bool {
        let left = &mut self.lock().left;
        let some = !left.is_empty();
        while let Some(order) = left.pop_back() {
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

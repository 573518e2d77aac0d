//! The queue of calls: user code that waits for its turn.

use std::collections::VecDeque;

use super::batch::{Batch, Item};
use super::envelope::{Envelope, PartId};
use super::job::Task;
use super::watch::Name;

/// User code to be run for a message.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) task: Task,
    /// The part that goes on with the results.
    pub(crate) part: PartId,
    pub(crate) envelope: Envelope,
}

/// A method to be called with each message of a batch, one after the other.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) method: usize,
    pub(super) part: PartId,
    pub(super) batch: Batch,
}

impl Series {
    pub(super) fn order(&self, item: Item) -> Order {
        Order { task: Task::Call(self.method), part: self.part, envelope: self.batch.way.envelope(item) }
    }
}

#[derive(Debug)]
pub(super) enum Waiting {
    One(Order),
    /// In a place of its own, so that single ones are small.
    Several(Box<Series>),
}

/// What waits, in order.
#[derive(Debug, Default)]
pub(super) struct Orders {
    queue: VecDeque<Waiting>,
    messages: usize,
}

impl Orders {
    /// Messages that wait.
    pub(super) const fn len(&self) -> usize {
        self.messages
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn push(&mut self, order: Order) {
        self.messages += 1;
        self.queue.push_back(Waiting::One(order));
    }

    pub(super) fn push_series(&mut self, series: Series) {
        self.messages += series.batch.len();
        self.queue.push_back(Waiting::Several(Box::new(series)));
    }

    /// What is to be done first.
    pub(super) fn task(&self) -> Option<Task> {
        Some(match self.queue.front()? {
            Waiting::One(order) => order.task,
            Waiting::Several(series) => Task::Call(series.method),
        })
    }

    /// What the first call is called, if it is one.
    pub(super) fn name(&self) -> Option<Name> {
        match self.queue.front()? {
            Waiting::One(order) => Name::of(order),
            Waiting::Several(series) => Some(Name::of_item(series, series.batch.items.first()?)),
        }
    }

    /// The first one, if it is of one message: only such a one has a time of its own, or does not have the object to itself.
    pub(super) fn front_mut(&mut self) -> Option<&mut Order> {
        match self.queue.front_mut()? {
            Waiting::One(order) => Some(order),
            Waiting::Several(_) => None,
        }
    }

    /// Takes that one.
    pub(super) fn pop(&mut self) -> Option<Order> {
        let Waiting::One(order) = self.queue.pop_front_if(|waiting| matches!(waiting, Waiting::One(_)))? else {
            return None;
        };
        self.messages -= 1;
        Some(order)
    }

    /// Takes the first one, if it is of several messages.
    pub(super) fn pop_series(&mut self) -> Option<Series> {
        let Waiting::Several(series) = self.queue.pop_front_if(|waiting| matches!(waiting, Waiting::Several(_)))?
        else {
            return None;
        };
        self.messages -= series.batch.len();
        Some(*series)
    }

    /// Takes the first one, and up to so many with it that are of one message too, and alike.
    pub(super) fn take_run(&mut self, most: usize, into: &mut VecDeque<Order>, alike: impl Fn(&Order) -> bool) {
        let before = into.len();
        while into.len() < before + most
            && let Some(order) = self.front_mut()
            && (into.len() == before || alike(order))
        {
            into.extend(self.pop());
        }
    }

    pub(super) fn push_front(&mut self, order: Order) {
        self.messages += 1;
        self.queue.push_front(Waiting::One(order));
    }

    pub(super) fn push_series_front(&mut self, series: Series) {
        self.messages += series.batch.len();
        self.queue.push_front(Waiting::Several(Box::new(series)));
    }

    /// Takes all of them, each message for itself.
    pub(super) fn take_each(&mut self) -> impl Iterator<Item = Order> + use<> {
        let Self { queue, .. } = std::mem::take(self);
        queue.into_iter().flat_map(|waiting| {
            let (one, several) = match waiting {
                Waiting::One(order) => (Some(order), None),
                Waiting::Several(series) => (None, Some(series)),
            };
            let several = several.into_iter().flat_map(|series| {
                let Series { method, part, batch } = *series;
                batch.into_envelopes().map(move |envelope| Order { task: Task::Call(method), part, envelope })
            });
            one.into_iter().chain(several)
        })
    }
}

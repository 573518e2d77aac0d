//! Whose turn it is: user code goes out, and what it gave comes back.

use std::time::Instant;

use super::{
    Access, Counter, Done, Engine, Envelope, Job, MAX_ORDER_BYTES, MAX_TASK_BYTES, PartId, Step, Task, Transport,
};
use crate::service::Kind;

impl Engine {
    /// User code to be run, if there is some whose turn it is.
    pub(crate) fn next_job(&mut self, now: Instant, transport: &mut dyn Transport) -> Option<Job> {
        while self.has_job() {
            self.core.refuse_late(now);
            let task = self.core.orders.front()?.task;
            if task != Task::Pass {
                let access = self.access(task);
                let object = match access {
                    Access::Alone => self.object.take()?,
                    Access::Shared | Access::Async => self.object.as_ref()?.share()?,
                };
                let mut order = self.core.orders.pop_front()?;
                if access != Access::Alone {
                    order.envelope.message.set_threads(self.width.together());
                }
                *self.under_way(access) += 1;
                let call = self.core.watch.begin(&order, now);
                return Some(Job { order, object, access, call });
            }
            let mut order = self.core.orders.pop_front()?;
            if self.is_running() {
                order.envelope.message.set_threads(self.width.together());
            }
            self.core.ordered_bytes -= order.envelope.message.payload().len();
            self.core.leave(order.part, order.envelope);
            self.settle(now, transport);
        }
        None
    }

    /// User code is done.
    pub(crate) fn finish(&mut self, done: Done, now: Instant, transport: &mut dyn Transport) {
        *self.under_way(self.access(done.order.task)) -= 1;
        self.core.watch.end(done.call);
        if let Some(object) = done.object {
            self.object = Some(object);
        }
        self.core.ordered_bytes -= done.order.envelope.message.payload().len();
        if matches!(done.order.task, Task::Call(_)) {
            self.core.stats.add(Counter::Calls, 1);
        }
        if done.failed {
            self.core.stats.add(Counter::Errors, 1);
        }
        if done.dropped && self.draining && self.core.description.is_some_and(|known| known.kind == Kind::Worker) {
            // Its master will have it done by others.
            if let Some(origin) = &done.order.envelope.origin {
                origin.silence();
            }
            return;
        }
        let (task, part) = (done.order.task, done.order.part);
        if done.results.is_empty() && !done.more {
            self.core.calls.settled(done.order.envelope.message.client());
        }
        // The last result is the end of its message; where there is none, or each is a branch of its own, that is said apart.
        let branches = task == Task::Scatter && (done.more || done.results.len() > 1);
        let apart = branches || done.results.is_empty();
        let Envelope { message, debt, origin, .. } = done.order.envelope;
        // Nothing more comes of it: what it gave has its origin.
        drop(origin);
        self.leave_all(part, task, done.results, true, branches);
        if apart {
            self.core.settle_branch(debt, &message, now);
        }
        self.settle(now, transport);
    }

    /// Results of user code that is still running.
    pub(crate) fn results(
        &mut self,
        part: PartId,
        task: Task,
        results: Vec<Envelope>,
        now: Instant,
        transport: &mut dyn Transport,
    ) {
        if let Some(first) = results.first() {
            self.core.watch.heard(first.origin.as_ref(), now);
        }
        self.leave_all(part, task, results, false, task == Task::Scatter);
        self.settle(now, transport);
    }

    /// `last`: no other results of that user code come. `branches`: each of them is settled for itself.
    fn leave_all(&mut self, part: PartId, task: Task, results: Vec<Envelope>, last: bool, branches: bool) {
        let count = results.len();
        if let Some(Envelope { message, debt, .. }) = results.first().filter(|_| branches) {
            self.core.debts.fork(*debt, message.id(), count);
        }
        for (place, mut envelope) in results.into_iter().enumerate() {
            if !branches && (!last || place + 1 < count) {
                envelope.debt = envelope.debt.not_last();
            }
            match task {
                Task::Pass | Task::Call(_) | Task::Scatter => self.core.leave(part, envelope),
                Task::Gather => self.core.gathered(part, envelope),
                Task::HandleStream => self.core.steps.push_back(Step::Deliver(part, envelope)),
            }
        }
    }

    /// Whether user code can be run now: that which came first, and only where nothing that is running forbids it.
    pub(crate) fn has_job(&self) -> bool {
        let Some(order) = self.core.orders.front() else { return false };
        match order.task {
            // Behind a call that has the object for itself, even what only passes keeps its place.
            Task::Pass => !self.is_running() || (self.object.is_some() && self.width.together() > 1),
            task => match self.access(task) {
                Access::Alone => self.object.is_some() && !self.is_running(),
                Access::Shared => self.object.is_some() && self.running < self.width.threads,
                Access::Async => self.object.is_some() && self.running_tasks < self.width.tasks,
            },
        }
    }

    /// Whether a task leaves the object to others of its kind.
    fn access(&self, task: Task) -> Access {
        let Task::Call(method) = task else { return Access::Alone };
        if !self.width.shares() {
            return Access::Alone;
        }
        match self.core.description.and_then(|known| known.methods.get(method)) {
            Some(method) if method.is_async => Access::Async,
            Some(method) if method.shared => Access::Shared,
            _ => Access::Alone,
        }
    }

    /// How much user code of that kind is out.
    const fn under_way(&mut self, access: Access) -> &mut usize {
        match access {
            Access::Alone | Access::Shared => &mut self.running,
            Access::Async => &mut self.running_tasks,
        }
    }

    pub(super) const fn is_running(&self) -> bool {
        self.running > 0 || self.running_tasks > 0
    }

    pub(super) const fn max_order_bytes(&self) -> usize {
        let threads = if self.width.threads > 1 { self.width.threads } else { 1 };
        MAX_ORDER_BYTES.saturating_mul(threads).saturating_add(MAX_TASK_BYTES.saturating_mul(self.width.tasks))
    }

    /// Whether calls that share the object have threads of their own.
    pub(crate) const fn has_threads(&self) -> bool {
        self.width.threads > 1
    }

    /// Calls that are under way as tasks.
    #[cfg(feature = "tokio")]
    pub(crate) const fn running_tasks(&self) -> usize {
        self.running_tasks
    }
}

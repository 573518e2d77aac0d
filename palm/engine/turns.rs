//! Whose turn it is: user code goes out, and what it gave comes back.

use std::time::Instant;

use super::job::{Finished, Input, Kept, Returned};
use super::orders::Order;
use super::{
    Access, Contents, Counter, Done, Engine, Envelope, Job, MAX_ORDER_BYTES, MAX_TASK_BYTES, PartId, Step, Task,
    Transport,
};
use crate::service::Kind;

impl Engine {
    /// User code to be run, if there is some whose turn it is.
    pub(crate) fn next_job(&mut self, now: Instant, transport: &mut dyn Transport) -> Option<Job> {
        // Calls that were handed out without waiting for their end have made room.
        if self.core.behind.is_some() || self.core.links.has_parked() {
            self.settle(now, transport);
        }
        while self.has_job() {
            self.core.refuse_late(now);
            let task = self.core.orders.task()?;
            if task != Task::Pass {
                let access = self.access(task);
                let call = self.core.watch.begin(|| self.core.orders.name(), now);
                let (object, input) = match access {
                    Access::Alone => (self.object.take()?, self.run_of(task)),
                    Access::Shared | Access::Async => {
                        let object = self.object.as_ref()?.share()?;
                        let mut order = self.core.orders.pop()?;
                        order.envelope.message.set_threads(self.width.together());
                        (object, Input::One(order))
                    }
                };
                *self.under_way(access) += 1;
                return Some(Job { input, object, access, call });
            }
            let mut order = self.core.orders.pop()?;
            if self.is_running() {
                order.envelope.message.set_threads(self.width.together());
            }
            self.core.ordered_bytes -= order.envelope.message.payload().len();
            self.core.leave(order.part, order.envelope);
            self.settle(now, transport);
        }
        None
    }

    /// The calls of one kind at the front, which have the object for themselves one after the other. One with a time of its
    /// own begins none but itself, since that may be over when its turn has come.
    fn run_of(&mut self, task: Task) -> Input {
        let alike = |order: &Order| order.task == task && order.envelope.message.deadline().is_none();
        self.run.begin(self.core.watch.is_on(), &mut self.core.orders, alike);
        Input::Run(self.run.clone())
    }

    /// A job is done.
    pub(crate) fn finish(&mut self, done: Done, now: Instant, transport: &mut dyn Transport) {
        *self.under_way(done.access) -= 1;
        self.core.watch.end(done.call);
        if let Some(object) = done.object {
            self.object = Some(object);
        }
        if done.access == Access::Alone {
            self.take_back(now, transport);
        }
        if let Some(finished) = done.finished {
            self.conclude_one(finished, now);
        }
        self.settle(now, transport);
    }

    /// The job that has the object for itself takes long: what it has done already goes on, and what it has not begun waits
    /// here.
    pub(crate) fn relieve(&mut self, now: Instant, transport: &mut dyn Transport) {
        self.take_back(now, transport);
        if let Some(name) = self.run.current() {
            self.core.watch.goes_on(name, now);
        }
        self.settle(now, transport);
    }

    fn take_back(&mut self, now: Instant, transport: &mut dyn Transport) {
        let mut finished = self.run.take_finished(std::mem::take(&mut self.finished));
        for finished in finished.drain(..) {
            self.conclude(finished, now);
            self.settle_steps(now, transport);
        }
        self.finished = finished;
        if self.run.give_back(&mut self.core.orders) && self.draining {
            self.hand_back();
        }
    }

    /// Calls of a job that goes on.
    pub(crate) fn finished(&mut self, finished: Vec<Finished>, now: Instant, transport: &mut dyn Transport) {
        for finished in finished {
            self.conclude(finished, now);
        }
        self.settle(now, transport);
    }

    /// What user code gave leaves it.
    fn conclude(&mut self, finished: Finished, now: Instant) {
        match finished {
            Finished::One(returned) => self.conclude_one(returned, now),
            Finished::Series { part, batch, bytes } => {
                self.core.ordered_bytes -= bytes;
                self.core.tally.calls += batch.len() as u64;
                self.core.leave_batch(part, batch);
            }
        }
    }

    fn conclude_one(&mut self, returned: Returned, now: Instant) {
        let Returned { order: Order { task, part, envelope }, results, more, failed, dropped } = returned;
        self.core.ordered_bytes -= envelope.message.payload().len();
        if matches!(task, Task::Call(_)) {
            self.core.tally.calls += 1;
        }
        if failed {
            self.core.stats.add(Counter::Errors, 1);
        }
        if dropped && self.draining && self.core.description.is_some_and(|known| known.kind == Kind::Worker) {
            // Its master will have it done by others.
            if let Some(origin) = &envelope.origin {
                origin.silence();
            }
            return;
        }
        let results = match results {
            Kept::One(payload) => {
                // It is the end of its message, and goes on in its place.
                let mut envelope = envelope;
                envelope.topic = None;
                envelope.message.set_payload(payload);
                return self.leave_from(part, task, envelope);
            }
            Kept::Nothing => Vec::new(),
            Kept::Several(results) => results,
        };
        if results.is_empty() && !more {
            self.core.calls.settled(envelope.message.client());
        }
        // The last result is the end of its message; where there is none, or each is a branch of its own, that is said apart.
        let branches = task == Task::Scatter && (more || results.len() > 1);
        let apart = branches || results.is_empty();
        let Contents { message, debt, origin, .. } = envelope.open();
        // Nothing more comes of it: what it gave has its origin.
        drop(origin);
        self.leave_all(part, task, results, true, branches);
        if apart {
            self.core.settle_branch(debt, &message, now);
        }
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
        if let Some(first) = results.first().filter(|_| branches) {
            self.core.debts.fork(first.debt, first.message.id(), count);
        }
        for (place, mut envelope) in results.into_iter().enumerate() {
            if !branches && (!last || place + 1 < count) {
                envelope.debt = envelope.debt.not_last();
            }
            self.leave_from(part, task, envelope);
        }
    }

    fn leave_from(&mut self, part: PartId, task: Task, envelope: Envelope) {
        match task {
            Task::Pass | Task::Call(_) | Task::Scatter => self.core.leave(part, envelope),
            Task::Gather => self.core.gathered(part, envelope),
            Task::HandleStream => self.core.steps.push_back(Step::Deliver(part, envelope)),
        }
    }

    /// Whether user code can be run now: that which came first, and only where nothing that is running forbids it.
    pub(crate) fn has_job(&self) -> bool {
        let Some(task) = self.core.orders.task() else { return false };
        match task {
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
        if !self.core.shares {
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

//! Calls of async methods: tasks of a tokio runtime.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::task::{JoinSet, block_in_place};
use tracing::Instrument as _;

use super::relief::Shared;
use crate::engine::{Done, Envelope, Finished, Host, Job, PartId, Runner, Task};
use crate::error::{Error, Result};
use crate::service::Component;
use crate::topology::Plan;

/// Threads of a runtime of the component's own; fewer where the machine has fewer.
const THREADS: usize = 4;

pub(super) struct Tasks {
    handle: Handle,
    /// The component's own runtime, until it ends.
    own: Mutex<Option<Runtime>>,
    /// `None` once tasks were given up.
    under_way: Mutex<Option<JoinSet<()>>>,
    span: tracing::Span,
}

impl Tasks {
    /// What the methods of `plan` need, if they need any.
    pub(super) fn of(plan: &Plan, span: &tracing::Span) -> Result<Option<Self>> {
        if plan.width.tasks == 0 {
            return Ok(None);
        }
        let own = if plan.runtime.is_some() { None } else { Some(own_runtime(&plan.name)?) };
        let handle = plan.runtime.clone().or_else(|| own.as_ref().map(|own| own.handle().clone()));
        let (own, under_way, span) = (Mutex::new(own), Mutex::new(Some(JoinSet::new())), span.clone());
        Ok(handle.map(|handle| Self { handle, own, under_way, span }))
    }

    pub(super) fn spawn(&self, host: Arc<Shared>, job: Job) {
        let task = job.into_task(host).instrument(self.span.clone());
        let mut under_way = lock(&self.under_way);
        // After an abort the task is dropped here, and so answered.
        if let Some(under_way) = under_way.as_mut() {
            while under_way.try_join_next().is_some() {}
            under_way.spawn_on(task, &self.handle);
        }
    }

    /// Drops what is under way, each call where it waits next, and what comes.
    pub(super) fn abort(&self) {
        let under_way = lock(&self.under_way).take();
        drop(under_way);
    }

    /// The component has ended.
    pub(super) fn close(&self) {
        self.abort();
        let own = lock(&self.own).take();
        if let Some(own) = own {
            own.shutdown_background();
        }
    }
}

impl Drop for Tasks {
    /// A component that could not be started ends too, and this may be a thread of another runtime, which must not wait.
    fn drop(&mut self) {
        self.close();
    }
}

fn own_runtime(name: &str) -> Result<Runtime> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(format!("palm {name} tasks"))
        .enable_all()
        .build()
        .map_err(|error| Error::system("start a runtime", error))
}

impl Host for Shared {
    fn component(&self) -> &Component {
        &self.component
    }

    fn runner(&self) -> &dyn Runner {
        self
    }

    fn done(&self, done: Done) {
        self.inbox.done(done);
    }
}

impl Runner for Shared {
    /// A task that has to wait leaves the other tasks of its thread to another one, where the runtime has any.
    fn offer(&self, part: PartId, task: Task, results: Vec<Envelope>) {
        let Some(results) = self.inbox.try_offer(part, task, results) else { return };
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => block_in_place(|| self.inbox.offer(part, task, results)),
            _ => self.inbox.offer(part, task, results),
        }
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn finished(&self, finished: Vec<Finished>) {
        self.inbox.finished(finished);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

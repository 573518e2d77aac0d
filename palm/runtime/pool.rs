//! Calls that may run beside each other, and the threads that wait for them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::Job;

/// Calls on their way to a thread; the engine gives no more than there are threads.
#[derive(Default)]
pub(super) struct Pool {
    contents: Mutex<Contents>,
    given: Condvar,
}

#[derive(Default)]
struct Contents {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Pool {
    pub(super) fn give(&self, job: Job) {
        self.lock().jobs.push_back(job);
        self.given.notify_one();
    }

    /// The next call, waited for; `None` when the component has ended.
    pub(super) fn take(&self) -> Option<Job> {
        let mut contents = self
            .given
            .wait_while(self.lock(), |contents| contents.jobs.is_empty() && !contents.closed)
            .unwrap_or_else(PoisonError::into_inner);
        contents.jobs.pop_front()
    }

    /// Lets the threads go; what none has begun is not done any more.
    pub(super) fn close(&self) {
        let mut contents = self.lock();
        contents.closed = true;
        let jobs = std::mem::take(&mut contents.jobs);
        drop(contents);
        self.given.notify_all();
        // References to the user's object are among it: not under the lock.
        drop(jobs);
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

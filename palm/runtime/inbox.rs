//! What other threads have for the reactor.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::engine::{Done, Envelope, Finished, PartId, Runner, Task};
use crate::socket::Waker;

/// Batches of results that may wait for the reactor before the user's code is held up.
const MAX_BATCHES: usize = 4;

/// What user code gave, in the order it gave it.
pub(super) enum Given {
    /// Results of user code that is still running.
    Batch { part: PartId, task: Task, results: Vec<Envelope> },
    /// Calls of a job that goes on.
    Finished(Vec<Finished>),
    /// A job is done.
    Done(Done),
}

impl Given {
    fn has_object(&self) -> bool {
        matches!(self, Self::Done(done) if done.has_object())
    }
}

/// A peer asks the cache for a key whose value depends on who asks.
pub(super) struct Ask {
    pub(super) part: PartId,
    pub(super) asker: String,
    pub(super) answer: Sender<Option<String>>,
}

#[derive(Default)]
struct Contents {
    stop: bool,
    asks: VecDeque<Ask>,
    given: VecDeque<Given>,
    closed: bool,
}

impl Contents {
    /// Whether user code has to wait with its results.
    fn is_full(&self) -> bool {
        self.given.len() >= MAX_BATCHES && !self.closed
    }
}

pub(super) struct Inbox {
    contents: Mutex<Contents>,
    taken: Condvar,
    /// Whether a look inside is worth the lock.
    any: AtomicBool,
    waker: Waker,
}

impl Inbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self { contents: Mutex::default(), taken: Condvar::new(), any: AtomicBool::new(false), waker }
    }

    /// Something lies elsewhere for the reactor.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// The component shall end.
    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.any.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether the component was told to end; says so once.
    pub(super) fn take_stop(&self) -> bool {
        self.any.load(Ordering::Acquire) && std::mem::take(&mut self.lock().stop)
    }

    pub(super) fn ask(&self, ask: Ask) {
        let mut contents = self.lock();
        if contents.closed {
            // The asker is told by the end of its channel.
            return;
        }
        contents.asks.push_back(ask);
        drop(contents);
        self.any.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub(super) fn take_ask(&self) -> Option<Ask> {
        if self.any.load(Ordering::Acquire) { self.lock().asks.pop_front() } else { None }
    }

    /// User code is done. If results of it still wait, it is queued behind them; otherwise it comes straight back.
    pub(super) fn behind_batches(&self, done: Done) -> Option<Done> {
        if !self.any.load(Ordering::Acquire) || self.lock().given.is_empty() {
            return Some(done);
        }
        self.done(done);
        None
    }

    /// User code that another thread has run is done.
    pub(super) fn done(&self, done: Done) {
        self.lock().given.push_back(Given::Done(done));
        self.any.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// The next thing that user code gave; a batch only if `wanted` says that there is room for it, or if it was scattered
    /// and the object is behind it: results that would make room wait for that, to be gathered.
    pub(super) fn given(&self, wanted: impl Fn(PartId) -> bool) -> Option<Given> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut contents = self.lock();
        match contents.given.front() {
            None if !contents.stop && contents.asks.is_empty() => {
                self.any.store(false, Ordering::Release);
                None
            }
            Some(Given::Batch { part, task, .. })
                if !wanted(*part) && (*task != Task::Scatter || !contents.given.iter().any(Given::has_object)) =>
            {
                None
            }
            _ => {
                let given = contents.given.pop_front();
                self.taken.notify_all();
                given
            }
        }
    }

    /// Takes results if that needs no waiting, and else gives them back.
    #[cfg(feature = "tokio")]
    pub(super) fn try_offer(&self, part: PartId, task: Task, results: Vec<Envelope>) -> Option<Vec<Envelope>> {
        let contents = self.lock();
        if contents.is_full() {
            return Some(results);
        }
        self.take_in(contents, part, task, results);
        None
    }

    fn take_in(&self, contents: MutexGuard<'_, Contents>, part: PartId, task: Task, results: Vec<Envelope>) {
        self.put(contents, Given::Batch { part, task, results });
    }

    fn put(&self, mut contents: MutexGuard<'_, Contents>, given: Given) {
        if contents.closed {
            // The component has ended without this code, whose results have nowhere to go, however many are still to come.
            return;
        }
        contents.given.push_back(given);
        drop(contents);
        self.any.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Nobody will take anything any more.
    pub(super) fn close(&self) {
        let mut contents = self.lock();
        contents.closed = true;
        contents.asks.clear();
        let given = std::mem::take(&mut contents.given);
        drop(contents);
        self.taken.notify_all();
        // Users' objects may be among it: not under the lock.
        drop(given);
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runner for Inbox {
    /// Waits while the reactor has too much to do: user code that yields faster than its results can leave is slowed.
    fn offer(&self, part: PartId, task: Task, results: Vec<Envelope>) {
        let contents = self.lock();
        let contents =
            self.taken.wait_while(contents, |contents| contents.is_full()).unwrap_or_else(PoisonError::into_inner);
        self.take_in(contents, part, task, results);
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn finished(&self, finished: Vec<Finished>) {
        if !finished.is_empty() {
            self.put(self.lock(), Given::Finished(finished));
        }
    }
}

//! What other threads have for the reactor.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::{Done, Envelope, Overflow, PartId, Task};
use crate::socket::Waker;

/// Batches of results that may wait for the reactor before the user's code is held up.
const MAX_BATCHES: usize = 4;

pub(super) enum Event {
    /// User code that another thread has run is done.
    Done(Done),
    /// The component shall end.
    Stop,
    /// A peer asks the cache for a key whose value depends on who asks.
    Ask { part: PartId, asker: String, answer: Sender<Option<String>> },
}

/// Results of user code that is still running.
pub(super) struct Batch {
    pub(super) part: PartId,
    pub(super) task: Task,
    pub(super) results: Vec<Envelope>,
}

#[derive(Default)]
struct Contents {
    events: VecDeque<Event>,
    batches: VecDeque<Batch>,
    closed: bool,
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

    pub(super) fn push(&self, event: Event) {
        self.lock().events.push_back(event);
        self.any.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// The next event; all events come before any batch.
    pub(super) fn event(&self) -> Option<Event> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut contents = self.lock();
        let event = contents.events.pop_front();
        if contents.events.is_empty() && contents.batches.is_empty() {
            self.any.store(false, Ordering::Release);
        }
        event
    }

    /// The next batch, if `wanted` says that there is room for it.
    pub(super) fn batch(&self, wanted: impl Fn(PartId) -> bool) -> Option<Batch> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut contents = self.lock();
        if !contents.batches.front().is_some_and(|batch| wanted(batch.part)) {
            return None;
        }
        let batch = contents.batches.pop_front();
        self.taken.notify_all();
        batch
    }

    /// Nobody will take anything any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.taken.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Overflow for Inbox {
    /// Waits while the reactor has too much to do: user code that yields faster than its results can leave is slowed.
    fn offer(&self, part: PartId, task: Task, results: Vec<Envelope>) {
        let contents = self.lock();
        let mut contents = self
            .taken
            .wait_while(contents, |contents| contents.batches.len() >= MAX_BATCHES && !contents.closed)
            .unwrap_or_else(PoisonError::into_inner);
        contents.batches.push_back(Batch { part, task, results });
        drop(contents);
        self.any.store(true, Ordering::Release);
        self.waker.wake();
    }
}

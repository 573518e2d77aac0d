//! Two threads for one reactor, so that a slow method stalls nobody and a fast one pays for no change of thread.
//!
//! One thread drives the reactor and runs the user's code itself, with the reactor unlocked meanwhile. When that takes
//! longer than [`PATIENCE`], the other one, the relief, which looks from time to time, locks the reactor and drives it on. The
//! first hands its result in through the inbox when it is done, and becomes the relief.

use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "tokio")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::ending::Ending;
use super::inbox::Inbox;
use super::pool::Pool;
use super::reactor::{Next, Reactor};
use super::stop::Stop;
#[cfg(feature = "tokio")]
use super::tasks::Tasks;
use crate::cache::RemoteCache;
use crate::engine::{Stats, panic_text};
use crate::error::{Error, Result};
use crate::service::Component;

/// How long user code may keep the reactor waiting.
const PATIENCE: Duration = Duration::from_millis(2);
/// How often the relief looks whether it does: at first, and when all that it has seen of late ended soon. Each look wakes a thread
/// up, beside which a quick method costs nothing.
const LOOK_EVERY: Duration = PATIENCE;
const LOOK_SELDOM: Duration = Duration::from_millis(16);
/// Rounds without user code after which the relief sleeps until there is some.
const QUIET_ROUNDS: u32 = 10;

/// A component at work, as its threads share it.
pub(super) struct Shared {
    reactor: Mutex<Option<Reactor>>,
    pub(super) inbox: Inbox,
    pool: Pool,
    #[cfg(feature = "tokio")]
    pub(super) tasks: OnceLock<Tasks>,
    pub(super) component: Component,
    pub(super) stats: Arc<Stats>,
    pub(super) stop: Arc<Stop>,
    /// The master's cache, for a worker.
    remote: Option<Arc<RemoteCache>>,
    /// Odd while user code runs; grows with each start and each end.
    calls: AtomicU64,
    /// When it last started, in nanoseconds since `epoch`.
    began: AtomicU64,
    epoch: Instant,
    relief_sleeps: AtomicBool,
    relief: Mutex<Option<Thread>>,
    pub(super) ending: Arc<Ending>,
    #[cfg(feature = "metrics")]
    published: super::publish::Published,
}

impl Shared {
    pub(super) fn new(
        inbox: Inbox,
        component: Component,
        stats: Arc<Stats>,
        stop: Arc<Stop>,
        remote: Option<Arc<RemoteCache>>,
    ) -> Self {
        Self {
            reactor: Mutex::new(None),
            inbox,
            pool: Pool::default(),
            #[cfg(feature = "tokio")]
            tasks: OnceLock::new(),
            component,
            stats,
            stop,
            remote,
            calls: AtomicU64::new(0),
            began: AtomicU64::new(0),
            epoch: Instant::now(),
            relief_sleeps: AtomicBool::new(false),
            relief: Mutex::new(None),
            ending: Arc::default(),
            #[cfg(feature = "metrics")]
            published: Default::default(),
        }
    }

    /// Drives `reactor` on this thread until the component ends or the relief takes over; then is the relief.
    pub(super) fn drive(self: &Arc<Self>, mut reactor: Reactor) {
        reactor.started();
        let mut guard = lock(&self.reactor);
        *guard = Some(reactor);
        self.serve(guard);
        self.relieve();
    }

    /// Tells the component to end.
    pub(super) fn shut_down(&self) {
        if let Some(remote) = &self.remote {
            remote.interrupt();
        }
        self.inbox.stop();
    }

    /// Has the component end with this error, when what is inside is handed over.
    pub(super) fn fail(&self, error: Error) {
        tracing::error!("the component ends: {error}");
        self.ending.note(Err(error));
        self.shut_down();
    }

    /// Runs a thread of the component, and notes a panic: a fault of ours, not of user code.
    pub(super) fn guard(&self, run: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            let component = self.component.name.clone();
            self.end(Err(Error::Panicked { component, text: panic_text(&*panic) }));
        }
        // Whatever it has counted last.
        #[cfg(feature = "metrics")]
        self.publish();
    }

    /// Hands the counters to the `metrics` facade until the component ends.
    #[cfg(feature = "metrics")]
    pub(super) fn keep_published(&self) {
        self.publish();
        while !self.stop.wait(super::publish::PUBLISH_EVERY) {
            self.publish();
        }
    }

    #[cfg(feature = "metrics")]
    fn publish(&self) {
        self.published.update(&self.component.name, &self.stats, self.has_ended());
    }

    fn serve<'s>(self: &'s Arc<Self>, mut guard: MutexGuard<'s, Option<Reactor>>) {
        loop {
            let Some(reactor) = guard.as_mut() else { return };
            match reactor.turn(&self.inbox, &self.stats) {
                Next::Again => {}
                Next::Share(job) => self.pool.give(job),
                #[cfg(feature = "tokio")]
                Next::Spawn(job) => {
                    if let Some(tasks) = self.tasks.get() {
                        tasks.spawn(self.clone(), job);
                    }
                }
                #[cfg(feature = "tokio")]
                Next::Abort => {
                    if let Some(tasks) = self.tasks.get() {
                        tasks.abort();
                    }
                }
                Next::Ended(outcome) => {
                    let reactor = guard.take();
                    drop(guard);
                    if let Some(reactor) = reactor {
                        reactor.close();
                    }
                    return self.end(outcome);
                }
                Next::Run(job) => {
                    drop(guard);
                    self.begin_call();
                    let done = job.run(&self.component, &self.inbox);
                    self.calls.fetch_add(1, Ordering::SeqCst);
                    // The relief does not run user code before it has this result, so a free lock is nobody else's.
                    guard = match self.reactor.try_lock() {
                        Ok(guard) => guard,
                        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                        Err(TryLockError::WouldBlock) => return self.inbox.done(done),
                    };
                    let Some(reactor) = guard.as_mut() else { return };
                    if let Some(done) = self.inbox.behind_batches(done) {
                        reactor.finish(done);
                    }
                }
            }
        }
    }

    /// Runs calls that share the object, until the component ends.
    pub(super) fn work(&self) {
        while let Some(job) = self.pool.take() {
            let done = job.run(&self.component, &self.inbox);
            self.inbox.done(done);
        }
    }

    fn begin_call(&self) {
        self.began.store(self.nanos(), Ordering::SeqCst);
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.relief_sleeps.load(Ordering::SeqCst)
            && let Some(relief) = lock(&self.relief).as_ref()
        {
            relief.unpark();
        }
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether user code runs, and has for long. `calls` was read before, so the start is that of the call it counts, or a later
    /// one's.
    fn is_late(&self, calls: u64) -> bool {
        let ran = self.nanos().saturating_sub(self.began.load(Ordering::SeqCst));
        calls % 2 == 1 && Duration::from_nanos(ran) >= PATIENCE
    }

    /// Is the relief until the component ends.
    pub(super) fn relieve(self: &Arc<Self>) {
        let (mut seen, mut quiet, mut every) = (0, 0, LOOK_EVERY);
        self.note_relief();
        while !self.has_ended() {
            let calls = self.calls.load(Ordering::SeqCst);
            if self.is_late(calls) {
                if let Ok(mut guard) = self.reactor.try_lock() {
                    if let Some(reactor) = guard.as_mut() {
                        reactor.relieve();
                    }
                    self.serve(guard);
                    // The other one was, meanwhile.
                    self.note_relief();
                    every = LOOK_EVERY;
                    continue;
                }
            } else if calls != seen {
                (seen, quiet, every) = (calls, 0, (2 * every).min(LOOK_SELDOM));
            } else if quiet < QUIET_ROUNDS {
                quiet += 1;
            } else {
                self.sleep(calls);
                (quiet, every) = (0, LOOK_EVERY);
            }
            // What has begun is looked at again as soon as it may be late.
            thread::park_timeout(if calls % 2 == 1 { LOOK_EVERY } else { every });
        }
    }

    /// This thread is who is woken.
    fn note_relief(&self) {
        *lock(&self.relief) = Some(thread::current());
    }

    /// Sleeps until user code begins. `calls` is looked at again after the sleep was announced, so that none is missed.
    fn sleep(&self, calls: u64) {
        self.relief_sleeps.store(true, Ordering::SeqCst);
        if calls.is_multiple_of(2) && self.calls.load(Ordering::SeqCst) == calls && !self.has_ended() {
            thread::park();
        }
        self.relief_sleeps.store(false, Ordering::SeqCst);
    }

    pub(super) fn end(&self, outcome: Result<()>) {
        self.stop.set();
        self.inbox.close();
        self.pool.close();
        #[cfg(feature = "tokio")]
        if let Some(tasks) = self.tasks.get() {
            tasks.close();
        }
        self.ending.end(outcome);
        if let Some(relief) = lock(&self.relief).as_ref() {
            relief.unpark();
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ending.has_come()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

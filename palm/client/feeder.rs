//! Sends the messages of a job while their answers come in.
//!
//! A thread of its own pulls the source, so that a source that is slow or blocks holds up no answer. What is under way is
//! bounded by a window, which grows only while the job waits in vain: components may answer many messages with one.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::connection::{Connection, Tray};
use super::flusher::Flusher;
use super::id::{Ids, Place};
use super::outgoing::Outgoing;
use super::payload::Payload;
use super::window::Window;
use crate::error::{Error, Result};

/// Stands for "not now" in a count of nanoseconds or messages.
const NEVER: u64 = u64::MAX;

/// Hands over the payload of a source's next message; `None` at its end.
pub(super) type Source = Box<dyn FnMut(&mut dyn FnMut(Payload<'_>)) -> Option<Result<()>> + Send>;

/// How the messages of a job leave.
pub(super) enum Way {
    /// Each as a frame.
    Classic(Outgoing),
    /// Many in one, which is written here.
    Link(Arc<Tray>),
}

/// What a job and its feeder know of each other.
#[derive(Debug)]
pub(super) struct Feed {
    epoch: Instant,
    stopped: AtomicBool,
    /// Messages that need no longer be counted as under way.
    settled: AtomicU64,
    /// The feeder sleeps until so many are settled.
    resume_at: AtomicU64,
    /// Windows that it may use up beyond the first.
    more: AtomicU64,
    /// How many messages there were, once the source is at its end.
    sent: AtomicU64,
    ended: AtomicBool,
    failure: Mutex<Option<Failure>>,
    /// Nanoseconds spent in the source and with what it gave, and since when it is there now.
    pulled: AtomicU64,
    pulling_since: AtomicU64,
}

/// How a source ended too early.
pub(super) enum Failure {
    /// It panicked, with this.
    Panic(Box<dyn Any + Send>),
    /// An item has no bytes.
    Item(Error),
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Panic(_) => f.write_str("Panic"),
            Self::Item(error) => error.fmt(f),
        }
    }
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            stopped: AtomicBool::new(false),
            settled: AtomicU64::new(0),
            resume_at: AtomicU64::new(NEVER),
            more: AtomicU64::new(0),
            sent: AtomicU64::new(NEVER),
            ended: AtomicBool::new(false),
            failure: Mutex::new(None),
            pulled: AtomicU64::new(0),
            pulling_since: AtomicU64::new(NEVER),
        }
    }

    /// No message is sent from now on. The feeder ends as soon as it is out of its source.
    pub(super) fn stop(&self, feeder: &thread::Thread) {
        self.stopped.store(true, SeqCst);
        feeder.unpark();
    }

    /// Notes how many messages are settled if the feeder waits for that.
    pub(super) fn settle_if_full(&self, settled: u64, feeder: &thread::Thread) {
        if settled >= self.resume_at.load(Relaxed) {
            self.settle(settled, feeder);
        }
    }

    /// Notes how many messages are settled, and wakes the feeder when there is room again.
    pub(super) fn settle(&self, settled: u64, feeder: &thread::Thread) {
        self.settled.store(settled, SeqCst);
        if settled >= self.resume_at.load(SeqCst) {
            self.resume(feeder);
        }
    }

    /// Whether the feeder waits for answers before it sends more.
    pub(super) fn is_full(&self) -> bool {
        self.resume_at.load(SeqCst) != NEVER
    }

    /// Lets one more window be under way.
    pub(super) fn widen(&self, feeder: &thread::Thread) {
        self.more.fetch_add(1, SeqCst);
        self.resume(feeder);
    }

    /// Whether the source is at its end and nothing is under way if so many messages are settled.
    pub(super) fn is_through(&self, settled: u64) -> bool {
        self.sent.load(SeqCst) == settled
    }

    pub(super) fn take_failure(&self) -> Option<Failure> {
        if !self.ended.load(SeqCst) {
            return None;
        }
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Time spent in the source up to `now`.
    pub(super) fn pulled(&self, now: Instant) -> Duration {
        let since = self.pulling_since.load(SeqCst);
        let running = if since == NEVER { 0 } else { self.nanos(now).saturating_sub(since) };
        Duration::from_nanos(self.pulled.load(SeqCst) + running)
    }

    /// The source is asked for something.
    fn pull_begins(&self) {
        if self.pulling_since.load(Relaxed) == NEVER {
            self.pulling_since.store(self.nanos(Instant::now()), SeqCst);
        }
    }

    /// It has given something, or will not be asked again soon.
    fn pull_ends(&self) {
        let since = self.pulling_since.load(Relaxed);
        if since != NEVER {
            self.pulled.fetch_add(self.nanos(Instant::now()).saturating_sub(since), SeqCst);
            self.pulling_since.store(NEVER, SeqCst);
        }
    }

    fn resume(&self, feeder: &thread::Thread) {
        self.resume_at.store(NEVER, SeqCst);
        feeder.unpark();
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(SeqCst)
    }

    fn nanos(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(NEVER)
    }
}

pub(super) struct Feeder {
    pub(super) feed: Arc<Feed>,
    /// Weak, so that a source that blocks for ever keeps no socket open.
    pub(super) connection: Weak<Connection>,
    pub(super) idle: Arc<AtomicBool>,
    pub(super) flusher: Arc<Flusher>,
    pub(super) ids: Ids,
    pub(super) call: u32,
    pub(super) source: Source,
    pub(super) way: Way,
    /// How many answers the job wants, if it said so.
    pub(super) wanted: Option<u64>,
    /// Its answers are given in the order of its messages.
    pub(super) ordered: bool,
}

impl Feeder {
    pub(super) fn start(self) -> Result<thread::Thread> {
        thread::Builder::new()
            .name("palm-job".to_owned())
            .spawn(move || self.run())
            .map(|handle| handle.thread().clone())
            .map_err(|error| Error::system("start the thread of a job", error))
    }

    fn run(mut self) {
        let failure = match catch_unwind(AssertUnwindSafe(|| self.feed_all())) {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Failure::Item(error)),
            Err(panic) => Some(Failure::Panic(panic)),
        };
        self.submit();
        self.feed.pull_ends();
        *self.feed.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        self.feed.ended.store(true, SeqCst);
        if let Some(connection) = self.connection.upgrade() {
            connection.poke(self.call);
        }
    }

    fn feed_all(&mut self) -> Result<()> {
        let mut window = Window::new(self.wanted, self.ordered);
        let mut sent = 0_u64;
        while self.wait_for_room(&mut window) {
            #[expect(clippy::cast_possible_truncation, reason = "the sequence wraps")]
            let Some(bytes) = self.pull(sent as u32).transpose()? else { break };
            sent += 1;
            window.sent(bytes);
        }
        self.feed.sent.store(sent, SeqCst);
        Ok(())
    }

    /// Takes a message from the source and sends it, or leaves it to be sent. Its size; `None` if there is none.
    fn pull(&mut self, sequence: u32) -> Option<Result<u64>> {
        self.feed.pull_begins();
        let (mut bytes, mut due) = (0, false);
        let item = match &mut self.way {
            Way::Classic(outgoing) => {
                let id = self.ids.id(Place { call: self.call, sequence });
                (self.source)(&mut |payload| bytes = outgoing.encode(payload, &id))
            }
            Way::Link(tray) => (self.source)(&mut |payload| {
                let mut draft = tray.lock().unwrap_or_else(PoisonError::into_inner);
                bytes = payload.as_ref().len();
                draft.write(payload);
                due = draft.is_full() || self.idle.load(Relaxed);
                if !due {
                    self.flusher.leave();
                }
            }),
        };
        if self.feed.is_stopped() {
            return None;
        }
        if let Err(error) = item? {
            return Some(Err(error));
        }
        let sent = match &self.way {
            Way::Classic(outgoing) => {
                let connection = self.connection.upgrade()?;
                let outbox = connection.outbox.as_ref()?;
                outbox.try_send(outgoing.pieces()) || {
                    self.feed.pull_ends();
                    outbox.send(outgoing.pieces(), None, || !self.feed.is_stopped())
                }
            }
            Way::Link(_) => !due || self.submit(),
        };
        sent.then_some(Ok(bytes as u64))
    }

    /// Sends what was written for the link. False if nobody wants it any more.
    fn submit(&self) -> bool {
        let Way::Link(tray) = &self.way else { return true };
        let Some(connection) = self.connection.upgrade() else { return false };
        let open = connection.submit(&mut tray.lock().unwrap_or_else(PoisonError::into_inner));
        connection.flush(false, false);
        open
    }

    /// False if the job was stopped.
    fn wait_for_room(&self, window: &mut Window) -> bool {
        let feed = &self.feed;
        loop {
            if feed.is_stopped() {
                return false;
            }
            let more = feed.more.load(SeqCst);
            window.widen(more);
            window.settle(feed.settled.load(SeqCst));
            if !window.is_full() {
                return true;
            }
            feed.pull_ends();
            let now = Instant::now();
            window.waits(feed.pulled(now), now);
            self.submit();
            feed.resume_at.store(window.resume_at(), SeqCst);
            // Looked at again after that, so that no answer comes in between unseen; a wake-up before `park` is kept.
            if feed.settled.load(SeqCst) < window.resume_at() && feed.more.load(SeqCst) == more && !feed.is_stopped() {
                thread::park();
            }
            feed.resume_at.store(NEVER, SeqCst);
        }
    }
}

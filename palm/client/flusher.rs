//! The thread that sends what was left to be sent together with more, if no more comes: one for all clients of the process.
//!
//! It ticks while there is something to do, and sleeps otherwise. A job's source may block behind a burst while its caller is
//! away, and a component is to be told that answers were received: neither can wait for the next call.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::error::{Error, Result};

/// How long anything is left, if looking after all connections takes no more than a fourth of that.
const TICK: Duration = Duration::from_millis(1);

/// How long an acknowledgement waits for something that it can go with, as a component's does.
const OWED: Duration = Duration::from_millis(4);

/// Ticks without anything to do before a connection is looked after no more: to begin with that again costs more than a tick.
const QUIET: u32 = 20;

/// Whether a connection is looked after, and what for. Whoever leaves something in a lock that the ticker looks into says so
/// before it uses another one.
#[derive(Debug, Default)]
pub(super) struct Flusher {
    awake: AtomicBool,
    left: AtomicBool,
    owing: AtomicBool,
    by: OnceLock<(Arc<Ticker>, Weak<Connection>)>,
}

impl Flusher {
    /// Something is left to be sent.
    #[inline]
    pub(super) fn leave(&self) {
        self.note(&self.left);
    }

    /// The component waits to be told what was processed.
    pub(super) fn owe(&self) {
        self.note(&self.owing);
    }

    fn note(&self, what: &AtomicBool) {
        // In one order with what the ticker does: it says that it looks no more, and then looks for the last time.
        if !what.load(Relaxed) && !what.swap(true, SeqCst) && !self.awake.swap(true, SeqCst) {
            self.join();
        }
    }

    fn join(&self) {
        if let Some((ticker, connection)) = self.by.get() {
            ticker.joined.lock().unwrap_or_else(PoisonError::into_inner).push(connection.clone());
            ticker.unpark();
        }
    }
}

/// The thread, and the connections that it is to look after from now on.
#[derive(Debug, Default)]
struct Ticker {
    joined: Mutex<Vec<Weak<Connection>>>,
    thread: OnceLock<Thread>,
}

/// It ends with the last client.
static TICKER: Mutex<Weak<Ticker>> = Mutex::new(Weak::new());

impl Ticker {
    fn running() -> Result<Arc<Self>> {
        let mut running = TICKER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticker) = running.upgrade() {
            return Ok(ticker);
        }
        let ticker = Arc::new(Self::default());
        let weak = Arc::downgrade(&ticker);
        let started = thread::Builder::new().name("palm-flush".to_owned()).spawn(move || run(&weak));
        let started = started.map_err(|error| Error::system("start the thread of the clients", error))?;
        let _ = ticker.thread.set(started.thread().clone());
        *running = Arc::downgrade(&ticker);
        Ok(ticker)
    }

    fn unpark(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.unpark();
    }
}

/// Has a connection looked after when it is woken.
pub(super) fn start(connection: &Arc<Connection>) -> Result<()> {
    let flusher = &connection.flusher;
    let _ = flusher.by.set((Ticker::running()?, Arc::downgrade(connection)));
    if flusher.awake.load(SeqCst) {
        flusher.join();
    }
    Ok(())
}

/// A connection that is looked after, the ticks since it had something to do, and when it was seen to owe something.
struct Awake {
    connection: Weak<Connection>,
    quiet: u32,
    owed: Option<Instant>,
}

fn run(ticker: &Weak<Ticker>) {
    let mut awake: Vec<Awake> = Vec::new();
    let mut next = Instant::now();
    while let Some(shared) = ticker.upgrade() {
        let joined = std::mem::take(&mut *shared.joined.lock().unwrap_or_else(PoisonError::into_inner));
        drop(shared);
        let now = Instant::now();
        if now >= next {
            awake.retain_mut(|awake| awake.tick(now));
        }
        let joined = joined.into_iter().map(|connection| Awake { connection, quiet: 0, owed: None });
        awake.extend(joined.filter_map(|mut joined| joined.tick(now).then_some(joined)));
        if awake.is_empty() {
            thread::park();
        } else {
            let after = Instant::now();
            if now >= next {
                next = after + TICK.max(4 * (after - now));
            }
            thread::park_timeout(next.saturating_duration_since(after));
        }
    }
}

impl Awake {
    /// Sends what was left. False if the connection is to be looked after no more.
    fn tick(&mut self, now: Instant) -> bool {
        let Some(connection) = self.connection.upgrade() else { return false };
        let stays = self.look_after(&connection, now);
        if let Some(last) = Arc::into_inner(connection) {
            // Its client is gone meanwhile. To close its sockets may take a while, for which the others must not wait.
            let _ = thread::Builder::new().name("palm-close".to_owned()).spawn(move || drop(last));
            return false;
        }
        stays
    }

    fn look_after(&mut self, connection: &Connection, now: Instant) -> bool {
        let Flusher { awake, left, owing, .. } = &*connection.flusher;
        let taken = |what: &AtomicBool| what.load(Relaxed) && what.swap(false, SeqCst);
        self.quiet += 1;
        if taken(left) {
            self.quiet = 0;
            connection.submit_trays();
            connection.flush(false, false);
        }
        if owing.load(Relaxed) {
            self.quiet = 0;
            if now >= *self.owed.get_or_insert(now) + OWED && taken(owing) {
                self.owed = None;
                connection.flush(true, false);
            }
        }
        self.quiet < QUIET || {
            self.quiet = 0;
            awake.store(false, SeqCst);
            // What is noted from here on has it join again.
            (left.load(SeqCst) || owing.load(SeqCst)) && !awake.swap(true, SeqCst)
        }
    }
}

//! The thread that sends what was left to be sent together with more, if no more comes: one for all clients of the process.
//!
//! It ticks while there is something to do, and sleeps otherwise. A job's source may block behind a burst while its caller is
//! away, and a component is to be told that answers were received: neither can wait for the next call.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::error::{Error, Result};

/// How long anything is left, if looking after all connections takes no more than a fourth of that.
const TICK: Duration = Duration::from_millis(1);

/// Ticks without anything to do before a connection is looked after no more: to begin with that again costs more than a tick.
const QUIET: u32 = 20;

/// Whether a connection is looked after.
#[derive(Debug, Default)]
pub(super) struct Flusher {
    awake: AtomicBool,
    by: OnceLock<(Arc<Ticker>, Weak<Connection>)>,
}

impl Flusher {
    /// Something is left to be sent. Whoever leaves it in a lock that the flusher looks into says so before it unlocks.
    pub(super) fn wake(&self) {
        if !self.awake.load(Relaxed) && !self.awake.swap(true, Relaxed) {
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
    if flusher.awake.load(Relaxed) {
        flusher.join();
    }
    Ok(())
}

/// A connection that is looked after, and the ticks since it had something to do.
struct Awake {
    connection: Weak<Connection>,
    quiet: u32,
}

fn run(ticker: &Weak<Ticker>) {
    let mut awake: Vec<Awake> = Vec::new();
    let mut next = Instant::now();
    while let Some(shared) = ticker.upgrade() {
        let joined = std::mem::take(&mut *shared.joined.lock().unwrap_or_else(PoisonError::into_inner));
        drop(shared);
        let now = Instant::now();
        if now >= next {
            awake.retain_mut(Awake::tick);
        }
        let joined = joined.into_iter().map(|connection| Awake { connection, quiet: 0 });
        awake.extend(joined.filter_map(|mut joined| joined.tick().then_some(joined)));
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
    fn tick(&mut self) -> bool {
        let Some(connection) = self.connection.upgrade() else { return false };
        self.quiet = if connection.flush_all() { 0 } else { self.quiet + 1 };
        let stays = self.quiet < QUIET || {
            self.quiet = 0;
            connection.flusher.awake.store(false, Relaxed);
            // What was left before that could be seen; whoever leaves something from here on joins again.
            connection.flush_all() && !connection.flusher.awake.swap(true, Relaxed)
        };
        if let Some(last) = Arc::into_inner(connection) {
            // Its client is gone meanwhile. To close its sockets may take a while, for which the others must not wait.
            let _ = thread::Builder::new().name("palm-close".to_owned()).spawn(move || drop(last));
            return false;
        }
        stays
    }
}

impl Connection {
    fn flush_all(&self) -> bool {
        let submitted = self.submit_trays();
        self.flush(true, false) || submitted
    }
}

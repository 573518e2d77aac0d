//! The thread that sends what was left to be sent together with more, if no more comes.
//!
//! It ticks while there is something to do, and sleeps otherwise. A job's source may block behind a burst while its caller is
//! away, and a component is to be told that answers were received: neither can wait for the next call.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use super::connection::Connection;
use crate::error::{Error, Result};

/// How long anything is left.
const TICK: Duration = Duration::from_millis(1);

/// Ticks without anything to do before it sleeps: waking it costs more than a tick.
const QUIET: u32 = 20;

#[derive(Debug)]
pub(super) struct Flusher {
    thread: OnceLock<Thread>,
    awake: AtomicBool,
}

impl Flusher {
    pub(super) const fn new() -> Self {
        Self { thread: OnceLock::new(), awake: AtomicBool::new(false) }
    }

    /// Something is left to be sent. Whoever leaves it in a lock that the flusher looks into says so before it unlocks.
    pub(super) fn wake(&self) {
        if !self.awake.load(Relaxed) && !self.awake.swap(true, Relaxed) {
            self.end();
        }
    }

    /// Has it look up.
    pub(super) fn end(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// Starts the flusher of a connection, which ends with it.
pub(super) fn start(connection: &Arc<Connection>) -> Result<()> {
    let weak = Arc::downgrade(connection);
    let started = thread::Builder::new().name("palm-flush".to_owned()).spawn(move || run(&weak));
    let started = started.map_err(|error| Error::system("start the thread of a client", error))?;
    let _ = connection.flusher.thread.set(started.thread().clone());
    Ok(())
}

fn run(connection: &Weak<Connection>) {
    let mut quiet = QUIET;
    loop {
        if quiet >= QUIET {
            thread::park();
        } else {
            thread::park_timeout(TICK);
        }
        let Some(connection) = connection.upgrade() else { return };
        if connection.flush_all() {
            quiet = 0;
        } else if connection.flusher.awake.load(Relaxed) {
            quiet = if quiet >= QUIET { 0 } else { quiet + 1 };
        }
        if quiet == QUIET {
            connection.flusher.awake.store(false, Relaxed);
            // What was left before that could be seen.
            if connection.flush_all() {
                connection.flusher.awake.store(true, Relaxed);
                quiet = 0;
            }
        }
    }
}

impl Connection {
    fn flush_all(&self) -> bool {
        let submitted = self.submit_trays();
        self.flush(true, false) || submitted
    }
}

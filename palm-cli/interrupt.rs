//! Ctrl-C: 130, at once or after what a command has to do before it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

/// Who is told; without anybody the process ends.
static TOLD: Mutex<Option<Thread>> = Mutex::new(None);

static RAISED: AtomicBool = AtomicBool::new(false);

/// Ends the process by 130 on Ctrl-C, unless a command has taken over; on the second one in any case.
pub(crate) fn end_on_it() {
    // Where it cannot be watched the system's own way remains, which ends the process too.
    let Ok(mut signals) = Signals::new([SIGINT]) else { return };
    let watch = move || {
        for _ in signals.forever() {
            let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match told {
                Some(thread) if !RAISED.swap(true, Ordering::SeqCst) => thread.unpark(),
                _ => std::process::exit(130),
            }
        }
    };
    let _ = thread::Builder::new().name("palm-interrupt".to_owned()).spawn(watch);
}

/// The calling thread is told of Ctrl-C, and ends the command itself.
#[derive(Debug)]
pub(crate) struct Interrupt(());

impl Interrupt {
    pub(crate) fn take_over() -> Self {
        *TOLD.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        Self(())
    }

    pub(crate) fn is_raised(&self) -> bool {
        RAISED.load(Ordering::SeqCst)
    }

    /// Waits so long; `false` if Ctrl-C came meanwhile.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.is_raised() || left.is_zero() {
                return !self.is_raised();
            }
            thread::park_timeout(left);
        }
    }
}

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::cache::ReadOnly;
use crate::socket::Waker;

/// Tells a bypass part's thread that its component ends.
///
/// ```
/// let stop = palm::part::Stop::default();
/// assert!(!stop.is_set());
/// assert!(!stop.wait(std::time::Duration::from_millis(1)));
/// ```
#[derive(Debug, Default)]
pub struct Stop {
    state: Mutex<State>,
    changed: Condvar,
    read_only: OnceLock<ReadOnly>,
    ask: OnceLock<Ask>,
}

/// Answers the question of a peer for a cache key whose value depends on who asks.
struct Ask(Box<AskFn>);

/// Key and asker in, the answer out.
type AskFn = dyn Fn(&str, &str) -> Option<String> + Send + Sync;

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ask")
    }
}

#[derive(Debug, Default)]
struct State {
    set: bool,
    wakers: Vec<Arc<Waker>>,
}

impl Stop {
    /// Whether the part shall end.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.lock().set
    }

    /// Waits until the part shall end, `timeout` at most; says whether it shall.
    pub fn wait(&self, timeout: Duration) -> bool {
        let state = self.lock();
        let (state, _) =
            self.changed.wait_timeout_while(state, timeout, |state| !state.set).unwrap_or_else(PoisonError::into_inner);
        state.set
    }

    /// Waits until the part shall end.
    pub fn wait_until_set(&self) {
        drop(self.changed.wait_while(self.lock(), |state| !state.set).unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn set(&self) {
        let mut state = self.lock();
        state.set = true;
        for waker in state.wakers.drain(..) {
            waker.wake();
        }
        self.changed.notify_all();
    }

    /// Has `waker` woken when the stop is set.
    pub(crate) fn wakes(&self, waker: impl Into<Arc<Waker>>) {
        let waker = waker.into();
        let mut state = self.lock();
        if state.set {
            waker.wake();
        } else {
            state.wakers.push(waker);
        }
    }

    /// Cache keys that peers may not change.
    pub(crate) fn read_only(&self) -> &ReadOnly {
        self.read_only.get_or_init(ReadOnly::default)
    }

    pub(crate) fn set_read_only(&self, keys: ReadOnly) {
        // Set once, before any part runs.
        let _ = self.read_only.set(keys);
    }

    /// What the component says to `asker` about `key`, if that depends on who asks.
    pub(crate) fn ask(&self, key: &str, asker: &str) -> Option<String> {
        (self.ask.get()?.0)(key, asker)
    }

    pub(crate) fn set_ask(&self, ask: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) {
        // Set once, before any part runs.
        let _ = self.ask.set(Ask(Box::new(ask)));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

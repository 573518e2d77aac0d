//! How a component ended, and whether its threads have.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Result;

/// How long `join` waits for threads after the end: one may be caught in user code.
const THREADS: Duration = Duration::from_secs(1);

/// Outlives what the component held, so that nothing of it is left when a thread has said that it leaves.
#[derive(Default)]
pub(super) struct Ending {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    threads: usize,
    outcome: Option<Result<()>>,
    ended: bool,
}

impl Ending {
    pub(super) fn enter(&self) {
        self.state().threads += 1;
    }

    pub(super) fn leave(&self) {
        self.state().threads -= 1;
        self.changed.notify_all();
    }

    /// What the component will have ended with, unless it is known already.
    pub(super) fn note(&self, outcome: Result<()>) {
        self.state().outcome.get_or_insert(outcome);
    }

    pub(super) fn end(&self, outcome: Result<()>) {
        let mut state = self.state();
        state.ended = true;
        state.outcome.get_or_insert(outcome);
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn has_come(&self) -> bool {
        self.state().ended
    }

    /// Waits for the end, and for the threads, save one that is caught in user code.
    pub(super) fn join(&self) -> Result<()> {
        let state = self.changed.wait_while(self.state(), |state| !state.ended).unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, THREADS, |state| state.threads > 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.outcome.take().unwrap_or(Ok(()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! How many calls may be under way at a time.

use crate::service::Description;

/// How many calls that share the object may be under way at a time: on threads, and as tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Width {
    pub(crate) threads: usize,
    pub(crate) tasks: usize,
}

impl Width {
    /// One call at a time, which has the object for itself.
    pub(crate) const ALONE: Self = Self { threads: 0, tasks: 0 };

    /// What of it a block has methods for: none is 0, and any is 1 at least.
    pub(crate) fn of(self, description: &Description) -> Self {
        let has = |is_async| description.methods.iter().any(|method| method.shared && method.is_async == is_async);
        Self {
            threads: if has(false) { self.threads.max(1) } else { 0 },
            tasks: if has(true) { self.tasks.max(1) } else { 0 },
        }
    }

    /// Whether calls are to share the object: one thread that does one call after the other needs no share of it.
    pub(crate) const fn shares(self) -> bool {
        self.threads > 1 || self.tasks > 0
    }

    /// Messages that are worked on at a time.
    pub(crate) fn together(self) -> usize {
        self.threads.saturating_add(self.tasks).max(1)
    }
}

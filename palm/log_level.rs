//! The level of each component, by name: what the log layer filters by.

use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};

use tracing::Level;

type Levels = RwLock<HashMap<String, Level>>;

fn levels() -> &'static Levels {
    static LEVELS: OnceLock<Levels> = OnceLock::new();
    LEVELS.get_or_init(Levels::default)
}

/// Sets the level of the components of that name in this process.
pub(crate) fn set(component: &str, level: Level) {
    levels().write().unwrap_or_else(PoisonError::into_inner).insert(component.to_owned(), level);
    // Subscribers remember what they wanted to see of each place in the program.
    tracing::callsite::rebuild_interest_cache();
}

/// The level that was set for a component.
#[cfg(feature = "log")]
pub(crate) fn of(component: &str) -> Option<Level> {
    levels().read().unwrap_or_else(PoisonError::into_inner).get(component).copied()
}

/// The least and the most talkative of the levels that were set.
#[cfg(feature = "log")]
pub(crate) fn range() -> Option<(Level, Level)> {
    let levels = levels().read().unwrap_or_else(PoisonError::into_inner);
    Some((*levels.values().min()?, *levels.values().max()?))
}

//! Sign-ins that were refused: told in the log one by one, and in the record once a minute.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two entries in the record, so that whoever guesses does not push everything else out of it.
const WINDOW: Duration = Duration::from_secs(60);
/// Lines in the log within it.
const LINES: u64 = 20;
/// Of a name that was tried, in characters.
const NAME: usize = 64;

/// Counts them, and says which was the last one.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    waiting: Option<Tries>,
    told: Option<Instant>,
    lines: u64,
}

/// Tries that were refused, with the name and the address of the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tries {
    pub(crate) times: u64,
    pub(crate) name: String,
    pub(crate) address: IpAddr,
}

impl Refused {
    pub(crate) fn count(&self, name: &str, address: IpAddr) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = counted.waiting.as_ref().map_or(0, |tries| tries.times) + 1;
        let name: String = name.chars().take(NAME).collect();
        counted.lines += 1;
        if counted.lines <= LINES {
            tracing::warn!(?name, %address, "a sign-in was refused");
        }
        counted.waiting = Some(Tries { times, name, address });
    }

    /// Those that are not told yet, unless some were told less than a minute ago.
    pub(crate) fn take(&self, now: Instant) -> Option<Tries> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.told.is_some_and(|told| now.saturating_duration_since(told) < WINDOW) {
            return None;
        }
        let tries = counted.waiting.take()?;
        if counted.lines > LINES {
            tracing::warn!(tries = counted.lines - LINES, "more sign-ins were refused");
        }
        (counted.told, counted.lines) = (Some(now), 0);
        Some(tries)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    #[test]
    fn a_million_tries_are_a_few_entries() {
        let (refused, start, here) = (Refused::default(), Instant::now(), IpAddr::from([127, 0, 0, 1]));
        assert_eq!(refused.take(start), None);
        refused.count("ann", here);
        assert_eq!(refused.take(start), Some(Tries { times: 1, name: "ann".into(), address: here }));
        for _ in 0..1_000_000 {
            refused.count(&"b".repeat(100), here);
        }
        assert_eq!(refused.take(start + WINDOW / 2), None);
        let tries = refused.take(start + WINDOW).unwrap();
        assert_eq!((tries.times, tries.name.len()), (1_000_000, NAME));
        assert_eq!(refused.take(start + WINDOW * 2), None);
    }
}

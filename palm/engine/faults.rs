//! How often a part may fail before it is given up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Failures that are borne within [`WITHIN`].
pub(crate) const BORNE: usize = 5;
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// The latest failures of one part.
#[derive(Debug, Default)]
pub(crate) struct Faults(VecDeque<Instant>);

impl Faults {
    /// Notes one; says how many there were of late, or `None` if that is too many.
    pub(crate) fn note(&mut self, now: Instant) -> Option<usize> {
        while self.0.front().is_some_and(|first| now >= *first + WITHIN) {
            self.0.pop_front();
        }
        self.0.push_back(now);
        Some(self.0.len()).filter(|failures| *failures <= BORNE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_in_a_minute_are_borne() {
        let (mut faults, now) = (Faults::default(), Instant::now());
        let after = |seconds| now + Duration::from_secs(seconds);
        for (number, seconds) in [0, 10, 20, 30, 59].into_iter().enumerate() {
            assert_eq!(faults.note(after(seconds)), Some(number + 1));
        }
        assert_eq!(faults.note(after(60)), Some(5), "the first one is forgotten");
        assert_eq!(faults.note(after(61)), None);
        assert_eq!(faults.note(after(200)), Some(1));
    }
}

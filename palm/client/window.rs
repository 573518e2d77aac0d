//! What a job has under way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::pace::{MOST, Pace};

/// Messages under way at most.
pub(super) const WINDOW_MESSAGES: u64 = 8192;

/// A job that wants few answers begins with a window of this many messages, so that an endless source sends few in vain.
const SMALL_WINDOW: u64 = 256;

/// The messages of a job that are under way, in order; and how many may be, and how many bytes, unless one message alone is larger.
#[derive(Debug)]
pub(super) struct Window {
    messages: u64,
    /// Windows that may be used up beyond the first.
    more: u64,
    sizes: VecDeque<u64>,
    bytes: u64,
    settled: u64,
    settled_bytes: u64,
    pace: Pace,
}

impl Window {
    /// That of a job which wants so many answers, if it said so. Answers that are to be put in order take up room until it is their
    /// turn.
    pub(super) fn new(wanted: Option<u64>, ordered: bool) -> Self {
        Self {
            messages: wanted.map_or(WINDOW_MESSAGES, |wanted| wanted.clamp(SMALL_WINDOW, WINDOW_MESSAGES)),
            more: 0,
            sizes: VecDeque::new(),
            bytes: 0,
            settled: 0,
            settled_bytes: 0,
            pace: if ordered { Pace::fixed() } else { Pace::default() },
        }
    }

    pub(super) fn sent(&mut self, bytes: u64) {
        self.sizes.push_back(bytes);
        self.bytes += bytes;
    }

    pub(super) fn settle(&mut self, settled: u64) {
        while self.settled < settled {
            self.settled += 1;
            match self.sizes.pop_front() {
                Some(bytes) => {
                    self.bytes -= bytes;
                    self.settled_bytes += bytes;
                }
                // More answers than messages: they are not credit for later ones.
                None => self.settled = settled,
            }
        }
    }

    /// Lets so many windows be used up beyond the first.
    pub(super) const fn widen(&mut self, more: u64) {
        self.more = more;
    }

    pub(super) const fn more(&self) -> u64 {
        self.more
    }

    pub(super) fn is_full(&self) -> bool {
        self.sizes.len() as u64 >= self.messages + self.more * WINDOW_MESSAGES || self.has_its_bytes()
    }

    fn has_its_bytes(&self) -> bool {
        self.bytes >= self.pace.bytes() + self.more * MOST && !self.sizes.is_empty()
    }

    /// It is full, and the job waits for room; `pulled` is the time that it has spent with its source and what that gave.
    pub(super) fn waits(&mut self, pulled: Duration, now: Instant) {
        if self.more == 0 && self.has_its_bytes() {
            let last = self.sizes.back().copied().unwrap_or_default();
            self.pace.full((self.bytes, last), self.settled_bytes, pulled, now);
        } else {
            self.pace.disturb();
        }
    }

    /// The job waits for its source.
    pub(super) fn rests(&mut self) {
        self.pace.disturb();
    }

    /// A quarter of it is to be free before more is sent, so that threads do not take turns for each message, and none of them
    /// waits for the others for long.
    pub(super) fn resume_at(&self) -> u64 {
        self.settled + (self.sizes.len() as u64 / 4).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_messages() {
        let mut window = Window::new(Some(1), false);
        for _ in 0..SMALL_WINDOW {
            assert!(!window.is_full());
            window.sent(1);
        }
        assert!(window.is_full());
        assert_eq!(window.resume_at(), SMALL_WINDOW / 4);
        window.settle(1);
        assert!(!window.is_full());
    }

    #[test]
    fn a_window_counts_bytes() {
        let mut window = Window::new(None, false);
        window.sent(MOST - 1);
        assert!(!window.is_full());
        window.sent(1);
        assert!(window.is_full());
        window.widen(1);
        assert!(!window.is_full());
        window.settle(1);
        window.widen(0);
        assert_eq!((window.bytes, window.settled_bytes, window.is_full()), (1, MOST - 1, false));
    }

    #[test]
    fn surplus_answers_are_no_credit() {
        let mut window = Window::new(Some(1), false);
        window.sent(1);
        window.settle(30);
        for _ in 0..SMALL_WINDOW {
            assert!(!window.is_full());
            window.sent(1);
        }
        assert!(window.is_full());
        assert_eq!(window.resume_at(), 30 + SMALL_WINDOW / 4);
    }

    #[test]
    fn one_message_larger_than_the_window_passes_alone() {
        let mut window = Window::new(None, false);
        assert!(!window.is_full());
        window.sent(2 * MOST);
        assert!(window.is_full());
        window.settle(1);
        assert!(!window.is_full());
    }

    #[test]
    fn only_what_waits_for_bytes_is_measured() {
        let began = Instant::now();
        // Of messages without bytes, and of large ones, eight of which settle each 10 ms.
        for (bytes, ordered, narrower) in [(0, false, false), (MOST / 64, false, true), (MOST / 64, true, false)] {
            let (mut window, mut sent) = (Window::new(None, ordered), 0);
            let mut least = MOST;
            for round in 0..200 {
                while !window.is_full() {
                    window.sent(bytes);
                    sent += 1;
                }
                window.waits(Duration::ZERO, began + Duration::from_millis(round * 10));
                window.settle((window.settled + 8).min(sent));
                least = least.min(window.pace.bytes());
            }
            assert_eq!(least < MOST, narrower, "{bytes}");
        }
    }
}

use std::sync::atomic::{AtomicU64, Ordering};

/// What a component counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counter {
    /// Messages that came in through inbound parts.
    Received,
    /// Calls of the user's methods.
    Calls,
    /// Calls that ended with an error or a panic.
    Errors,
    /// Messages published or handed to an outbound peer.
    Sent,
    /// Frames that were no PALM message.
    Undecodable,
    /// Answers that waited for their subscriber.
    Held,
    /// Answers dropped because nobody subscribed in time.
    Expired,
    /// Messages that had nowhere to go.
    Discarded,
    /// Hand-outs to a worker after the first one of a message.
    Redelivered,
    /// Results that came twice, or from a worker that was taken for dead.
    Stale,
    /// Messages that no worker could do: the caller got an error.
    GivenUp,
    /// Messages that were not worked on, because their caller's time was used up.
    Late,
    /// Held answers to an earlier call of a client that makes a new one: nobody waits for them any more.
    Superseded,
}

const NAMES: [&str; 13] = [
    "received",
    "calls",
    "errors",
    "sent",
    "undecodable",
    "held",
    "expired",
    "discarded",
    "redelivered",
    "stale",
    "given_up",
    "late",
    "superseded",
];

/// The counters of a component.
///
/// ```
/// # use palm::stats::{Counter, Stats};
/// let stats = Stats::default();
/// assert_eq!(stats.get(Counter::Expired), 0);
/// ```
#[derive(Debug, Default)]
pub struct Stats([AtomicU64; NAMES.len()]);

impl Stats {
    /// The current value.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].load(Ordering::Relaxed)
    }

    /// Every counter with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.0.iter().map(|value| value.load(Ordering::Relaxed)))
    }

    pub(crate) fn add(&self, counter: Counter, by: u64) {
        self.0[counter as usize].fetch_add(by, Ordering::Relaxed);
    }
}

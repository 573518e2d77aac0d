use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

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
    /// Messages that no worker could do, or that a component ended before: the caller got an error.
    GivenUp,
    /// Messages that were not worked on, because their caller's time was used up.
    Late,
    /// Held answers to an earlier call of a client that makes a new one: nobody waits for them any more.
    Superseded,
    /// Answers dropped because their subscriber took nothing for too long.
    Stalled,
    /// Messages that were not worked on, because their client gave the call up.
    Cancelled,
    /// Calls of what is not there, requests to the cache for what is not allowed or has no room, and requests over HTTP for
    /// which too much waits already.
    Refused,
}

const NAMES: [&str; 16] = [
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
    "stalled",
    "cancelled",
    "refused",
];

/// The counters of a component. Peers read them from its cache, as a JSON object, at the key `_palm.stats`; there are also
/// `in_flight`, the messages that workers owe a result for, and `holding`, the bytes of answers that wait to be taken.
///
/// ```
/// # use palm::stats::{Counter, Stats};
/// let stats = Stats::default();
/// assert_eq!(stats.get(Counter::Expired), 0);
/// ```
#[derive(Debug, Default)]
pub struct Stats {
    counters: [AtomicU64; NAMES.len()],
    in_flight: AtomicUsize,
    holding: AtomicUsize,
    holding_linked: AtomicUsize,
}

impl Stats {
    /// The current value.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.counters[counter as usize].load(Ordering::Relaxed)
    }

    /// Every counter with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.counters.iter().map(|value| value.load(Ordering::Relaxed)))
    }

    pub(crate) fn add(&self, counter: Counter, by: u64) {
        if by > 0 {
            self.counters[counter as usize].fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Messages that workers owe a result for now.
    pub(crate) fn set_in_flight(&self, messages: usize) {
        self.in_flight.store(messages, Ordering::Relaxed);
    }

    /// Bytes that wait for linked peers to take them now.
    pub(crate) fn set_holding_linked(&self, bytes: usize) {
        self.holding_linked.store(bytes, Ordering::Relaxed);
    }

    /// Bytes of answers that wait for subscribers now.
    pub(crate) fn set_holding(&self, bytes: usize) {
        self.holding.store(bytes, Ordering::Relaxed);
    }

    /// Messages that workers owe a result for now.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed) as u64
    }

    /// Bytes of answers that wait to be taken now.
    #[must_use]
    pub fn holding(&self) -> u64 {
        (self.holding.load(Ordering::Relaxed) + self.holding_linked.load(Ordering::Relaxed)) as u64
    }

    /// The JSON object that peers read.
    pub(crate) fn json(&self) -> String {
        let now = [("in_flight", self.in_flight()), ("holding", self.holding())];
        let object: serde_json::Map<_, _> =
            self.iter().chain(now).map(|(name, value)| (name.to_owned(), value.into())).collect();
        serde_json::Value::Object(object).to_string()
    }
}

/// What each message counts, until it is added to the counters that other threads read: once for many messages.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) received: u64,
    pub(crate) calls: u64,
    pub(crate) sent: u64,
}

impl Tally {
    pub(crate) fn add_to(&mut self, stats: &Stats) {
        let Self { received, calls, sent } = std::mem::take(self);
        stats.add(Counter::Received, received);
        stats.add(Counter::Calls, calls);
        stats.add(Counter::Sent, sent);
    }
}

/// Cache key of the counters.
pub(crate) const STATS_KEY: &str = "_palm.stats";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    #[test]
    fn peers_read_an_object() {
        let stats = Stats::default();
        stats.add(Counter::Stale, 3);
        stats.set_in_flight(2);
        let read: serde_json::Value = serde_json::from_str(&stats.json()).unwrap();
        assert_eq!((&read["stale"], &read["in_flight"], &read["received"]), (&3.into(), &2.into(), &0.into()));
    }
}

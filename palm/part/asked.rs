use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::engine::{Counter, Envelope, Turn, report};
use crate::wire::{Code, Message};

/// Bytes of payloads that may be out at a time.
const MAX_BYTES: usize = 8 << 20;

/// Numbers of messages that were given up which are remembered, so that a late answer is known to be one.
const MAX_GIVEN_UP: usize = 4096;

/// Messages of an outbound part whose answers are awaited from its peers.
#[derive(Debug)]
pub(super) struct Asked {
    entries: BTreeMap<u64, Entry>,
    given_up: BTreeSet<u64>,
    last: u64,
    bytes: usize,
    pub(super) limit: usize,
    pub(super) timeout: Duration,
}

#[derive(Debug)]
struct Entry {
    /// Without its payload, which the peer has.
    envelope: Envelope,
    bytes: usize,
    deadline: Instant,
}

impl Asked {
    pub(super) const fn new(limit: usize, timeout: Duration) -> Self {
        Self { entries: BTreeMap::new(), given_up: BTreeSet::new(), last: 0, bytes: 0, limit, timeout }
    }

    /// Notes a message that is about to go out, and gives its number.
    pub(super) fn insert(&mut self, turn: &mut Turn<'_>, envelope: &Envelope) -> u64 {
        let deadline = turn.now() + self.timeout;
        let deadline = envelope.message.deadline().map_or(deadline, |earlier| earlier.min(deadline));
        turn.wake_in(deadline.saturating_duration_since(turn.now()));
        let bytes = envelope.message.payload().len();
        let mut message = envelope.message.clone().with_payload(Vec::new());
        message.compact();
        self.last += 1;
        self.bytes += bytes;
        self.entries.insert(self.last, Entry { envelope: envelope.with(message), bytes, deadline });
        self.last
    }

    /// The message of that number, which is answered by this.
    pub(super) fn take(&mut self, number: u64) -> Option<Envelope> {
        let entry = self.entries.remove(&number)?;
        self.bytes -= entry.bytes;
        Some(entry.envelope)
    }

    /// The oldest message that this may be an answer to, for peers that bring no number back.
    pub(super) fn take_like(&mut self, answer: &Message) -> Option<Envelope> {
        let alike = |entry: &Entry| {
            let asked = &entry.envelope.message;
            asked.cache() == answer.cache() && asked.client() == answer.client()
        };
        let number = *self.entries.iter().find(|(_, entry)| alike(entry))?.0;
        self.take(number)
    }

    /// Whether that message was answered with an error in place of its peer.
    pub(super) fn is_given_up(&self, number: u64) -> bool {
        self.given_up.contains(&number)
    }

    /// Answers what has waited too long with an error.
    pub(super) fn expire(&mut self, turn: &mut Turn<'_>, peer: &str) {
        let now = turn.now();
        let late: Vec<u64> =
            self.entries.iter().filter(|(_, entry)| entry.deadline <= now).map(|(number, _)| *number).collect();
        for number in late {
            let Some(envelope) = self.take(number) else { continue };
            if self.given_up.len() >= MAX_GIVEN_UP {
                self.given_up.pop_first();
            }
            self.given_up.insert(number);
            turn.count(Counter::GivenUp, 1);
            let text = format!("{peer} did not answer in time, {:?} at most", self.timeout);
            fail(turn, envelope, Code::Late, text);
        }
        if let Some(next) = self.entries.values().map(|entry| entry.deadline).min() {
            turn.wake_in(next.saturating_duration_since(now));
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.limit || self.bytes >= MAX_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Hands an error to the router as the feedback of a message.
pub(super) fn fail(turn: &mut Turn<'_>, envelope: Envelope, code: Code, text: String) {
    let method = envelope.message.call().map(|(_, method)| method.to_owned()).unwrap_or_default();
    let message = report(&envelope.message, turn.component(), &method, code, text);
    turn.route(envelope.with(message));
}

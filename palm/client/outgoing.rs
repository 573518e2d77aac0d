//! The messages of one call as they go out: what they share is encoded once.

use std::time::Instant;

use bytes::Bytes;

use super::payload::Payload;
use crate::wire::{Message, put_budget, put_id, put_payload_head};

/// One frame, used again for each message of a call.
#[derive(Debug)]
pub(super) struct Outgoing {
    frame: Vec<u8>,
    /// What the message ends with, if that is large.
    payload: Bytes,
    /// Bytes of the frame that every message of the call begins with.
    shared: usize,
    /// When the caller gives up.
    deadline: Option<Instant>,
}

impl Outgoing {
    pub(super) fn new(pipeline: &str, client: &str, function: &str, cache: &str) -> Self {
        let mut message = Message::of_stream(pipeline, client, function, Vec::new());
        message.set_cache(cache);
        let frame = message.encode();
        Self { shared: frame.len(), frame, payload: Bytes::new(), deadline: None }
    }

    /// Has each message say how much time is left until then.
    pub(super) const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Encodes the message of that payload and identifier; says how many bytes it has.
    pub(super) fn encode(&mut self, payload: Payload<'_>, id: &[u8; 16]) -> usize {
        self.frame.truncate(self.shared);
        put_id(id, &mut self.frame);
        if let Some(deadline) = self.deadline {
            put_budget(deadline.saturating_duration_since(Instant::now()), &mut self.frame);
        }
        // Last, since it may be a piece of its own.
        self.payload = Bytes::new();
        let bytes = payload.as_ref();
        if !bytes.is_empty() {
            put_payload_head(bytes.len(), &mut self.frame);
        }
        match payload {
            Payload::Copied(bytes) => self.frame.extend_from_slice(bytes),
            Payload::Shared(bytes) => self.payload = bytes,
        }
        self.frame.len() + self.payload.len()
    }

    /// The message that was encoded last.
    pub(super) fn pieces(&self) -> [&[u8]; 2] {
        [&self.frame, &self.payload]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_one_of_the_wire() {
        let mut outgoing = Outgoing::new("session", "me", "server.foo", "key");
        for payload in ["a longer one", "", "short", &"large".repeat(100_000), "short again"] {
            let mut message = Message::of_stream("session", "me", "server.foo", payload.to_owned());
            message.set_cache("key");
            message.set_id([7; 16]);
            let mut length = 0;
            Payload::give(payload.to_owned(), &mut |payload| length = outgoing.encode(payload, &[7; 16]));
            let bytes = outgoing.pieces().concat();
            assert_eq!(bytes.len(), length);
            assert_eq!(Message::decode(bytes.into()).expect("a message").encode(), message.encode());
        }
    }
}

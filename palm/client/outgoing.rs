//! The messages of one call as they go out: what they share is encoded once.

use std::time::Instant;

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::wire::{Message, put_budget, put_id};

const PAYLOAD: u32 = 6;

/// One frame, used again for each message of a call.
#[derive(Debug)]
pub(super) struct Outgoing {
    frame: Vec<u8>,
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
        Self { shared: frame.len(), frame, deadline: None }
    }

    /// Has each message say how much time is left until then.
    pub(super) const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// The encoded message of that payload and identifier.
    pub(super) fn frame(&mut self, payload: &[u8], id: &[u8; 16]) -> &[u8] {
        self.put(payload);
        self.stamp(id)
    }

    /// Begins a message of that payload, which is to be stamped.
    pub(super) fn put(&mut self, payload: &[u8]) {
        self.frame.truncate(self.shared);
        let length = payload.len() as u64;
        self.frame.reserve(payload.len() + encoded_len_varint(length) + 28);
        if !payload.is_empty() {
            encode_key(PAYLOAD, WireType::LengthDelimited, &mut self.frame);
            encode_varint(length, &mut self.frame);
            self.frame.extend_from_slice(payload);
        }
    }

    /// Ends the message that was put: now it can be sent.
    pub(super) fn stamp(&mut self, id: &[u8; 16]) -> &[u8] {
        put_id(id, &mut self.frame);
        if let Some(deadline) = self.deadline {
            put_budget(deadline.saturating_duration_since(Instant::now()), &mut self.frame);
        }
        &self.frame
    }

    /// What was encoded last.
    pub(super) fn encoded(&self) -> &[u8] {
        &self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_encoded_as_the_wire_has_it() {
        let mut outgoing = Outgoing::new("session", "me", "server.foo", "key");
        for payload in ["a longer one", "", "short"] {
            let mut message = Message::of_stream("session", "me", "server.foo", payload);
            message.set_cache("key");
            message.set_id([7; 16]);
            assert_eq!(outgoing.frame(payload.as_bytes(), &[7; 16]), message.encode());
        }
    }
}

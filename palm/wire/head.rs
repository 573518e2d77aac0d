//! A message as it is sent: the payload comes last, so that it is copied once, from where it is into the frame.

use std::time::Instant;

use bytes::BufMut;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::header::Header;
use super::id::Id;
use super::message::{DELIVERY, ID, Message, put_field};
use super::proto::Delivery;
use super::put_budget;

impl Message {
    /// Writes what stands before the payload of the message as it leaves at `now`, to a worker with the mark of that. The
    /// order of the fields means nothing.
    pub(crate) fn put_head(&self, mark: Option<&Delivery>, now: Instant, into: &mut Vec<u8>) {
        put_stream(&self.header, self.id.as_ref(), into);
        put_field(5, &self.cache, into);
        match mark {
            // There may be a mark of somebody else's in it.
            Some(_) if !self.extra.is_empty() => into.put_slice(&self.extra_without(DELIVERY)),
            _ => into.put_slice(&self.extra),
        }
        put_mark(mark, into);
        if let Some(budget) = self.budget {
            put_budget(budget.left(now), into);
        }
        put_payload_head(self.payload.len(), into);
    }
}

/// The same for a message that has nothing but a stream, an identifier and a payload of that length.
pub(crate) fn put_item_head(
    header: &Header,
    id: Option<&Id>,
    mark: Option<&Delivery>,
    length: usize,
    into: &mut Vec<u8>,
) {
    put_stream(header, id, into);
    put_mark(mark, into);
    put_payload_head(length, into);
}

fn put_stream(header: &Header, id: Option<&Id>, into: &mut Vec<u8>) {
    into.clear();
    into.put_slice(&header.encoded);
    if let Some(id) = id {
        put_id(id, into);
    }
}

fn put_mark(mark: Option<&Delivery>, into: &mut Vec<u8>) {
    if let Some(mark) = mark {
        prost::encoding::message::encode(DELIVERY, mark, into);
    }
}

/// Appends the field of a request's identifier.
pub(crate) fn put_id(id: &Id, into: &mut Vec<u8>) {
    encode_key(ID, WireType::LengthDelimited, into);
    encode_varint(size_of::<Id>() as u64, into);
    into.put_slice(id);
}

/// Appends what stands before a payload of that length: nothing if it is empty, as proto3 has it.
pub(crate) fn put_payload_head(length: usize, into: &mut Vec<u8>) {
    if length > 0 {
        encode_key(6, WireType::LengthDelimited, into);
        encode_varint(length as u64, into);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wire::RemoteError;

    fn sent(message: &Message, mark: Option<&Delivery>) -> Message {
        let mut head = b"what was there".to_vec();
        message.put_head(mark, Instant::now(), &mut head);
        Message::decode([&head[..], message.payload()].concat().into()).expect("a message")
    }

    #[test]
    fn a_mark_is_put_in_place_of_an_earlier_one_and_taken_off_again() {
        let ours = Delivery { epoch: u64::MAX, sequence: u64::MAX, attempt: u32::MAX, threads: u32::MAX };
        let plain = Message::new("server.foo", "a message");
        let mut marked = plain.clone();
        marked.set_delivery(&Delivery { threads: 7, ..Delivery::default() });
        let mut failed = plain.clone();
        failed.set_error(&RemoteError { text: "no".to_owned(), ..RemoteError::default() });
        let mut limited = plain.clone();
        limited.set_remaining(Duration::from_secs(5));
        for message in [plain, marked, failed, limited] {
            for mark in [&ours, &Delivery { epoch: 1, sequence: 0, attempt: 1, threads: 0 }] {
                let mut out = sent(&message, Some(mark));
                assert_eq!(out.take_delivery().as_ref(), Some(mark));
                assert_eq!(out.take_delivery(), None);
                assert_eq!((out.payload(), out.error()), (message.payload(), message.error()));
                assert_eq!(out.remaining().is_some(), message.remaining().is_some());
            }
        }
    }

    #[test]
    fn what_is_sent_is_the_message() {
        let mut message = Message::of_stream("a", "b", "server.foo", "a message");
        message.set_id([1; 16]);
        message.set_cache("key");
        message.set_stage(2);
        for payload in ["a message", ""] {
            message.set_payload(payload);
            assert_eq!(sent(&message, None).encode(), message.encode());
        }
        message.set_remaining(Duration::from_secs(5));
        assert!(sent(&message, None).remaining().is_some());
    }

    #[test]
    fn an_item_is_sent_as_its_message_is() {
        let mut message = Message::of_stream("a", "b", "server.foo", "a message");
        let mark = Delivery { epoch: 1, sequence: 2, attempt: 3, threads: 0 };
        for id in [None, Some([1; 16])] {
            id.into_iter().for_each(|id| message.set_id(id));
            for mark in [None, Some(&mark)] {
                let (mut whole, mut item) = (Vec::new(), Vec::new());
                message.put_head(mark, Instant::now(), &mut whole);
                put_item_head(message.header(), id.as_ref(), mark, message.payload().len(), &mut item);
                assert_eq!(item, whole);
            }
        }
    }
}

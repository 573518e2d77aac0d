//! Clients, and what they send and get.

use std::collections::VecDeque;
use std::time::Instant;

use super::cluster::{Actor, Cluster};
use super::net::{Net, SocketId};
use crate::socket::{Sent, SocketKind};
use crate::wire::Message;

/// A message of a client of this library.
pub(super) fn marked(client: &str, function: &str, payload: impl Into<bytes::Bytes>) -> Message {
    let mut message = classic(client, function, payload);
    message.set_id(*uuid::Uuid::new_v4().as_bytes());
    message
}

/// A message of a client that knows nothing of our extensions.
pub(super) fn classic(client: &str, function: &str, payload: impl Into<bytes::Bytes>) -> Message {
    Message::of_stream("", client, function, payload)
}

/// Sends one message after the other, as fast as it can.
struct Sender {
    push: SocketId,
    messages: VecDeque<Message>,
}

impl Actor for Sender {
    fn ready(&self, net: &Net) -> bool {
        !self.messages.is_empty() && net.can_write(self.push)
    }

    fn step(&mut self, net: &mut Net, _now: Instant) {
        let message = self.messages.pop_front().unwrap();
        assert_eq!(net.send(self.push, None, message.encode()), Sent::Done);
    }
}

impl Cluster {
    /// Sends `messages` to `address`, as they can be taken.
    pub(super) fn sends(&mut self, address: &str, messages: impl IntoIterator<Item = Message>) {
        let push = self.net.connected(SocketKind::Push, address);
        self.act(Sender { push, messages: messages.into_iter().collect() });
    }

    /// A socket of the test that subscribes to `topic`; the subscription is on its way.
    pub(super) fn subscribes(&mut self, address: &str, topic: &str) -> SocketId {
        let sub = self.net.connected(SocketKind::Sub, address);
        self.net.subscribe(sub, topic.as_bytes());
        sub
    }

    /// What came in at a socket of the test, in order.
    pub(super) fn messages(&self, socket: SocketId) -> Vec<Message> {
        let inbox = self.net.sockets[socket].inbox.iter();
        inbox.map(|(_, body)| Message::decode(body.clone()).unwrap()).collect()
    }

    pub(super) fn payloads(&self, socket: SocketId) -> Vec<String> {
        let text = |message: &Message| String::from_utf8(message.payload().to_vec()).unwrap();
        self.messages(socket).iter().map(text).collect()
    }
}

/// `0`, `1`, … with something around each.
pub(super) fn numbers(range: std::ops::Range<usize>, around: impl Fn(usize) -> String) -> Vec<String> {
    range.map(around).collect()
}

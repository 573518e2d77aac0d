//! What comes in, whichever sockets it comes on.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::calls::Waiter;
use super::core::Core;
use super::wire::Wire;
use crate::socket::{Interest, Received, Signal, Socket, Wakeup, wait_with};
use crate::wire::{Message, Streams};

/// Messages that are read before they are handed out.
const BATCH: usize = 1024;

/// The receiving end, of whoever leads.
#[derive(Debug)]
pub(super) struct Inbox {
    subscription: Option<Subscription>,
    wakeup: Wakeup,
    signals: Vec<Signal>,
    messages: Vec<Message>,
    frames: Vec<(usize, Vec<Bytes>)>,
    joined: Vec<usize>,
}

/// A classic publisher's end.
#[derive(Debug)]
pub(super) struct Subscription {
    socket: Socket,
    /// The client's own topic. SUB matches prefixes; this is the whole.
    topic: Box<[u8]>,
    streams: Streams,
}

impl Subscription {
    pub(super) fn new(socket: Socket, topic: &str) -> Self {
        Self { socket, topic: topic.as_bytes().into(), streams: Streams::default() }
    }

    fn drain(&mut self, messages: &mut Vec<Message>) {
        while messages.len() < BATCH {
            match self.socket.receive(|_| false) {
                Received::Message(incoming) if *incoming.head == *self.topic => {
                    match self.streams.decode(incoming.body) {
                        Ok(message) => messages.push(message),
                        Err(error) => tracing::warn!(%error, "an answer was not understood"),
                    }
                }
                Received::Message(_) => {}
                Received::Malformed(_) => tracing::warn!("an answer of the wrong number of frames was dropped"),
                Received::Empty => break,
            }
        }
    }
}

impl Inbox {
    pub(super) fn new(subscription: Option<Subscription>, wakeup: Wakeup, wires: &[Wire]) -> Self {
        let signals = wires.iter().flat_map(|wire| wire.signals.iter().copied()).collect();
        Self { subscription, wakeup, signals, messages: Vec::new(), frames: Vec::new(), joined: Vec::new() }
    }

    /// Reads a batch, waiting for its first message if there is none.
    pub(super) fn read(&mut self, wires: &[Wire], timeout: Option<Duration>) {
        self.drain(wires);
        if self.is_empty() {
            let subscription = self.subscription.as_ref();
            let interest = subscription.map(|of| Interest { socket: &of.socket, read: true, write: false });
            wait_with(interest.as_slice(), &self.signals, &self.wakeup, timeout);
            if let Some(subscription) = &mut self.subscription {
                // Comings and goings of the publisher: libzmq connects again by itself.
                let _ = subscription.socket.peer_events();
            }
            self.drain(wires);
        }
    }

    fn drain(&mut self, wires: &[Wire]) {
        if let Some(subscription) = &mut self.subscription {
            subscription.drain(&mut self.messages);
        }
        for (line, wire) in wires.iter().enumerate() {
            let mut frames = Vec::new();
            if wire.receive(&mut frames) {
                self.joined.push(line);
            }
            if !frames.is_empty() {
                self.frames.push((line, frames));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.frames.is_empty() && self.joined.is_empty()
    }

    /// Hands over what was read, and appends who is to be woken for it. Whether there is something to be sent for it.
    pub(super) fn hand_out(&mut self, core: &mut Core, woken: &mut Vec<Waiter>) -> bool {
        let linked = !self.frames.is_empty() || !self.joined.is_empty();
        for message in self.messages.drain(..) {
            core.calls.deliver(&message, woken);
        }
        let now = Instant::now();
        // In this order: what has come is older than a connection that was made since.
        for (line, frames) in self.frames.drain(..) {
            for frame in frames {
                core.hear(line, frame, now, woken);
            }
        }
        for line in self.joined.drain(..) {
            core.lines[line].joined();
        }
        linked
    }
}

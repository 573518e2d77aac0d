//! What comes in, whichever sockets it comes on.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::calls::Waiter;
use super::core::Core;
use super::wire::Wire;
use crate::socket::{Lookout, News, Places, Received, Socket, Wakeup};
use crate::wire::{Message, Streams};

/// Messages that are read before they are handed out.
const BATCH: usize = 1024;

/// The receiving end, of whoever leads.
#[derive(Debug)]
pub(super) struct Inbox {
    subscription: Option<Subscription>,
    wakeup: Wakeup,
    /// The signals of the subscription and of the wires.
    lookout: Lookout,
    subscribed: Option<Places>,
    wired: Vec<Places>,
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
    /// Not everything was read of what has come.
    stirred: bool,
}

impl Subscription {
    pub(super) fn new(socket: Socket, topic: &str) -> Self {
        Self { socket, topic: topic.as_bytes().into(), streams: Streams::default(), stirred: true }
    }

    fn drain(&mut self, news: News, messages: &mut Vec<Message>) {
        if news.peers {
            // Comings and goings of the publisher: libzmq connects again by itself.
            let _ = self.socket.peer_events();
        }
        self.stirred |= news.socket;
        while self.stirred && messages.len() < BATCH {
            match self.socket.receive(|_| false) {
                Received::Message(incoming) if *incoming.head == *self.topic => {
                    match self.streams.decode(incoming.body) {
                        Ok(message) => messages.push(message),
                        Err(error) => tracing::warn!(%error, "an answer was not understood"),
                    }
                }
                Received::Message(_) => {}
                Received::Malformed(_) => tracing::warn!("an answer of the wrong number of frames was dropped"),
                Received::Empty => self.stirred = false,
            }
        }
    }
}

impl Inbox {
    pub(super) fn new(subscription: Option<Subscription>, wakeup: Wakeup, wires: &[Wire]) -> Self {
        let mut lookout = Lookout::default();
        let subscribed = subscription.as_ref().map(|subscription| lookout.add_socket(&subscription.socket));
        let wired = wires.iter().map(|wire| wire.watch(&mut lookout)).collect();
        let (messages, frames, joined) = (Vec::new(), Vec::new(), Vec::new());
        Self { subscription, wakeup, lookout, subscribed, wired, messages, frames, joined }
    }

    /// Reads a batch, waiting for its first message if there is none.
    pub(super) fn read(&mut self, wires: &[Wire], timeout: Option<Duration>) {
        self.drain(wires);
        if self.is_empty() {
            self.lookout.wait(&self.wakeup, timeout);
            self.drain(wires);
        }
    }

    fn drain(&mut self, wires: &[Wire]) {
        if let Some((subscription, places)) = self.subscription.as_mut().zip(self.subscribed) {
            subscription.drain(self.lookout.news(places), &mut self.messages);
        }
        for (line, (wire, places)) in wires.iter().zip(&self.wired).enumerate() {
            let mut frames = Vec::new();
            if wire.receive(self.lookout.news(*places), &mut frames) {
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

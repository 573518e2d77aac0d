//! What a client is connected by, while it is being connected.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::core::Core;
use super::flusher;
use super::id::Ids;
use super::inbox::{Inbox, Subscription};
use super::line::Line;
use super::outbox::Outbox;
use super::wire::Wire;
use crate::engine::link::Frame;
use crate::error::{BoxError, Result};
use crate::socket::{Context, News, Socket, SocketKind, Waker, Wakeup, wait_with};

/// What is not handed over when the client goes is tried for this long.
const LINGER: Duration = Duration::from_secs(1);

/// How long a component may take to answer the greeting on its link.
const WELCOME: Duration = Duration::from_secs(2);

pub(super) struct Ends<'a> {
    context: &'a Context,
    /// The client's.
    id: &'a str,
    ids: Ids,
    pub(super) core: Core,
    wires: Vec<Wire>,
    outbox: Option<Outbox>,
    subscription: Option<Subscription>,
    wakeup: (Waker, Wakeup),
}

impl<'a> Ends<'a> {
    pub(super) fn new(context: &'a Context, id: &'a str, pipeline: &str) -> Result<Self> {
        let ids = Ids::new();
        Ok(Self {
            context,
            id,
            ids,
            core: Core::new(ids, pipeline, id),
            wires: Vec::new(),
            outbox: None,
            subscription: None,
            wakeup: Wakeup::pair(context)?,
        })
    }

    pub(super) const fn wakeup(&self) -> &Wakeup {
        &self.wakeup.1
    }

    /// Messages are sent to that address.
    pub(super) fn push(&mut self, address: &str) -> Result<(), BoxError> {
        let push = Socket::new(self.context, SocketKind::Push)?;
        push.set_linger(LINGER);
        push.connect(address)?;
        self.outbox = Some(Outbox::new(push));
        Ok(())
    }

    /// Results come from a publisher, on a socket that has subscribed to them.
    pub(super) fn subscribe(&mut self, socket: Socket) {
        self.subscription = Some(Subscription::new(socket, self.id));
    }

    /// Messages are submitted at that link, and results come from it if they come from `here`. False if that cannot be.
    pub(super) fn link_to_submit(&mut self, address: &str, here: bool, left: Option<Duration>) -> bool {
        let topic = here.then_some(self.id);
        self.link(address, Line::new(self.id, self.ids.client(), true, topic, false), left)
    }

    /// Results come from that link, instead of the publisher that told its address. False if that cannot be.
    pub(super) fn link_for_results(&mut self, address: &str, left: Option<Duration>) -> bool {
        self.link(address, Line::new(self.id, self.ids.client(), false, Some(self.id), true), left)
    }

    fn link(&mut self, address: &str, line: Line, left: Option<Duration>) -> bool {
        let wire = match Wire::connect(self.context, address, LINGER) {
            Ok(wire) => wire,
            Err(error) => {
                tracing::warn!(address, error, "no link; using the classic sockets");
                return false;
            }
        };
        let number = self.core.lines.len();
        self.core.lines.push(line);
        if self.greet(number, &wire, left.map_or(WELCOME, |left| left.min(WELCOME))) {
            self.wires.push(wire);
            return true;
        }
        if self.core.lines[number].is_welcomed() {
            wire.send(|frames| frames.push(Frame::Bye.write().into()));
        } else {
            tracing::warn!(address, "nobody answers at the link; using the classic sockets");
        }
        self.core.lines.pop();
        false
    }

    /// Whether the component answers as one that does what the line is for.
    fn greet(&mut self, number: usize, wire: &Wire, patience: Duration) -> bool {
        let over = Instant::now() + patience;
        if wire.is_unseen() {
            self.core.lines[number].joined();
        }
        let mut frames = Vec::new();
        loop {
            if wire.receive(News::UNKNOWN, &mut frames) {
                self.core.lines[number].joined();
            }
            for frame in frames.drain(..) {
                self.core.hear(number, frame, Instant::now(), &mut Vec::new());
            }
            if wire.send(|frames| self.core.lines[number].take_frames(true, frames)) == Some(true) {
                // The signal of what can be received is used up.
                continue;
            }
            let line = &self.core.lines[number];
            let left = over.saturating_duration_since(Instant::now());
            if line.is_welcomed() || left.is_zero() {
                return line.is_welcomed() && line.serves();
            }
            wait_with(&[], &wire.signals, &self.wakeup.1, Some(left));
        }
    }

    pub(super) fn finish(self) -> Result<Arc<Connection>> {
        let Self { ids, core, wires, outbox, subscription, wakeup: (waker, wakeup), .. } = self;
        let linked = !wires.is_empty();
        let inbox = Inbox::new(subscription, wakeup, &wires);
        let connection = Arc::new(Connection::new(ids, core, outbox, wires, inbox, waker));
        if linked {
            flusher::start(&connection)?;
        }
        Ok(connection)
    }
}

//! What the engine asks of a part, and what a part may ask of the engine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::debt::Debt;
use super::envelope::{Envelope, PartId};
use super::inlet::{Inlet, Inlets};
use super::router::Router;
use super::shelf::Shelf;
use super::stats::Counter;
use crate::error::{BoxError, Result};
use crate::socket::{Incoming, Peer, Sender, Sent, SocketKind};
use crate::wire::Message;

/// Number of a socket within its component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Port(pub(crate) usize);

/// The seam between decisions and sockets: what a transport does for the parts, without ever waiting.
pub trait Transport {
    /// Opens a socket that belongs to `part`.
    ///
    /// # Errors
    /// The system has no socket left.
    fn open(&mut self, part: PartId, kind: SocketKind) -> Result<Port>;
    /// Binds; the address that is really bound comes back.
    ///
    /// # Errors
    /// The address is malformed or in use.
    fn bind(&mut self, port: Port, address: &str) -> Result<String, BoxError>;
    /// Connects, now or when the peer is there.
    ///
    /// # Errors
    /// The address is malformed.
    fn connect(&mut self, port: Port, address: &str) -> Result<(), BoxError>;
    /// Receives a topic from now on.
    ///
    /// # Errors
    /// The socket is no `Sub`.
    fn subscribe(&mut self, port: Port, topic: &[u8]) -> Result<(), BoxError>;
    /// Has [`Part::joined`] and [`Part::gone`] called for the connections of a port. Before binding.
    ///
    /// # Errors
    /// The system has no socket left.
    fn watch(&mut self, port: Port) -> Result<()>;
    /// Has a port notice peers that are silent without having left, and keep no limit of its own. Before binding or connecting.
    ///
    /// # Errors
    /// The socket does not take the options.
    fn beat(&mut self, port: Port) -> Result<()>;
    /// Closes a socket; what it still holds is handed over within a few seconds, or dropped.
    fn close(&mut self, port: Port);
    /// Hands one message over, or says that it cannot.
    fn send(&mut self, port: Port, head: Option<&[u8]>, delimited: bool, body: Vec<u8>) -> Sent;
    /// The same for a message that the caller keeps, in two pieces.
    fn send_copy(&mut self, port: Port, head: Option<&[u8]>, pieces: [&[u8]; 2]) -> Sent {
        self.send(port, head, false, pieces.concat())
    }
    /// Answers a peer of a `Router`, or says that it cannot.
    fn reply(&mut self, port: Port, to: &Sender, body: Vec<u8>) -> Sent;
    /// Whether the part wants to be called when `port` can take messages again.
    fn watch_writable(&mut self, port: Port, wanted: bool);
}

/// A part of a component: what stands between the router and one kind of peer.
///
/// The engine calls it, one call at a time; none of its methods may wait. Most parts are built from those of this library
/// with [`Hooks`](crate::part::Hooks); implement this trait for one that is really new.
pub trait Part: Send + 'static {
    /// Opens the sockets, once, before anything else.
    ///
    /// # Errors
    /// An address cannot be used.
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()>;

    /// Something came in on a socket of this part.
    fn receive(&mut self, turn: &mut Turn<'_>, port: Port, incoming: Incoming) {
        let _ = (turn, port, incoming);
    }

    /// Frames came in that make no message; they are counted. A REQ peer waits for an answer all the same.
    fn malformed(&mut self, turn: &mut Turn<'_>, port: Port, incoming: Incoming) {
        let _ = (turn, port, incoming);
    }

    /// Something lies in this part's [`Inlet`]: what another thread has [offered](Inlet::offer).
    ///
    /// Where an inbound part gets a number without a message that had one, the component ends, and did not take that message.
    fn arrived(&mut self, turn: &mut Turn<'_>, number: u64, message: Option<Message>) {
        let _ = (turn, number, message);
    }

    /// The router has a message for this outbound part.
    fn deliver(&mut self, turn: &mut Turn<'_>, envelope: Envelope) {
        let _ = (turn, envelope);
    }

    /// Whether this part [takes](Self::deliver_batch) several messages of a stream at once, or their
    /// [feedback](Self::feedback_batch).
    #[doc(hidden)]
    fn takes_batches(&self) -> bool {
        false
    }

    /// The router has several messages for this outbound part.
    #[doc(hidden)]
    fn deliver_batch(&mut self, turn: &mut Turn<'_>, batch: Batch) {
        batch.into_envelopes().for_each(|envelope| self.deliver(turn, envelope));
    }

    /// The router has one result for each of several messages that this blocking inbound part sent in, and no more will come.
    #[doc(hidden)]
    fn feedback_batch(&mut self, turn: &mut Turn<'_>, batch: Batch) {
        let _ = (turn, batch);
    }

    /// The router has feedback for a message that this blocking inbound part sent in: none, one or several times `Some`, and
    /// then `None`, once: nothing of that message is left inside, so no more will come.
    fn feedback(&mut self, turn: &mut Turn<'_>, token: u64, message: Option<Message>) {
        let _ = (turn, token, message);
    }

    /// A connection of a port that is watched stands, or stands again.
    fn connected(&mut self, turn: &mut Turn<'_>, port: Port) {
        let _ = (turn, port);
    }

    /// A peer connected to a port that is watched.
    fn joined(&mut self, turn: &mut Turn<'_>, port: Port, peer: Peer) {
        let _ = (turn, port, peer);
    }

    /// A connection of a port that is watched ended.
    fn gone(&mut self, turn: &mut Turn<'_>, port: Port, peer: Peer) {
        let _ = (turn, port, peer);
    }

    /// A socket can take messages again, or the time of [`Turn::wake_in`] has come.
    fn resume(&mut self, turn: &mut Turn<'_>) {
        let _ = turn;
    }

    /// Whether [`answer`](Self::answer) has something to say.
    fn answers(&self) -> bool {
        false
    }

    /// A peer asks the cache for the key under which this part is published: the answer, where it depends on who asks.
    fn answer(&mut self, turn: &mut Turn<'_>, asker: &str) -> Option<String> {
        let _ = (turn, asker);
        None
    }

    /// Whether the messages of this inbound part may come in over the component's link as well.
    #[doc(hidden)]
    fn is_linkable(&self) -> bool {
        false
    }

    /// Whether this outbound part sees to it that those who wait for the end of a message are told.
    #[doc(hidden)]
    fn settles(&self) -> bool {
        false
    }

    /// A message that came in over this part's link is settled.
    #[doc(hidden)]
    fn settled(&mut self, turn: &mut Turn<'_>, client: u64, request: u64, branches: u32, results: u32) {
        let _ = (turn, client, request, branches, results);
    }

    /// Sends what was collected, if the part said [`Turn::flush_soon`]. `at_rest`: nothing else will happen soon.
    fn flush(&mut self, turn: &mut Turn<'_>, at_rest: bool) {
        let _ = (turn, at_rest);
    }

    /// The component ends: the last words of this part.
    fn close(&mut self, turn: &mut Turn<'_>) {
        let _ = turn;
    }

    /// Whether the messages of this inbound part will be done by others, if this component ends before it has begun them.
    fn hands_back(&self) -> bool {
        false
    }

    /// Whether this outbound part hands messages to workers.
    fn hands_out(&self) -> bool {
        false
    }

    /// How long workers may take for a message that this part hands out; `None` is for ever.
    fn work_timeout(&self) -> Option<Duration> {
        None
    }

    /// Whether the router shall stop draining what leads to this part.
    fn is_full(&self) -> bool {
        false
    }

    /// Whether this inbound part brings back what an outbound one sent out: such a part is drained, not closed, at the end.
    fn brings_results(&self) -> bool {
        false
    }

    /// Messages that others do for this part now, and will give results for. The end of the component waits for them, for
    /// 20 s at most.
    fn outstanding(&self) -> usize {
        0
    }

    /// The component does not wait for what is [outstanding](Self::outstanding) any longer: the part is to give it up now.
    fn abandon(&mut self, turn: &mut Turn<'_>) {
        let _ = turn;
    }

    /// Whether nothing is left here that a drain has to wait for.
    fn is_idle(&self) -> bool {
        true
    }
}

/// A socket that is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The socket.
    pub port: Port,
    /// The address that is really bound.
    pub address: String,
}

impl From<Bound> for Port {
    fn from(bound: Bound) -> Self {
        bound.port
    }
}

/// What a part does while it opens its sockets.
pub struct Opening<'a> {
    pub(crate) transport: &'a mut dyn Transport,
    pub(crate) part: PartId,
    pub(crate) place: &'a mut dyn Place,
    pub(crate) inlets: &'a mut Inlets,
    pub(crate) shelf: &'a Shelf,
}

impl std::fmt::Debug for Opening<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("part", &self.part).finish_non_exhaustive()
    }
}

/// The rules and records of the component for addresses: who may bind where, what is published.
pub(crate) trait Place {
    /// Checks an address that is to be bound, and gives the one to bind. `protected`: by encryption, or a secret of the peers.
    fn to_bind(&self, address: &crate::part::Address, protected: bool) -> Result<String>;
    /// Notes what was really bound, under a key of its own or the part's.
    fn bound(&mut self, key: Option<&'static str>, address: &str);
    /// Looks an address up that is to be connected to.
    fn to_connect(&mut self, address: &crate::part::Address) -> Result<String>;
    /// An error with the component's and the part's names.
    fn refused(&self, address: &str, source: BoxError) -> crate::Error;
    fn name(&self) -> &str;
    /// What peers are told of a bound address.
    fn advertised(&self, bound: &str) -> String {
        bound.to_owned()
    }
}

impl Opening<'_> {
    /// Name of the component.
    #[must_use]
    pub fn component(&self) -> &str {
        self.place.name()
    }

    /// Makes a queue in which other threads leave messages for this part, `limit` at most.
    pub fn inlet(&mut self, limit: usize) -> Inlet {
        self.inlets.open(self.part, limit)
    }

    /// What the parts of this component share under a name: made by the first one that asks.
    #[must_use]
    pub fn shared<T: Default + Send + Sync + 'static>(&self, name: &str) -> Arc<T> {
        self.shelf.get(name)
    }

    /// Opens a socket and binds it. The address really bound is published in the cache under the part's key.
    ///
    /// # Errors
    /// The address is malformed, in use, or not on loopback without `insecure()`.
    pub fn bind(&mut self, kind: SocketKind, address: &crate::part::Address) -> Result<Bound> {
        let port = self.transport.open(self.part, kind)?;
        self.bind_port(port, address, None)
    }

    /// The same, published under a key of its own: for a part with several sockets.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_as(&mut self, key: &'static str, kind: SocketKind, address: &crate::part::Address) -> Result<Bound> {
        let port = self.transport.open(self.part, kind)?;
        self.bind_port(port, address, Some(key))
    }

    /// The same for a socket whose connections the part is told of.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_watched(&mut self, kind: SocketKind, address: &crate::part::Address) -> Result<Bound> {
        let port = self.transport.open(self.part, kind)?;
        self.transport.watch(port)?;
        self.bind_port(port, address, None)
    }

    /// Binds the link.
    pub(crate) fn bind_link(&mut self, address: &crate::part::Address) -> Result<Bound> {
        let port = self.transport.open(self.part, SocketKind::Router)?;
        self.transport.watch(port)?;
        self.transport.beat(port)?;
        self.bind_port(port, address, None)
    }

    /// Connects to a link.
    pub(crate) fn connect_link(&mut self, address: &crate::part::Address) -> Result<Port> {
        let address = self.place.to_connect(address)?;
        let port = self.transport.open(self.part, SocketKind::Dealer)?;
        self.transport.watch(port)?;
        self.transport.beat(port)?;
        self.transport.connect(port, &address).map_err(|source| self.place.refused(&address, source))?;
        Ok(port)
    }

    /// What peers are told of a bound address.
    pub(crate) fn advertised(&self, bound: &str) -> String {
        self.place.advertised(bound)
    }

    fn bind_port(&mut self, port: Port, address: &crate::part::Address, key: Option<&'static str>) -> Result<Bound> {
        let address = self.place.to_bind(address, false)?;
        let bound = self.transport.bind(port, &address).map_err(|source| self.place.refused(&address, source))?;
        self.place.bound(key, &bound);
        Ok(Bound { port, address: bound })
    }

    /// Opens a socket and connects it; the peer need not be there yet.
    ///
    /// # Errors
    /// The address is malformed.
    pub fn connect(&mut self, kind: SocketKind, address: &crate::part::Address) -> Result<Port> {
        let address = self.place.to_connect(address)?;
        let port = self.transport.open(self.part, kind)?;
        self.transport.connect(port, &address).map_err(|source| self.place.refused(&address, source))?;
        Ok(port)
    }

    /// The same for a socket whose connections the part is told of.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_watched(&mut self, kind: SocketKind, address: &crate::part::Address) -> Result<Port> {
        let address = self.place.to_connect(address)?;
        let port = self.transport.open(self.part, kind)?;
        self.transport.watch(port)?;
        self.transport.connect(port, &address).map_err(|source| self.place.refused(&address, source))?;
        Ok(port)
    }

    /// Receives a topic on a `Sub` socket.
    ///
    /// # Errors
    /// The socket is no `Sub`.
    pub fn subscribe(&mut self, port: Port, topic: &[u8]) -> Result<()> {
        self.transport
            .subscribe(port, topic)
            .map_err(|source| self.place.refused(&String::from_utf8_lossy(topic), source))
    }
}

/// One turn of the engine: what a part may do while it is called.
pub struct Turn<'a> {
    pub(crate) core: &'a mut Router,
    pub(crate) transport: &'a mut dyn Transport,
    pub(crate) part: PartId,
    pub(crate) now: Instant,
}

impl std::fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("part", &self.part).finish_non_exhaustive()
    }
}

impl Turn<'_> {
    /// The time at which this turn began.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Name of the component.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.core.name
    }

    /// Hands a message to the router: from an inbound part on its route, from an outbound part as feedback.
    pub fn route(&mut self, envelope: impl Into<Envelope>) {
        let mut envelope = envelope.into();
        envelope.message.arrived(self.now);
        self.core.route(self.part, envelope);
    }

    /// Hands a message of a caller to the router, who is answered through [`Part::feedback`] with this `token`.
    ///
    /// The envelope that carries the message has its [`Origin`](crate::part::Origin), as do those made of it by
    /// [`Envelope::with`]; when the last of them is gone, feedback has come to its end.
    pub fn route_waiting(&mut self, mut message: Message, token: u64) {
        message.arrived(self.now);
        let origin = Some(self.core.origin(self.part, token));
        self.core.route(self.part, Envelope::new(message, origin, Debt::NONE));
    }

    /// Whether this inbound part was registered as blocking.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.core.rows[self.part.0].blocks
    }

    /// Hands a message from outside to the router, who sends it on together with those of its stream that came with it, where
    /// what is behind this part takes several at once.
    pub(crate) fn collect(&mut self, mut message: Message) {
        message.arrived(self.now);
        self.core.collect(self.part, message);
    }

    /// Asks for [`Part::flush`], before the component rests and at least every tenth of a millisecond.
    pub fn flush_soon(&mut self) {
        self.core.flush_soon(self.part);
    }

    /// Asks for it, or does so no more, when the component has been at rest for a while.
    pub(crate) fn set_owing(&mut self, owes: bool) {
        self.core.set_owing(self.part, owes);
    }

    /// Hands one message to the transport.
    pub fn send(&mut self, port: Port, head: Option<&[u8]>, message: &Message) -> Sent {
        message.put_head(None, self.now, &mut self.core.head);
        self.transport.send_copy(port, head, [&self.core.head, message.payload()])
    }

    /// Answers a peer of a `Router` socket: whoever sent an [`Incoming`] is its [`sender`](Incoming::sender).
    pub fn reply(&mut self, port: Port, to: &Sender, body: impl Into<Vec<u8>>) -> Sent {
        self.transport.reply(port, to, body.into())
    }

    /// Asks for [`Part::resume`] when `port` can take messages again.
    pub fn watch_writable(&mut self, port: Port, wanted: bool) {
        self.transport.watch_writable(port, wanted);
    }

    /// Asks for [`Part::resume`] in `delay`, unless an earlier time is set already.
    pub fn wake_in(&mut self, delay: Duration) {
        self.core.wake_at(self.part, self.now + delay);
    }

    /// Counts and logs bytes that are no message; the component lives on.
    pub fn undecodable(&mut self, error: &(impl std::fmt::Display + ?Sized)) {
        self.core.stats.add(Counter::Undecodable, 1);
        tracing::warn!(%error, part = self.core.part_name(self.part), "dropped what is no PALM message");
    }

    pub(crate) fn count(&self, counter: Counter, by: u64) {
        self.core.stats.add(counter, by);
    }
}

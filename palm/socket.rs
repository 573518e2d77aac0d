//! The transport: with its modules the only one that names `zmq`.
//!
//! Everything above it sees sockets that bind, connect, receive and send without waiting, and one call that waits for
//! several of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::error::{BoxError, Error, Result};

mod incoming;
mod room;
mod vigil;
mod waiting;

pub use incoming::{Incoming, Sender};
use room::{COPY_BELOW, Room};
pub(crate) use waiting::{Interest, Lookout, News, Places, Signal, Waker, Wakeup, wait, wait_with};

/// Largest message taken from a peer, in bytes: 64 MiB. One that announces more is cut off.
pub(crate) const MAX_MESSAGE_BYTES: i64 = 64 << 20;

/// How long a closed socket keeps trying to hand over what it still holds.
const LINGER: Duration = Duration::from_secs(5);

/// Frames that may stand before a REQ peer's empty one: one for each queue that the request came through.
const MAX_VIA: usize = 16;

/// A ZeroMQ context. Components and clients that share one reach each other by `inproc://` addresses.
///
/// Cloning it is cheap. The last clone to be dropped waits until what was sent is handed over, 5 s at most.
///
/// ```
/// let context = palm::Context::new();
/// let shared = context.clone();
/// # drop(shared);
/// ```
#[derive(Clone, Default)]
pub struct Context(zmq::Context);

impl Context {
    /// A context of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The version of libzmq that this program is linked with.
    ///
    /// ```
    /// assert!(palm::Context::version() >= (4, 2, 0));
    /// ```
    #[must_use]
    pub fn version() -> (u32, u32, u32) {
        let (major, minor, patch) = zmq::version();
        let number = |part: i32| u32::try_from(part).unwrap_or_default();
        (number(major), number(minor), number(patch))
    }

    /// Whether that libzmq was built with a capability of ZeroMQ's, such as `curve`, `ipc` or `pgm`.
    ///
    /// ```
    /// assert!(!palm::Context::has("no such thing"));
    /// ```
    #[must_use]
    pub fn has(capability: &str) -> bool {
        // The crate panics on a NUL.
        !capability.contains('\0') && zmq::has(capability) == Some(true)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketKind {
    /// Takes messages from any number of PUSH peers.
    Pull,
    /// Hands each message to one of its PULL peers; full while there is none.
    Push,
    /// Hands each message to the peers that subscribed to its topic, and tells of subscriptions. Loses nothing: it is
    /// full instead (XPUB with NODROP).
    Pub,
    /// Receives the topics it subscribed to.
    Sub,
    /// Tells its peers apart by their identity; REQ and DEALER peers connect to it.
    Router,
    /// The other end of a `Router`.
    Dealer,
}

impl SocketKind {
    const fn raw(self) -> zmq::SocketType {
        match self {
            Self::Pull => zmq::PULL,
            Self::Push => zmq::PUSH,
            Self::Pub => zmq::XPUB,
            Self::Sub => zmq::SUB,
            Self::Router => zmq::ROUTER,
            Self::Dealer => zmq::DEALER,
        }
    }

    /// Frames before the body: a topic or an identity.
    const fn has_head(self) -> bool {
        matches!(self, Self::Sub | Self::Router)
    }
}

/// One connection of a peer. Never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer(u64);

impl Peer {
    /// For tests and transports that count their connections themselves.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// One that no other socket of this process has given to a connection.
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a read of a socket gave.
#[derive(Debug)]
pub(crate) enum Received {
    Message(Incoming),
    /// Frames that make no message at this kind of socket; what stood before them, so that a REQ peer is answered all the same.
    Malformed(Incoming),
    /// Nothing there.
    Empty,
}

/// What became of a message that was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Handed to the transport.
    Done,
    /// Nobody can take it now; send it again later.
    Full,
    /// The peer that it was for is gone.
    Gone,
}

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    Read,
    Write,
}

pub(crate) struct Socket {
    raw: zmq::Socket,
    kind: SocketKind,
    peers: Option<Peers>,
    room: Room,
}

impl Socket {
    pub(crate) fn new(context: &Context, kind: SocketKind) -> Result<Self> {
        let raw = context.0.socket(kind.raw()).map_err(|error| Error::system("open a socket", error))?;
        let mut socket = Self { raw, kind, peers: None, room: Room::default() };
        socket.configure().map_err(|error| Error::system("set up a socket", error))?;
        Ok(socket)
    }

    fn configure(&mut self) -> Result<(), zmq::Error> {
        self.raw.set_linger(i32::try_from(LINGER.as_millis()).unwrap_or(0))?;
        self.raw.set_maxmsgsize(MAX_MESSAGE_BYTES)?;
        // Peers older than ZMTP 3 do not say what they are: whatever sends a few bytes over TCP would be handed work.
        // libzmq refuses them where authentication is on; without a handler for it, everybody else comes in.
        self.raw.set_zap_domain("palm")?;
        self.raw.set_reconnect_ivl_max(500)?;
        match self.kind {
            SocketKind::Pub => {
                self.raw.set_xpub_verbose(true)?;
                set_nodrop(&mut self.raw)?;
            }
            SocketKind::Router => {
                self.raw.set_router_mandatory(true)?;
                // A peer that comes back under its identity takes over from its dead connection.
                self.raw.set_router_handover(true)?;
            }
            SocketKind::Pull | SocketKind::Sub => self.raw.set_linger(0)?,
            SocketKind::Push | SocketKind::Dealer => {}
        }
        Ok(())
    }

    /// Binds, and gives the address that is really bound (port 0 and `*` are resolved).
    pub(crate) fn bind(&self, address: &str) -> Result<String, BoxError> {
        // libzmq knows "*" for a free port, not 0, and looks no name up to bind; the zmq crate panics on NUL.
        let asked = checked(address)?.replacen("tcp://localhost:", "tcp://127.0.0.1:", 1);
        let asked = asked.strip_suffix(":0").map_or_else(|| asked.clone(), |host| format!("{host}:*"));
        self.raw.bind(&asked)?;
        Ok(self.raw.get_last_endpoint()?.unwrap_or_else(|_| address.to_owned()))
    }

    pub(crate) fn connect(&self, address: &str) -> Result<(), BoxError> {
        Ok(self.raw.connect(checked(address)?)?)
    }

    pub(crate) fn subscribe(&self, topic: &[u8]) -> Result<(), BoxError> {
        Ok(self.raw.set_subscribe(topic)?)
    }

    /// What is not handed over within `linger` of closing is dropped.
    pub(crate) fn set_linger(&self, linger: Duration) {
        // Fails for a socket that is closed already only.
        let _ = self.raw.set_linger(i32::try_from(linger.as_millis()).unwrap_or(i32::MAX));
    }

    /// How many messages are kept for each connection until they are received, 1,000 by default. To be called before
    /// binding or connecting.
    pub(crate) fn set_receive_limit(&self, messages: i32) {
        // Fails for negative numbers only.
        let _ = self.raw.set_rcvhwm(messages);
    }

    /// Waits for this socket alone: until it can be read from, or written to, or the time is up.
    pub(crate) fn wait_alone(&self, event: Ready, timeout: Duration) {
        let event = match event {
            Ready::Read => zmq::POLLIN,
            Ready::Write => zmq::POLLOUT,
        };
        let _ = self.raw.poll(event, i64::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i64::MAX));
    }

    /// Notices a peer that is silent without having left, within three seconds; and has no bound of its own, since a peer
    /// whose heartbeat is not read would be cut off. Not for a `Pull` or a `Sub` that connects: they have a bound, and when they
    /// are read on after such a cut, libzmq aborts the process. To be called before binding or connecting.
    pub(crate) fn beat(&self) -> Result<()> {
        let set = || -> Result<(), zmq::Error> {
            self.raw.set_heartbeat_ivl(1000)?;
            self.raw.set_heartbeat_timeout(2000)?;
            if matches!(self.kind, SocketKind::Router | SocketKind::Dealer) {
                self.raw.set_sndhwm(0)?;
                self.raw.set_rcvhwm(0)?;
            }
            Ok(())
        };
        set().map_err(|error| Error::system("set up a socket", error))
    }

    /// Starts to tell connections apart. To be called before binding or connecting.
    pub(crate) fn watch_peers(&mut self, context: &Context) -> Result<()> {
        self.peers = Some(Peers::new(context, &self.raw).map_err(|error| Error::system("watch a socket", error))?);
        Ok(())
    }

    pub(crate) const fn is_watched(&self) -> bool {
        self.peers.is_some()
    }

    /// Connections that ended, and handshakes that were done, since the last call.
    pub(crate) fn peer_events(&mut self) -> Vec<PeerEvent> {
        self.peers.as_mut().map(Peers::drain).unwrap_or_default()
    }

    /// Whether some of them were read already.
    pub(crate) fn has_peer_events(&self) -> bool {
        self.peers.as_ref().is_some_and(|peers| !peers.pending.is_empty())
    }

    /// Takes one message if there is one. `tell_peer` says of a body whether its connection matters; that of a REQ peer does.
    pub(crate) fn receive(&mut self, tell_peer: impl Fn(&[u8]) -> bool) -> Received {
        let Some(mut frame) = self.frame() else { return Received::Empty };
        let mut incoming = Incoming::default();
        let mut more = frame.get_more();
        if self.kind.has_head() {
            incoming.head = self.room.keep(frame);
            // Only if there is one: the next frame is otherwise that of the next message.
            match if more { self.frame() } else { None } {
                Some(next) => frame = next,
                None => return Received::Malformed(incoming),
            }
            more = frame.get_more();
        }
        if matches!(self.kind, SocketKind::Router | SocketKind::Dealer) {
            while more && !incoming.delimited && incoming.via.len() <= MAX_VIA {
                if frame.is_empty() {
                    incoming.delimited = true;
                } else {
                    incoming.via.push(self.room.keep(frame));
                }
                match self.frame() {
                    Some(next) => frame = next,
                    None => return Received::Malformed(incoming),
                }
                more = frame.get_more();
            }
        }
        if more || (!incoming.delimited && !incoming.via.is_empty()) {
            while more {
                more = self.frame().is_some_and(|frame| frame.get_more());
            }
            if !incoming.delimited {
                // Without the empty frame, those before it are no way to send an answer back on.
                incoming.via.clear();
            }
            return Received::Malformed(incoming);
        }
        if let Some(peers) = &mut self.peers
            && (incoming.delimited || tell_peer(&frame))
        {
            incoming.peer = peers.of(&mut frame);
        }
        incoming.body = self.room.keep(frame);
        Received::Message(incoming)
    }

    /// What another thread can wait for while this one uses the socket: that of the socket itself, and that of its peers' events
    /// if these are watched.
    pub(crate) fn signals(&self) -> Vec<Signal> {
        let monitor = self.peers.as_ref().map(|peers| &peers.events);
        [Some(&self.raw), monitor].into_iter().flatten().filter_map(Signal::of).collect()
    }

    /// Whether there is something to be received. Whoever uses a socket takes its signal off: if this is so then, whoever waits
    /// for the signal has to be woken otherwise.
    pub(crate) fn is_readable(&self) -> bool {
        self.is_ready().0
    }

    /// Whether there is something to be received, and whether something can be sent.
    pub(crate) fn is_ready(&self) -> (bool, bool) {
        let events = self.raw.get_events().unwrap_or(zmq::PollEvents::empty());
        (events.contains(zmq::POLLIN), events.contains(zmq::POLLOUT))
    }

    fn frame(&self) -> Option<zmq::Message> {
        loop {
            match self.raw.recv_msg(zmq::DONTWAIT) {
                Ok(frame) => return Some(frame),
                Err(zmq::Error::EINTR) => {}
                Err(_) => return None,
            }
        }
    }

    /// Hands over one message, `head` first where the kind of socket has one.
    pub(crate) fn send(&self, head: Option<&[u8]>, delimited: bool, body: Vec<u8>) -> Sent {
        let head = head.map(zmq::Message::from);
        let delimiter = delimited.then(zmq::Message::new);
        self.send_frames(head.into_iter().chain(delimiter), into_frame(body))
    }

    /// The same for a message in two pieces, which stays the caller's.
    pub(crate) fn send_copy(&self, head: Option<&[u8]>, [first, second]: [&[u8]; 2]) -> Sent {
        let body = if second.is_empty() {
            zmq::Message::from(first)
        } else {
            let mut body = zmq::Message::with_size(first.len() + second.len());
            let (before, after) = body.split_at_mut(first.len());
            before.copy_from_slice(first);
            copy(second, after);
            body
        };
        self.send_frames(head.map(zmq::Message::from), body)
    }

    /// Answers a peer of a `Router`.
    pub(crate) fn reply(&self, to: &Sender, body: Vec<u8>) -> Sent {
        let delimiter = to.delimited.then(Bytes::new);
        let way = std::iter::once(&to.identity).chain(&to.via).chain(&delimiter);
        self.send_frames(way.map(|frame| zmq::Message::from(&frame[..])), into_frame(body))
    }

    fn send_frames(&self, before: impl IntoIterator<Item = zmq::Message>, last: zmq::Message) -> Sent {
        for frame in before {
            match self.send_frame(frame, zmq::SNDMORE) {
                Sent::Done => {}
                refused => return refused,
            }
        }
        self.send_frame(last, 0)
    }

    fn send_frame(&self, frame: zmq::Message, flags: i32) -> Sent {
        // The zmq crate consumes the frame, and EINTR is not given for a send that does not wait.
        match self.raw.send(frame, flags | zmq::DONTWAIT) {
            Ok(()) => Sent::Done,
            Err(zmq::Error::EHOSTUNREACH) => Sent::Gone,
            Err(_) => Sent::Full,
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn checked(address: &str) -> Result<&str, BoxError> {
    if address.contains('\0') { Err("the address has a NUL byte".into()) } else { Ok(address) }
}

/// Piece by piece. What is larger glibc copies by `rep movsb`, which takes several times as long on processors of AMD where both
/// lie at nearly the same place of their pages (its bug 30994), as what is received and what is sent do here.
fn copy(from: &[u8], into: &mut [u8]) {
    const PIECE: usize = 2 << 10;
    for (from, into) in from.chunks(PIECE).zip(into.chunks_mut(PIECE)) {
        into[..from.len()].copy_from_slice(from);
    }
}

fn into_frame(body: Vec<u8>) -> zmq::Message {
    if body.len() <= COPY_BELOW { zmq::Message::from(&body[..]) } else { zmq::Message::from(body) }
}

#[expect(unsafe_code, reason = "zmq has no setter for XPUB_NODROP")]
fn set_nodrop(socket: &mut zmq::Socket) -> Result<(), zmq::Error> {
    let on: std::ffi::c_int = 1;
    // SAFETY: the socket is open, as `socket` owns it, and the option takes an int of the given size, which is only read
    // during the call.
    let code = unsafe {
        zmq_sys::zmq_setsockopt(
            socket.as_mut_ptr(),
            zmq_sys::ZMQ_XPUB_NODROP.cast_signed(),
            (&raw const on).cast(),
            size_of_val(&on),
        )
    };
    if code == 0 { Ok(()) } else { Err(zmq::Error::EINVAL) }
}

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeerEvent {
    /// The handshake with a peer is done: messages can flow. libzmq does not say with which.
    Joined,
    /// A connection was accepted.
    Accepted(Peer),
    /// The connection ended.
    Gone(Peer),
}

/// Tells connections apart by their file descriptors, which the system uses again at once: so each gets a number of its
/// own when it is accepted. Events are read before the messages of a new connection are; those of one that ended may come
/// after its end.
struct Peers {
    events: zmq::Socket,
    of_descriptor: HashMap<i32, Peer>,
    /// Those that ended, until their descriptor is used again.
    ended: HashMap<i32, Peer>,
    /// Events read while a message was being attributed.
    pending: Vec<PeerEvent>,
}

impl Peers {
    fn new(context: &Context, watched: &zmq::Socket) -> Result<Self, zmq::Error> {
        let address = inproc_address();
        let events = zmq::SocketEvent::ACCEPTED.to_raw()
            | zmq::SocketEvent::DISCONNECTED.to_raw()
            | zmq::SocketEvent::HANDSHAKE_SUCCEEDED.to_raw();
        watched.monitor(&address, i32::from(events))?;
        let socket = context.0.socket(zmq::PAIR)?;
        socket.set_linger(0)?;
        // libzmq drops events beyond the mark, and with them the end of a connection.
        socket.set_rcvhwm(0)?;
        socket.connect(&address)?;
        Ok(Self { events: socket, of_descriptor: HashMap::new(), ended: HashMap::new(), pending: Vec::new() })
    }

    fn of(&mut self, frame: &mut zmq::Message) -> Option<Peer> {
        self.read();
        let descriptor = frame.gets("__fd")?.parse().ok()?;
        let ended = || self.ended.get(&descriptor).copied();
        // One that is not known was accepted before the socket was watched.
        let known = self.of_descriptor.get(&descriptor).copied().or_else(ended);
        Some(known.unwrap_or_else(|| *self.of_descriptor.entry(descriptor).or_insert_with(Peer::next)))
    }

    fn drain(&mut self) -> Vec<PeerEvent> {
        self.read();
        std::mem::take(&mut self.pending)
    }

    fn read(&mut self) {
        while let Ok(event) = self.events.recv_msg(zmq::DONTWAIT) {
            let _endpoint = self.events.recv_msg(zmq::DONTWAIT);
            let [low, high, a, b, c, d] = event[..] else { continue };
            let kind = u16::from_ne_bytes([low, high]);
            let descriptor = i32::from_ne_bytes([a, b, c, d]);
            if kind == zmq::SocketEvent::HANDSHAKE_SUCCEEDED.to_raw() {
                self.pending.push(PeerEvent::Joined);
            } else if kind == zmq::SocketEvent::ACCEPTED.to_raw() {
                let peer = Peer::next();
                self.of_descriptor.insert(descriptor, peer);
                self.ended.remove(&descriptor);
                self.pending.push(PeerEvent::Accepted(peer));
            } else if let Some(peer) = self.of_descriptor.remove(&descriptor) {
                self.ended.insert(descriptor, peer);
                self.pending.push(PeerEvent::Gone(peer));
            }
        }
    }
}

fn inproc_address() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("inproc://palm-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests;

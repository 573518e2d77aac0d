//! The sockets of one component, as the engine's transport.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::link::Frame;
use crate::engine::{PartId, Port, Transport};
use crate::error::{BoxError, Result};
use crate::socket::{Context, Lookout, PeerEvent, Received, Sender, Sent, Socket, SocketKind, Wakeup};
use crate::wire::has_id;

pub(super) struct Sockets {
    context: Context,
    /// Made anew when a port opens or closes.
    order: Option<Arc<[(Port, PartId)]>>,
    /// By port; `None` is closed.
    entries: Vec<Option<Entry>>,
    /// What tells of news, made anew when `order` is.
    lookout: Lookout,
    /// Looked at since the last read.
    looked: bool,
}

struct Entry {
    socket: Socket,
    part: PartId,
    kind: SocketKind,
    writable_wanted: bool,
    /// There may be something to receive: its signal was given, or it was used for something else, which takes the signal off.
    stirred: bool,
    /// The same of its peers' events.
    peers_stirred: bool,
    /// Places of its signals in the lookout.
    signal: usize,
    peers_signal: Option<usize>,
}

impl Sockets {
    pub(super) fn new(context: Context) -> Self {
        Self { context, order: None, entries: Vec::new(), lookout: Lookout::default(), looked: false }
    }

    /// Every open port with its part: publishers first, so that a subscription is known before the message it is for.
    pub(super) fn ports(&mut self) -> Arc<[(Port, PartId)]> {
        if let Some(order) = &self.order {
            return order.clone();
        }
        let open = self.entries.iter().enumerate().filter_map(|(port, entry)| Some((Port(port), entry.as_ref()?)));
        let (first, then): (Vec<_>, Vec<_>) = open.partition(|(_, entry)| entry.kind == SocketKind::Pub);
        let order: Arc<[_]> = first.into_iter().chain(then).map(|(port, entry)| (port, entry.part)).collect();
        self.order = Some(order.clone());
        self.watch_all(&order);
        order
    }

    /// The system looks at one signal after the other, so what has to be known first is looked at last: a message whose
    /// signal is seen then has nothing before it that is not.
    fn watch_all(&mut self, order: &[(Port, PartId)]) {
        self.lookout = Lookout::default();
        let mut places = 0..;
        for (port, _) in order.iter().rev() {
            let Some(entry) = self.entries.get_mut(port.0).and_then(Option::as_mut) else { continue };
            let mut signals = entry.socket.signals().into_iter();
            let mut watch = || {
                self.lookout.add(signals.next()?);
                places.next()
            };
            // A socket without a descriptor is closed.
            entry.signal = watch().unwrap_or_default();
            entry.peers_signal = watch();
            // What came before it was watched.
            (entry.stirred, entry.peers_stirred) = (true, true);
        }
    }

    fn entry(&mut self, port: Port) -> Option<&mut Entry> {
        self.entries.get_mut(port.0)?.as_mut()
    }

    fn open_entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flatten()
    }

    /// Finds out which ports have news, to be called before each round of reading.
    pub(super) fn look(&mut self) {
        self.ports();
        if !std::mem::take(&mut self.looked) {
            self.lookout.glance();
            self.note_news();
        }
    }

    fn note_news(&mut self) {
        for entry in self.entries.iter_mut().flatten() {
            entry.stirred |= self.lookout.given(entry.signal);
            entry.peers_stirred |= entry.peers_signal.is_some_and(|place| self.lookout.given(place));
        }
    }

    /// Takes one message. The connection of a message without `id` is told, where it can be.
    pub(super) fn receive(&mut self, port: Port) -> Received {
        self.entry(port).map_or(Received::Empty, Entry::receive)
    }

    pub(super) fn peer_events(&mut self, port: Port) -> Vec<PeerEvent> {
        self.entry(port).map(Entry::peer_events).unwrap_or_default()
    }

    /// Parts that wait for one of their ports to take messages again.
    pub(super) fn parts_that_write(&self) -> Vec<PartId> {
        self.open_entries().filter(|entry| entry.writable_wanted).map(|entry| entry.part).collect()
    }

    /// Waits for news of a port that `reads`, or that takes messages again, for `wakeup`, and no longer than `timeout`.
    pub(super) fn wait(&mut self, reads: impl Fn(PartId) -> bool, wakeup: &Wakeup, timeout: Option<Duration>) {
        self.ports();
        let mut ready = false;
        for entry in self.entries.iter_mut().flatten() {
            let (read, write) = (reads(entry.part), entry.writable_wanted);
            if write || (read && entry.stirred) {
                let (readable, writable) = entry.socket.is_ready();
                entry.stirred = readable;
                ready |= (read && readable) || (write && writable);
            }
            // Nobody takes its signal off: it would end every wait.
            self.lookout.heed(entry.signal, read || write);
            entry.stirred |= !read && !write;
            ready |= entry.peers_stirred;
        }
        self.lookout.wait(wakeup, if ready { Some(Duration::ZERO) } else { timeout });
        self.note_news();
        self.looked = true;
    }

    /// What is not handed over within `linger` of the end is dropped.
    pub(super) fn set_linger(&self, linger: Duration) {
        // Those that only receive keep nobody.
        let sends = |entry: &&Entry| !matches!(entry.kind, SocketKind::Pull | SocketKind::Sub);
        for entry in self.open_entries().filter(sends) {
            entry.socket.set_linger(linger);
        }
    }
}

impl Entry {
    /// The connection matters of a message without `id`, and of the first frame that a linked peer sends.
    fn receive(&mut self) -> Received {
        if !self.stirred {
            return Received::Empty;
        }
        let received = match self.kind {
            SocketKind::Router => self.socket.receive(Frame::is_hello),
            _ => self.socket.receive(|body| !has_id(body)),
        };
        self.stirred = !matches!(received, Received::Empty);
        // Read to find out whose it is.
        self.peers_stirred |= self.socket.has_peer_events();
        received
    }

    fn peer_events(&mut self) -> Vec<PeerEvent> {
        if std::mem::take(&mut self.peers_stirred) { self.socket.peer_events() } else { Vec::new() }
    }

    /// For whatever may take its signal off.
    const fn used(&mut self) -> &Socket {
        self.stirred = true;
        &self.socket
    }
}

impl Transport for Sockets {
    fn open(&mut self, part: PartId, kind: SocketKind) -> Result<Port> {
        let socket = Socket::new(&self.context, kind)?;
        let entry = Some(Entry {
            socket,
            part,
            kind,
            writable_wanted: false,
            stirred: true,
            peers_stirred: true,
            signal: 0,
            peers_signal: None,
        });
        self.order = None;
        // A closed port's number is used again: whoever closed it has forgotten it.
        if let Some(free) = self.entries.iter().position(Option::is_none) {
            self.entries[free] = entry;
            return Ok(Port(free));
        }
        self.entries.push(entry);
        Ok(Port(self.entries.len() - 1))
    }

    fn watch(&mut self, port: Port) -> Result<()> {
        let context = self.context.clone();
        self.order = None;
        self.entry(port).map_or(Ok(()), |entry| entry.socket.watch_peers(&context))
    }

    fn beat(&mut self, port: Port) -> Result<()> {
        self.entry(port).map_or(Ok(()), |entry| entry.socket.beat())
    }

    fn close(&mut self, port: Port) {
        self.entries[port.0] = None;
        self.order = None;
    }

    fn bind(&mut self, port: Port, address: &str) -> Result<String, BoxError> {
        self.entry(port).ok_or(CLOSED)?.used().bind(address)
    }

    fn connect(&mut self, port: Port, address: &str) -> Result<(), BoxError> {
        self.entry(port).ok_or(CLOSED)?.used().connect(address)
    }

    fn subscribe(&mut self, port: Port, topic: &[u8]) -> Result<(), BoxError> {
        self.entry(port).ok_or(CLOSED)?.used().subscribe(topic)
    }

    fn send(&mut self, port: Port, head: Option<&[u8]>, delimited: bool, body: Vec<u8>) -> Sent {
        self.entry(port).map_or(Sent::Gone, |entry| entry.used().send(head, delimited, body))
    }

    fn reply(&mut self, port: Port, to: &Sender, body: Vec<u8>) -> Sent {
        self.entry(port).map_or(Sent::Gone, |entry| entry.used().reply(to, body))
    }

    fn watch_writable(&mut self, port: Port, wanted: bool) {
        if let Some(entry) = self.entry(port) {
            entry.writable_wanted = wanted;
        }
    }
}

const CLOSED: &str = "the socket is closed";

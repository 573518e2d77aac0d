//! The sockets of one component, as the engine's transport.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::link::Frame;
use crate::engine::{PartId, Port, Transport};
use crate::error::{BoxError, Result};
use crate::socket::{Context, Interest, PeerEvent, Received, Sender, Sent, Socket, SocketKind, Wakeup, wait};
use crate::wire::has_id;

pub(super) struct Sockets {
    context: Context,
    /// Made anew when a port opens or closes.
    order: Option<Arc<[(Port, PartId)]>>,
    /// By port; `None` is closed.
    entries: Vec<Option<Entry>>,
}

struct Entry {
    socket: Socket,
    part: PartId,
    kind: SocketKind,
    writable_wanted: bool,
}

impl Sockets {
    pub(super) const fn new(context: Context) -> Self {
        Self { context, order: None, entries: Vec::new() }
    }

    /// Every open port with its part: publishers first, so that a subscription is known before the message it is for.
    pub(super) fn ports(&mut self) -> Arc<[(Port, PartId)]> {
        let entries = &self.entries;
        let order = self.order.get_or_insert_with(|| {
            let open = entries.iter().enumerate().filter_map(|(port, entry)| Some((Port(port), entry.as_ref()?)));
            let (first, then): (Vec<_>, Vec<_>) = open.partition(|(_, entry)| entry.kind == SocketKind::Pub);
            first.into_iter().chain(then).map(|(port, entry)| (port, entry.part)).collect()
        });
        order.clone()
    }

    fn entry(&mut self, port: Port) -> Option<&mut Entry> {
        self.entries.get_mut(port.0)?.as_mut()
    }

    fn open_entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flatten()
    }

    /// Takes one message. The connection of a message without `id` is told, where it can be.
    pub(super) fn receive(&mut self, port: Port) -> Received {
        self.entry(port).map_or(Received::Empty, Entry::receive)
    }

    pub(super) fn peer_events(&mut self, port: Port) -> Vec<PeerEvent> {
        self.entry(port).map(|entry| entry.socket.peer_events()).unwrap_or_default()
    }

    /// Parts that wait for one of their ports to take messages again.
    pub(super) fn parts_that_write(&self) -> Vec<PartId> {
        self.open_entries().filter(|entry| entry.writable_wanted).map(|entry| entry.part).collect()
    }

    pub(super) fn wait(&self, reads: impl Fn(PartId) -> bool, wakeup: &Wakeup, timeout: Option<Duration>) {
        let interests: Vec<_> = self
            .open_entries()
            .map(|entry| Interest { socket: &entry.socket, read: reads(entry.part), write: entry.writable_wanted })
            .collect();
        wait(&interests, wakeup, timeout);
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
        match self.kind {
            SocketKind::Router => self.socket.receive(Frame::is_hello),
            _ => self.socket.receive(|body| !has_id(body)),
        }
    }
}

impl Transport for Sockets {
    fn open(&mut self, part: PartId, kind: SocketKind) -> Result<Port> {
        let socket = Socket::new(&self.context, kind)?;
        let entry = Some(Entry { socket, part, kind, writable_wanted: false });
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
        self.entry(port).ok_or(CLOSED)?.socket.bind(address)
    }

    fn connect(&mut self, port: Port, address: &str) -> Result<(), BoxError> {
        self.entry(port).ok_or(CLOSED)?.socket.connect(address)
    }

    fn subscribe(&mut self, port: Port, topic: &[u8]) -> Result<(), BoxError> {
        self.entry(port).ok_or(CLOSED)?.socket.subscribe(topic)
    }

    fn send(&mut self, port: Port, head: Option<&[u8]>, delimited: bool, body: Vec<u8>) -> Sent {
        self.entry(port).map_or(Sent::Gone, |entry| entry.socket.send(head, delimited, body))
    }

    fn reply(&mut self, port: Port, to: &Sender, body: Vec<u8>) -> Sent {
        self.entry(port).map_or(Sent::Gone, |entry| entry.socket.reply(to, body))
    }

    fn watch_writable(&mut self, port: Port, wanted: bool) {
        if let Some(entry) = self.entry(port) {
            entry.writable_wanted = wanted;
        }
    }
}

const CLOSED: &str = "the socket is closed";

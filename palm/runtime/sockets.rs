//! The sockets of one component, as the engine's transport.

use std::time::Duration;

use crate::engine::{PartId, Port, Transport};
use crate::error::{BoxError, Result};
use crate::socket::{Context, Interest, PeerEvent, Received, Sent, Socket, SocketKind, Wakeup, wait};
use crate::wire::has_id;

pub(super) struct Sockets {
    context: Context,
    entries: Vec<Entry>,
}

struct Entry {
    socket: Socket,
    part: PartId,
    kind: SocketKind,
    writable_wanted: bool,
}

impl Sockets {
    pub(super) const fn new(context: Context) -> Self {
        Self { context, entries: Vec::new() }
    }

    /// Every port with its part: publishers first, so that a subscription is known before the message it is for.
    pub(super) fn ports(&self) -> Vec<(Port, PartId)> {
        let mut ports: Vec<_> = (0..self.entries.len()).collect();
        ports.sort_by_key(|port| self.entries[*port].kind != SocketKind::Pub);
        ports.into_iter().map(|port| (Port(port), self.entries[port].part)).collect()
    }

    /// Takes one message. The connection of a message without `id` is told, where it can be.
    pub(super) fn receive(&mut self, port: Port) -> Received {
        self.entries[port.0].socket.receive(|body| !has_id(body))
    }

    pub(super) fn peer_events(&mut self, port: Port) -> Vec<PeerEvent> {
        self.entries[port.0].socket.peer_events()
    }

    /// Parts that wait for one of their ports to take messages again.
    pub(super) fn parts_that_write(&self) -> Vec<PartId> {
        self.entries.iter().filter(|entry| entry.writable_wanted).map(|entry| entry.part).collect()
    }

    pub(super) fn wait(&self, reads: impl Fn(PartId) -> bool, wakeup: &Wakeup, timeout: Option<Duration>) {
        let interests: Vec<_> = self
            .entries
            .iter()
            .map(|entry| Interest { socket: &entry.socket, read: reads(entry.part), write: entry.writable_wanted })
            .collect();
        wait(&interests, wakeup, timeout);
    }

    /// What is not handed over within `linger` of the end is dropped.
    pub(super) fn set_linger(&self, linger: Duration) {
        for entry in &self.entries {
            entry.socket.set_linger(linger);
        }
    }
}

impl Transport for Sockets {
    fn open(&mut self, part: PartId, kind: SocketKind) -> Result<Port> {
        let socket = Socket::new(&self.context, kind)?;
        self.entries.push(Entry { socket, part, kind, writable_wanted: false });
        Ok(Port(self.entries.len() - 1))
    }

    fn bind(&mut self, port: Port, address: &str) -> Result<String, BoxError> {
        let entry = &mut self.entries[port.0];
        if entry.kind == SocketKind::Pull {
            entry.socket.watch_peers(&self.context)?;
        }
        entry.socket.bind(address)
    }

    fn connect(&mut self, port: Port, address: &str) -> Result<(), BoxError> {
        self.entries[port.0].socket.connect(address)
    }

    fn subscribe(&mut self, port: Port, topic: &[u8]) -> Result<(), BoxError> {
        self.entries[port.0].socket.subscribe(topic)
    }

    fn send(&mut self, port: Port, head: Option<&[u8]>, delimited: bool, body: Vec<u8>) -> Sent {
        self.entries[port.0].socket.send(head, delimited, body)
    }

    fn watch_writable(&mut self, port: Port, wanted: bool) {
        self.entries[port.0].writable_wanted = wanted;
    }
}

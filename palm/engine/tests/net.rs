//! A network in memory: sockets that bind and connect, a queue with a high-water mark each way of a connection, and a peer
//! that learns of a subscription or of an end no sooner than the driver lets it.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use crate::engine::{PartId, Port, Transport};
use crate::error::{BoxError, Result};
use crate::socket::{Incoming, Peer, Sender, Sent, SocketKind};
use crate::wire::has_id;

pub(super) type SocketId = usize;
pub(super) type LinkId = usize;

#[derive(Debug, Clone)]
enum Item {
    Data { head: Bytes, body: Bytes },
    Subscribe(Bytes),
    Unsubscribe(Bytes),
    Joined,
    Connected,
    Closed,
}

/// Who a socket belongs to: a part of an engine, or the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Part { node: usize, part: PartId, port: Port },
    Test,
}

#[derive(Debug)]
pub(super) struct Sock {
    kind: SocketKind,
    pub(super) owner: Owner,
    address: String,
    topics: Vec<Bytes>,
    /// Where a PUSH looks first.
    turn: usize,
    pub(super) writable_wanted: bool,
    /// What came in at a socket of the test.
    pub(super) inbox: VecDeque<(Bytes, Bytes)>,
    /// The test does not read.
    pub(super) paused: bool,
    closed: bool,
    /// How often a connection of a socket of the test has stood.
    pub(super) joins: usize,
    /// What was not handed over when its last connection ended.
    unsent: Vec<Item>,
    /// The owner is told who connects.
    watched: bool,
}

#[derive(Debug)]
struct Link {
    connector: SocketId,
    binder: SocketId,
    to_binder: VecDeque<Item>,
    to_connector: VecDeque<Item>,
    /// Subscriptions that have arrived at the publisher, which binds.
    topics: Vec<Bytes>,
    over: bool,
}

/// What came in at an engine.
#[derive(Debug)]
pub(super) enum Arrival {
    Message(Owner, Incoming),
    Joined(Owner, Peer),
    Connected(Owner),
    Gone(Owner, Peer),
    Nothing,
}

#[derive(Debug)]
pub(super) struct Net {
    pub(super) sockets: Vec<Sock>,
    links: Vec<Link>,
    bound: HashMap<String, SocketId>,
    hwm: usize,
    /// Longest queue that was ever seen.
    pub(super) longest: usize,
}

impl Net {
    pub(super) fn new(hwm: usize) -> Self {
        Self { sockets: Vec::new(), links: Vec::new(), bound: HashMap::new(), hwm, longest: 0 }
    }

    pub(super) fn open(&mut self, owner: Owner, kind: SocketKind) -> SocketId {
        self.sockets.push(Sock {
            kind,
            owner,
            address: String::new(),
            topics: Vec::new(),
            turn: 0,
            writable_wanted: false,
            inbox: VecDeque::new(),
            paused: false,
            closed: false,
            joins: 0,
            unsent: Vec::new(),
            watched: false,
        });
        self.sockets.len() - 1
    }

    /// A socket of the test.
    pub(super) fn connected(&mut self, kind: SocketKind, address: &str) -> SocketId {
        let socket = self.open(Owner::Test, kind);
        self.connect(socket, address);
        socket
    }

    pub(super) fn bind(&mut self, socket: SocketId, address: &str) {
        assert!(self.bound.insert(address.to_owned(), socket).is_none(), "{address} is bound twice");
        let waiting =
            (0..self.sockets.len()).filter(|other| *other != socket && self.sockets[*other].address == address);
        for other in waiting.collect::<Vec<_>>() {
            self.link(other, socket);
        }
        self.sockets[socket].address = address.to_owned();
    }

    pub(super) fn connect(&mut self, socket: SocketId, address: &str) {
        self.sockets[socket].address = address.to_owned();
        if let Some(binder) = self.bound.get(address) {
            self.link(socket, *binder);
        }
    }

    fn link(&mut self, connector: SocketId, binder: SocketId) {
        let mut to_binder: VecDeque<_> = self.sockets[connector].topics.iter().cloned().map(Item::Subscribe).collect();
        if self.sockets[binder].watched {
            to_binder.push_front(Item::Joined);
        }
        to_binder.extend(std::mem::take(&mut self.sockets[connector].unsent));
        let greets = self.sockets[connector].kind == SocketKind::Dealer;
        let to_connector = greets.then_some(Item::Connected).into_iter().collect();
        self.links.push(Link { connector, binder, to_binder, to_connector, topics: Vec::new(), over: false });
    }

    /// Cuts a connection: what is on the way is lost, both ends learn of it, and the connector comes back on a new one. Half
    /// of what the connector had not handed over crosses on that.
    pub(super) fn cut(&mut self, number: LinkId) {
        let link = &mut self.links[number];
        let (connector, binder) = (link.connector, link.binder);
        let kept = link.to_binder.split_off(link.to_binder.len() / 2);
        link.to_binder.clear();
        link.to_connector.clear();
        link.to_binder.push_back(Item::Closed);
        self.sockets[connector].unsent.extend(kept.into_iter().filter(|item| matches!(item, Item::Data { .. })));
        self.link(connector, binder);
    }

    /// The process of a socket is gone without a word. What is on the way to it is lost, and half of what is on the way from
    /// it; those that were connected to it come back when its address is bound again.
    pub(super) fn crash(&mut self, socket: SocketId) {
        self.bound.retain(|_, binder| *binder != socket);
        self.sockets[socket].closed = true;
        self.sockets[socket].address.clear();
        for link in self.links.iter_mut().filter(|link| !link.over) {
            if link.binder == socket {
                link.over = true;
                link.to_connector.clear();
                let kept = link.to_binder.split_off(link.to_binder.len() / 2);
                link.to_binder.clear();
                let data = kept.into_iter().filter(|item| matches!(item, Item::Data { .. }));
                self.sockets[link.connector].unsent.extend(data);
            } else if link.connector == socket {
                link.to_connector.clear();
                link.to_binder.truncate(link.to_binder.len() / 2);
                link.to_binder.push_back(Item::Closed);
            }
        }
    }

    pub(super) fn is_open(&self, socket: SocketId, kind: SocketKind) -> bool {
        self.sockets[socket].kind == kind && !self.sockets[socket].closed
    }

    /// The connections of `DEALER` sockets that stand.
    pub(super) fn linked(&self) -> Vec<LinkId> {
        let stands = |link: &Link| !link.over && !link.to_binder.iter().any(|item| matches!(item, Item::Closed));
        let dealer = |link: &Link| self.sockets[link.connector].kind == SocketKind::Dealer;
        (0..self.links.len()).filter(|link| stands(&self.links[*link]) && dealer(&self.links[*link])).collect()
    }

    pub(super) fn subscribe(&mut self, socket: SocketId, topic: &[u8]) {
        let topic = Bytes::copy_from_slice(topic);
        self.sockets[socket].topics.push(topic.clone());
        self.queue_to_binders(socket, &Item::Subscribe(topic));
    }

    pub(super) fn unsubscribe(&mut self, socket: SocketId, topic: &[u8]) {
        self.sockets[socket].topics.retain(|known| known != topic);
        self.queue_to_binders(socket, &Item::Unsubscribe(Bytes::copy_from_slice(topic)));
    }

    /// Closes a socket of the test. Its peers learn of it later, and what is on the way to it is lost.
    pub(super) fn close(&mut self, socket: SocketId) {
        self.sockets[socket].closed = true;
        self.sockets[socket].address.clear();
        self.queue_to_binders(socket, &Item::Closed);
    }

    fn queue_to_binders(&mut self, socket: SocketId, item: &Item) {
        for link in self.links.iter_mut().filter(|link| link.connector == socket && !link.over) {
            link.to_binder.push_back(item.clone());
        }
    }

    /// Queues that hold something, with who would get it.
    pub(super) fn arrivals(&self) -> Vec<(LinkId, bool, Owner)> {
        let mut found = Vec::new();
        for (number, link) in self.links.iter().enumerate() {
            for (to_binder, queue, to) in
                [(true, &link.to_binder, link.binder), (false, &link.to_connector, link.connector)]
            {
                if !queue.is_empty() && !self.sockets[to].paused {
                    found.push((number, to_binder, self.sockets[to].owner));
                }
            }
        }
        found
    }

    /// Whether the next thing on that queue is a message, which an engine may refuse to read.
    pub(super) fn is_data(&self, link: LinkId, to_binder: bool) -> bool {
        let link = &self.links[link];
        let queue = if to_binder { &link.to_binder } else { &link.to_connector };
        matches!(queue.front(), Some(Item::Data { .. }))
    }

    /// Takes the first thing off a queue.
    pub(super) fn arrive(&mut self, number: LinkId, to_binder: bool) -> Arrival {
        let link = &mut self.links[number];
        let (item, to) = if to_binder {
            (link.to_binder.pop_front(), link.binder)
        } else {
            (link.to_connector.pop_front(), link.connector)
        };
        let Some(item) = item else { return Arrival::Nothing };
        let owner = self.sockets[to].owner;
        if self.sockets[to].closed {
            return Arrival::Nothing;
        }
        match item {
            Item::Data { head, body } => {
                if self.sockets[to].kind == SocketKind::Sub
                    && !self.sockets[to].topics.iter().any(|topic| head.starts_with(topic))
                {
                    return Arrival::Nothing;
                }
                if owner == Owner::Test {
                    self.sockets[to].inbox.push_back((head, body));
                    return Arrival::Nothing;
                }
                let router = self.sockets[to].kind == SocketKind::Router;
                let head = if router { Bytes::from(number.to_string()) } else { head };
                let told = to_binder && (router || (self.sockets[to].kind == SocketKind::Pull && !has_id(&body)));
                let peer = told.then(|| Peer::new(number as u64 + 1));
                Arrival::Message(owner, Incoming { head, body, peer, ..Incoming::default() })
            }
            Item::Subscribe(topic) => {
                self.links[number].topics.push(topic.clone());
                Arrival::Message(owner, notice(1, &topic))
            }
            Item::Unsubscribe(topic) => {
                self.links[number].topics.retain(|known| *known != topic);
                self.unsubscribed(to, topic)
            }
            Item::Connected => {
                self.sockets[to].joins += 1;
                Arrival::Connected(owner)
            }
            Item::Joined => Arrival::Joined(owner, Peer::new(number as u64 + 1)),
            Item::Closed => {
                self.links[number].over = true;
                self.links[number].to_connector.clear();
                let topics = std::mem::take(&mut self.links[number].topics);
                match self.sockets[to].kind {
                    SocketKind::Pub => {
                        let mut topics = topics.into_iter();
                        let first = topics.next();
                        // One notice at a time.
                        for topic in topics.rev() {
                            self.links[number].topics.push(topic.clone());
                            self.links[number].to_binder.push_front(Item::Unsubscribe(topic));
                        }
                        first.map_or(Arrival::Nothing, |topic| self.unsubscribed(to, topic))
                    }
                    _ => Arrival::Gone(owner, Peer::new(number as u64 + 1)),
                }
            }
        }
    }

    /// The publisher is told of the last one only.
    fn unsubscribed(&self, publisher: SocketId, topic: Bytes) -> Arrival {
        let others = self.links.iter().any(|link| link.binder == publisher && link.topics.contains(&topic));
        if others { Arrival::Nothing } else { Arrival::Message(self.sockets[publisher].owner, notice(0, &topic)) }
    }

    pub(super) fn can_write(&self, socket: SocketId) -> bool {
        let hwm = self.hwm;
        self.links.iter().any(|link| link.room(socket, hwm))
    }

    pub(super) fn send(&mut self, socket: SocketId, head: Option<&[u8]>, body: Vec<u8>) -> Sent {
        let head = Bytes::copy_from_slice(head.unwrap_or_default());
        let item = Item::Data { head: head.clone(), body: body.into() };
        match self.sockets[socket].kind {
            SocketKind::Pub => self.publish(socket, &head, &item),
            SocketKind::Router => self.reply(&head, item),
            SocketKind::Dealer => self.say(socket, item),
            _ => self.push(socket, item),
        }
    }

    fn publish(&mut self, socket: SocketId, topic: &Bytes, item: &Item) -> Sent {
        let hwm = self.hwm;
        let matches = |link: &Link| {
            link.binder == socket && !link.over && link.topics.iter().any(|prefix| topic.starts_with(prefix))
        };
        if self.links.iter().any(|link| matches(link) && link.to_connector.len() >= hwm) {
            return Sent::Full;
        }
        for link in self.links.iter_mut().filter(|link| matches(link)) {
            link.to_connector.push_back(item.clone());
            self.longest = self.longest.max(link.to_connector.len());
        }
        Sent::Done
    }

    /// To the peer that an identity stands for: the number of its connection.
    fn reply(&mut self, identity: &[u8], item: Item) -> Sent {
        let number = std::str::from_utf8(identity).ok().and_then(|number| number.parse::<LinkId>().ok());
        match number.and_then(|number| self.links.get_mut(number)).filter(|link| !link.over) {
            Some(link) => {
                link.to_connector.push_back(item);
                Sent::Done
            }
            None => Sent::Gone,
        }
    }

    fn say(&mut self, socket: SocketId, item: Item) -> Sent {
        if self.sockets[socket].closed {
            return Sent::Done;
        }
        match self.links.iter_mut().rfind(|link| link.connector == socket && !link.over) {
            Some(link) => {
                link.to_binder.push_back(item);
                Sent::Done
            }
            None => Sent::Full,
        }
    }

    fn push(&mut self, socket: SocketId, item: Item) -> Sent {
        let links = self.links.len();
        let first = self.sockets[socket].turn;
        let next = (0..links).map(|step| (first + step) % links).find(|link| self.links[*link].room(socket, self.hwm));
        let Some(next) = next else { return Sent::Full };
        self.sockets[socket].turn = next + 1;
        let link = &mut self.links[next];
        let queue = if link.connector == socket { &mut link.to_binder } else { &mut link.to_connector };
        queue.push_back(item);
        self.longest = self.longest.max(queue.len());
        Sent::Done
    }
}

impl Link {
    fn room(&self, socket: SocketId, hwm: usize) -> bool {
        !self.over
            && (self.connector == socket && self.to_binder.len() < hwm
                || self.binder == socket && self.to_connector.len() < hwm)
    }
}

fn notice(kind: u8, topic: &[u8]) -> Incoming {
    Incoming { body: [&[kind], topic].concat().into(), ..Incoming::default() }
}

/// The network as one engine sees it.
pub(super) struct View<'a> {
    pub(super) net: &'a mut Net,
    pub(super) node: usize,
    pub(super) ports: &'a mut Vec<SocketId>,
}

impl Transport for View<'_> {
    fn open(&mut self, part: PartId, kind: SocketKind) -> Result<Port> {
        let port = Port(self.ports.len());
        self.ports.push(self.net.open(Owner::Part { node: self.node, part, port }, kind));
        Ok(port)
    }

    fn bind(&mut self, port: Port, address: &str) -> Result<String, BoxError> {
        let socket = self.ports[port.0];
        let address = address.replace('*', &socket.to_string());
        self.net.bind(socket, &address);
        Ok(address)
    }

    fn connect(&mut self, port: Port, address: &str) -> Result<(), BoxError> {
        self.net.connect(self.ports[port.0], address);
        Ok(())
    }

    fn subscribe(&mut self, port: Port, topic: &[u8]) -> Result<(), BoxError> {
        self.net.subscribe(self.ports[port.0], topic);
        Ok(())
    }

    fn watch(&mut self, port: Port) -> Result<()> {
        self.net.sockets[self.ports[port.0]].watched = true;
        Ok(())
    }

    fn beat(&mut self, _port: Port) -> Result<()> {
        Ok(())
    }

    fn close(&mut self, port: Port) {
        self.net.close(self.ports[port.0]);
    }

    fn send(&mut self, port: Port, head: Option<&[u8]>, _delimited: bool, body: Vec<u8>) -> Sent {
        self.net.send(self.ports[port.0], head, body)
    }

    fn reply(&mut self, port: Port, to: &Sender, body: Vec<u8>) -> Sent {
        self.net.send(self.ports[port.0], Some(to.identity()), body)
    }

    fn watch_writable(&mut self, port: Port, wanted: bool) {
        self.net.sockets[self.ports[port.0]].writable_wanted = wanted;
    }
}

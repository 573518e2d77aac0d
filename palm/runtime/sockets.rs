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
    /// Where it connects to.
    to: Option<To>,
}

/// The other end of a connection.
struct To {
    address: String,
    /// It has never stood.
    is_awaited: bool,
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

    /// Addresses of watched ports where nobody has been so far.
    pub(super) fn awaited(&self) -> impl Iterator<Item = &str> {
        self.open_entries().filter_map(|entry| entry.to.as_ref()).filter(|to| to.is_awaited).map(|to| &*to.address)
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
            // Reading a PUSH takes no signal off: there is nothing to be read.
            let (read, write) = (entry.kind != SocketKind::Push && reads(entry.part), entry.writable_wanted);
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
            // There is one peer.
            SocketKind::Sub | SocketKind::Pull if self.to.is_some() => self.socket.receive(|_| false),
            _ => self.socket.receive(|body| !has_id(body)),
        };
        self.stirred = !matches!(received, Received::Empty);
        // Read to find out whose it is.
        self.peers_stirred |= self.socket.has_peer_events();
        received
    }

    fn peer_events(&mut self) -> Vec<PeerEvent> {
        if !std::mem::take(&mut self.peers_stirred) {
            return Vec::new();
        }
        let events = self.socket.peer_events();
        if let Some(to) = self.to.as_mut().filter(|_| events.contains(&PeerEvent::Joined)) {
            to.is_awaited = false;
        }
        events
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
            to: None,
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
        let entry = self.entry(port).ok_or(CLOSED)?;
        entry.used().connect(address)?;
        // In one process there is no handshake to be seen.
        let is_awaited = entry.socket.is_watched() && !address.starts_with("inproc://");
        entry.to = Some(To { address: address.to_owned(), is_awaited });
        Ok(())
    }

    fn subscribe(&mut self, port: Port, topic: &[u8]) -> Result<(), BoxError> {
        self.entry(port).ok_or(CLOSED)?.used().subscribe(topic)
    }

    fn send(&mut self, port: Port, head: Option<&[u8]>, delimited: bool, body: Vec<u8>) -> Sent {
        self.entry(port).map_or(Sent::Gone, |entry| entry.used().send(head, delimited, body))
    }

    fn send_copy(&mut self, port: Port, head: Option<&[u8]>, pieces: [&[u8]; 2]) -> Sent {
        self.entry(port).map_or(Sent::Gone, |entry| entry.used().send_copy(head, pieces))
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A socket of that kind at work, with a peer of the other kind that has sent it something if it can.
    fn wired(kind: SocketKind, other: SocketKind) -> (Sockets, Sockets, [Port; 2]) {
        let context = Context::new();
        let (mut ours, mut theirs) = (Sockets::new(context.clone()), Sockets::new(context));
        let (port, peer) = (ours.open(PartId(0), kind).unwrap(), theirs.open(PartId(0), other).unwrap());
        ours.watch(port).unwrap();
        let address = ours.bind(port, "tcp://127.0.0.1:*").unwrap();
        theirs.connect(peer, &address).unwrap();
        (ours, theirs, [port, peer])
    }

    fn read_all(sockets: &mut Sockets, port: Port) -> usize {
        sockets.look();
        sockets.peer_events(port);
        std::iter::from_fn(|| match sockets.receive(port) {
            Received::Message(incoming) => Some(incoming),
            Received::Malformed(_) | Received::Empty => None,
        })
        .count()
    }

    #[test]
    fn with_nothing_to_do_a_wait_lasts_as_long_as_it_may() {
        let time = Duration::from_millis(100);
        for (kind, other) in [
            (SocketKind::Push, SocketKind::Pull),
            (SocketKind::Pull, SocketKind::Push),
            (SocketKind::Router, SocketKind::Dealer),
            (SocketKind::Pub, SocketKind::Sub),
        ] {
            let (mut ours, mut theirs, [port, peer]) = wired(kind, other);
            let (_waker, wakeup) = Wakeup::pair(&ours.context).unwrap();
            if other == SocketKind::Sub {
                theirs.subscribe(peer, b"").unwrap();
            }
            let _ = ours.send(port, None, false, vec![1]);
            let _ = theirs.send(peer, None, false, vec![1]);
            let lasted = (0..50).any(|_| {
                read_all(&mut ours, port);
                let began = Instant::now();
                ours.wait(|_| true, &wakeup, Some(time));
                began.elapsed() >= time
            });
            assert!(lasted, "{kind:?} ends every wait");
        }
    }

    #[test]
    fn what_came_while_a_socket_was_used_ends_a_wait() {
        let (mut ours, mut theirs, [port, peer]) = wired(SocketKind::Router, SocketKind::Dealer);
        let (_waker, wakeup) = Wakeup::pair(&ours.context).unwrap();
        for number in 1..=100 {
            assert_eq!(theirs.send(peer, None, false, vec![1]), Sent::Done);
            // Sending takes signals off, to whomever it is.
            let _ = ours.send(port, Some(b"nobody"), false, vec![2]);
            let mut came = 0;
            while came == 0 {
                ours.wait(|_| true, &wakeup, Some(Duration::from_secs(20)));
                let _ = ours.send(port, Some(b"nobody"), false, vec![2]);
                came = read_all(&mut ours, port);
            }
            assert_eq!(came, 1, "message {number}");
        }
    }

    #[test]
    fn what_is_not_to_be_read_ends_no_wait_and_is_there_later() {
        let (mut ours, mut theirs, [port, peer]) = wired(SocketKind::Pull, SocketKind::Push);
        let (waker, wakeup) = Wakeup::pair(&ours.context).unwrap();
        while theirs.send(peer, None, false, vec![1]) != Sent::Done {
            theirs.wait(|_| false, &wakeup, Some(Duration::from_millis(10)));
        }
        let time = Duration::from_millis(100);
        let lasted = (0..50).any(|_| {
            ours.look();
            ours.peer_events(port);
            let began = Instant::now();
            ours.wait(|_| false, &wakeup, Some(time));
            began.elapsed() >= time
        });
        assert!(lasted);
        waker.wake();
        let mut came = 0;
        while came == 0 {
            ours.wait(|_| true, &wakeup, Some(Duration::from_secs(20)));
            came = read_all(&mut ours, port);
        }
        assert_eq!(came, 1);
    }
}

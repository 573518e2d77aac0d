//! The peers that are linked to a component.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::frame::{Frame, FrameNumber};
use super::limits::LinkLimits;
use super::linked::{Linked, Parked};
use super::load::Load;
use super::packet::Packet;
use super::session::{Session, Violation};
use crate::engine::WorkerId;
use crate::engine::numbered::{NumberMap, NumberSet};
use crate::engine::topics::Topics;
use crate::socket::Peer;
use crate::wire::proto::{LinkHello, LinkWelcome};

/// Version of what crosses the link.
pub(crate) const PROTOCOL: u32 = 1;

/// Sessions that are remembered as ended because their peers took nothing.
const MAX_ENDED: usize = 1024;

/// Workers on the link are numbered from here on; those on classic sockets below it.
const FIRST_WORKER: usize = 1 << 32;

/// Number of a linked peer. Never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LinkId(usize);

impl LinkId {
    pub(crate) const fn worker(self) -> WorkerId {
        WorkerId(FIRST_WORKER + self.0)
    }

    pub(super) const fn of_worker(worker: WorkerId) -> Option<Self> {
        match worker.0.checked_sub(FIRST_WORKER) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    #[cfg(test)]
    pub(crate) const fn test(number: usize) -> Self {
        Self(number)
    }
}

/// How long a peer is heard before another one has its turn, if its frame is not at its end before.
const TURN: Duration = Duration::from_micros(100);
/// What a peer may send at least before it is taken in, however many there are: two frames of many messages.
const LEAST_WINDOW: usize = 128 << 10;

/// Somebody listens to a topic over the link, or does so no more.
#[derive(Debug)]
pub(crate) enum Audience {
    /// `replaces`: the subscription at the publisher that counts no more, by the session that takes its place.
    Joined {
        topic: Bytes,
        replaces: Option<Bytes>,
    },
    Left {
        topic: Bytes,
    },
}

/// What a greeting led to.
#[derive(Debug)]
pub(crate) struct Greeted {
    pub(crate) welcome: LinkWelcome,
    pub(crate) id: Option<LinkId>,
    /// It does work, and did not a moment ago.
    pub(crate) worker: bool,
}

/// A peer that is linked no more, as the component has to know it.
#[derive(Debug)]
pub(crate) struct Removed {
    /// Replies that it had not processed.
    pub(crate) replies: u64,
}

/// Every peer that is linked, by what it is known by.
#[derive(Debug)]
pub(crate) struct Links {
    epoch: u64,
    pub(super) limits: LinkLimits,
    pub(super) peers: NumberMap<LinkId, Linked>,
    by_session: HashMap<Bytes, LinkId>,
    by_identity: HashMap<Bytes, LinkId>,
    by_topic: Topics<Vec<LinkId>>,
    last: usize,
    /// Peers that something is to be said to.
    unsaid: Vec<LinkId>,
    /// Peers that wait for an acknowledgement, which can wait for something to go with.
    owing: NumberSet<LinkId>,
    /// What is to be sent before that, beside the sessions.
    notices: Vec<(Bytes, Packet)>,
    /// Whose turn it is that has more to say, in which frame, and since when.
    turn: Option<(LinkId, FrameNumber, Instant)>,
    /// Peers with parked frames, in turn.
    line: VecDeque<LinkId>,
    audience: Vec<Audience>,
    pub(super) load: Load,
    /// Sessions that ended because their peers took nothing.
    ended: VecDeque<Bytes>,
}

impl Links {
    pub(crate) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            limits: LinkLimits::default(),
            peers: HashMap::default(),
            by_session: HashMap::new(),
            by_identity: HashMap::new(),
            by_topic: Topics::default(),
            last: 0,
            unsaid: Vec::new(),
            owing: NumberSet::default(),
            notices: Vec::new(),
            turn: None,
            line: VecDeque::new(),
            audience: Vec::new(),
            load: Load::default(),
            ended: VecDeque::new(),
        }
    }

    pub(crate) const fn set_limits(&mut self, limits: LinkLimits) {
        self.limits = limits;
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(crate) const fn window(&self) -> usize {
        self.limits.window
    }

    /// What one more peer may send before it is taken in: with many of them, what each had at most would be more together
    /// than a processor's caches hold, and than is ever needed to keep the component busy.
    fn share(&self) -> usize {
        let window = self.limits.window;
        let peers = 1 + self.peers.values().filter(|peer| peer.submit).count();
        (window.saturating_mul(2) / peers).clamp(LEAST_WINDOW.min(window), window)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// A peer says who it is, on a new connection or an old one. `submit`: this component takes messages over the link.
    pub(crate) fn hello(
        &mut self,
        identity: Bytes,
        connection: Option<Peer>,
        hello: &LinkHello,
        name: &str,
        submit: bool,
        now: Instant,
    ) -> Result<Greeted, Violation> {
        let mut welcome = LinkWelcome {
            protocol: PROTOCOL,
            epoch: self.epoch,
            name: name.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            submit,
            session: hello.session.clone(),
            window: self.share() as u64,
            ..LinkWelcome::default()
        };
        if hello.session.is_empty() {
            return Ok(Greeted { welcome, id: None, worker: false });
        }
        let known = self.by_session.get(&hello.session).copied();
        welcome.known = known.is_some();
        if known.is_none() && hello.resumed {
            // It has to begin anew: what it says of frames means another session.
            welcome.cancelled = self.ended.contains(&hello.session);
            return Ok(Greeted { welcome, id: None, worker: false });
        }
        let id = known.unwrap_or_else(|| {
            self.last += 1;
            LinkId(self.last)
        });
        let peer = self.peers.entry(id).or_insert_with(|| Linked::new(hello, now));
        let worker = hello.work && (!peer.work || peer.gone.is_some());
        self.by_identity.remove(&peer.identity);
        peer.identity = identity.clone();
        peer.connection = connection.or(peer.connection);
        peer.work = hello.work;
        peer.submit = hello.submit && submit;
        peer.gone = None;
        peer.taken = now;
        if self.limits.resume {
            peer.session.resume(hello.received)?;
        }
        welcome.received = peer.session.received();
        self.by_identity.insert(identity, id);
        self.by_session.insert(hello.session.clone(), id);
        peer.name.clone_from(&hello.name);
        if known.is_none() {
            self.listen(id, hello);
        }
        self.weigh(id, now);
        self.say(id);
        Ok(Greeted { welcome, id: Some(id), worker })
    }

    /// What an old greeting of a session made, which an earlier run of this component has in truth.
    pub(crate) fn mistaken(&self, hello: &LinkHello) -> Option<LinkId> {
        let elsewhere = hello.resumed && hello.epoch != self.epoch;
        self.by_session.get(&hello.session).copied().filter(|_| elsewhere)
    }

    fn listen(&mut self, id: LinkId, hello: &LinkHello) {
        for topic in &hello.topics {
            self.by_topic.entry(topic, Vec::new).push(id);
            let replaces = hello.replaces.then(|| hello.session.clone());
            self.audience.push(Audience::Joined { topic: topic.clone(), replaces });
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.topics.clone_from(&hello.topics);
        }
    }

    /// One of those who listen to a topic.
    pub(crate) fn listener(&mut self, topic: &Bytes, place: usize) -> Option<LinkId> {
        if self.by_topic.is_empty() {
            return None;
        }
        self.by_topic.find(topic)?.get(place).copied()
    }

    /// What has changed among those who listen.
    pub(crate) fn take_audience(&mut self) -> Vec<Audience> {
        std::mem::take(&mut self.audience)
    }

    /// Who is behind an identity, if it has said so.
    pub(crate) fn at(&self, identity: &Bytes) -> Option<LinkId> {
        self.by_identity.get(identity).copied()
    }

    pub(crate) fn session(&mut self, id: LinkId) -> Option<&mut Session> {
        self.peers.get_mut(&id).map(|peer| &mut peer.session)
    }

    /// The first half of the identifiers of a peer's requests; 0 if it makes none.
    pub(crate) fn client(&self, id: LinkId) -> u64 {
        self.peers.get(&id).map_or(0, |peer| peer.client)
    }

    /// Whether a peer may submit messages.
    pub(crate) fn submits(&self, id: LinkId) -> bool {
        self.peers.get(&id).is_some_and(|peer| peer.submit)
    }

    /// Writes to a peer's session, to be sent soon.
    pub(crate) fn write(&mut self, id: LinkId, now: Instant, write: impl FnOnce(&mut Session)) -> bool {
        let Some(peer) = self.peers.get_mut(&id) else { return false };
        write(&mut peer.session);
        self.load.weigh(id, peer, self.limits.bytes, now);
        self.say(id);
        true
    }

    /// Notes how much a peer has not processed.
    fn weigh(&mut self, id: LinkId, now: Instant) {
        if let Some(peer) = self.peers.get_mut(&id) {
            self.load.weigh(id, peer, self.limits.bytes, now);
        }
    }

    /// Whether nothing more can be taken for linked peers.
    pub(crate) fn is_full(&self) -> bool {
        !self.load.full.is_empty() || self.load.pending >= self.limits.total
    }

    /// Bytes that wait for peers which are no workers.
    pub(crate) const fn held_bytes(&self) -> usize {
        self.load.held
    }

    /// Whether everything for peers that are there was handed to the transport.
    pub(crate) fn is_flushed(&self) -> bool {
        self.load.pending == 0 || self.peers.values().all(|peer| peer.gone.is_some() || peer.session.is_handed_over())
    }

    pub(crate) fn knows(&self, id: LinkId) -> bool {
        self.peers.contains_key(&id)
    }

    /// A peer has processed our frames up to `number`.
    pub(crate) fn acked(&mut self, id: LinkId, number: FrameNumber, now: Instant) -> Result<(), Violation> {
        let acked = self.session(id).map_or(Ok(()), |session| session.acked(number));
        self.weigh(id, now);
        acked
    }

    /// A data frame of a peer: it waits until there is room for what is in it.
    pub(crate) fn park(&mut self, id: LinkId, number: FrameNumber, records: Bytes) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.session.take_in(number, records.len()) {
            peer.parked_bytes += records.len();
            peer.parked.push_back(Parked { number, records });
            if peer.parked.len() == 1 {
                self.line.push_back(id);
            }
        }
    }

    /// What is left of the oldest frame of a peer, whose turn it is, waits: for the next one, if this one has been long.
    pub(crate) fn park_rest(&mut self, id: LinkId, number: FrameNumber, records: Bytes, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.parked_bytes += records.len();
        peer.parked.push_front(Parked { number, records });
        let began = match self.turn {
            Some((of, begun, began)) if (of, begun) == (id, number) => began,
            _ => now,
        };
        self.turn = Some((id, number, began));
        // Another frame of it may have put it there.
        self.line.pop_back_if(|last| *last == id);
        if now < began + TURN {
            self.line.push_front(id);
        } else {
            self.turn = None;
            self.line.push_back(id);
        }
    }

    /// The next frame for which there is room: of those who ask, and of those who work.
    pub(crate) fn next_parked(&mut self, submissions: bool, results: bool) -> Option<(LinkId, FrameNumber, Bytes)> {
        for _ in 0..self.line.len() {
            let id = self.line.pop_front()?;
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            let room = if peer.submit { submissions && peer.pending < self.limits.bytes } else { results };
            if !room {
                self.line.push_back(id);
                continue;
            }
            let Some(Parked { number, records }) = peer.parked.pop_front() else { continue };
            peer.parked_bytes -= records.len();
            if !peer.parked.is_empty() {
                self.line.push_back(id);
            }
            return Some((id, number, records));
        }
        None
    }

    pub(crate) fn has_parked(&self) -> bool {
        !self.line.is_empty()
    }

    /// Bytes of frames that wait for room.
    pub(crate) fn parked_bytes(&self, id: LinkId) -> usize {
        self.peers.get(&id).map_or(0, |peer| peer.parked_bytes)
    }

    /// A request of a peer is settled, or can be followed no further.
    pub(crate) fn closed(&mut self, id: LinkId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.open = peer.open.saturating_sub(1);
        }
    }

    /// Tells the peers whose requests are worked on that they are.
    pub(crate) fn tell_alive(&mut self) {
        let waiting = self.peers.values().filter(|peer| peer.open > 0 && peer.gone.is_none());
        self.notices.extend(waiting.map(|peer| (peer.identity.clone(), Frame::Alive.write().into())));
    }

    /// Nobody waits for a call any more: notes it, and tells the components that may have a part of it.
    pub(crate) fn cancel(&mut self, client: u64, call: u32) {
        for peer in self.peers.values_mut() {
            if peer.client == client {
                peer.cancel(call);
            } else if peer.is_stage() && peer.gone.is_none() {
                self.notices.push((peer.identity.clone(), Frame::Cancel { client, call }.write().into()));
            }
        }
    }

    /// Says `id` something soon.
    pub(crate) fn say(&mut self, id: LinkId) {
        if self.unsaid.last() != Some(&id) && !self.unsaid.contains(&id) {
            self.unsaid.push(id);
        }
    }

    /// A frame of a peer is processed.
    pub(crate) fn done(&mut self, id: LinkId, number: FrameNumber) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.session.done(number);
        if peer.session.is_ack_due() {
            self.say(id);
        } else {
            self.owing.insert(id);
        }
    }

    /// Whether something is to be sent.
    pub(crate) fn has_unsaid(&self) -> bool {
        !self.unsaid.is_empty() || !self.notices.is_empty()
    }

    /// Whether acknowledgements wait for something to go with.
    pub(crate) fn owes(&self) -> bool {
        !self.owing.is_empty()
    }

    /// What is to be sent, and to whom. `at_rest`: nothing else will be said soon.
    pub(crate) fn take_frames(&mut self, at_rest: bool) -> Vec<(Bytes, Packet)> {
        let mut frames = std::mem::take(&mut self.notices);
        if at_rest {
            self.unsaid.extend(self.owing.drain());
        }
        for id in std::mem::take(&mut self.unsaid) {
            self.owing.remove(&id);
            let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.gone.is_none()) else { continue };
            let identity = peer.identity.clone();
            frames.extend(peer.session.take_frames().map(|frame| (identity.clone(), frame)));
            if let Some(processed) = peer.session.ack_due(at_rest) {
                frames.push((identity, Frame::Ack { processed }.write().into()));
            } else if peer.session.owes_ack() {
                self.owing.insert(id);
            }
        }
        frames
    }

    /// A connection ended: the peer that had it, if it has no newer one.
    pub(crate) fn lost(&mut self, connection: Peer, now: Instant) -> Option<LinkId> {
        let (id, peer) = self.peers.iter_mut().find(|(_, peer)| peer.connection == Some(connection))?;
        peer.connection = None;
        peer.gone = Some(now);
        Some(*id)
    }

    /// A component that another one has taken the place of: of the same name, for the same topics, and without a connection.
    pub(crate) fn predecessor(&self, id: LinkId) -> Option<LinkId> {
        let peer = self.peers.get(&id).filter(|peer| peer.is_stage())?;
        let same = |other: &Linked| other.gone.is_some() && other.name == peer.name && other.topics == peer.topics;
        self.peers.iter().find(|(other, known)| **other != id && same(known)).map(|(other, _)| *other)
    }

    /// Messages that a peer has not taken.
    pub(crate) fn untaken(&self, id: LinkId) -> Vec<Bytes> {
        self.peers.get(&id).map(|peer| peer.session.unprocessed()).unwrap_or_default()
    }

    /// A peer leaves for good, or is given up.
    pub(crate) fn remove(&mut self, id: LinkId) -> Option<Removed> {
        let peer = self.peers.remove(&id)?;
        self.by_session.remove(&peer.session_id);
        self.by_identity.remove(&peer.identity);
        self.load.let_go(id, &peer);
        self.line.retain(|waiting| *waiting != id);
        self.owing.remove(&id);
        for topic in &peer.topics {
            let listeners = self.by_topic.entry(topic, Vec::new);
            listeners.retain(|other| *other != id);
            if listeners.is_empty() {
                self.by_topic.remove(topic);
            }
            self.audience.push(Audience::Left { topic: topic.clone() });
        }
        Some(Removed { replies: peer.session.replies() })
    }

    /// Peers whose time is over: those that have not come back, and those that have taken nothing for too long.
    pub(crate) fn overdue(&mut self, now: Instant) -> Vec<(LinkId, bool)> {
        let LinkLimits { bytes, stall, patience, .. } = self.limits;
        let mut over = Vec::new();
        for (id, peer) in &self.peers {
            if peer.gone.is_some_and(|gone| now >= gone + patience) {
                over.push((*id, false));
            } else if !peer.work && peer.pending >= bytes && now >= peer.taken + stall {
                over.push((*id, true));
                self.ended.push_back(peer.session_id.clone());
                if self.ended.len() > MAX_ENDED {
                    self.ended.pop_front();
                }
            }
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::*;

    #[test]
    fn many_clients_have_smaller_windows_than_few() {
        let (mut links, now) = (Links::new(1), Instant::now());
        let mut greet = |number: usize| {
            let session = Bytes::from(number.to_string());
            let hello =
                LinkHello { protocol: PROTOCOL, session: session.clone(), submit: true, ..LinkHello::default() };
            let greeted = links.hello(session, None, &hello, "server", true, now).expect("a greeting");
            usize::try_from(greeted.welcome.window).expect("a size")
        };
        let windows: Vec<usize> = (1..=1_000).map(&mut greet).collect();
        assert_eq!(windows[..2], [8 << 20; 2]);
        assert!(windows.is_sorted_by(|one, next| one >= next));
        assert_eq!((windows[3], windows[999]), (4 << 20, LEAST_WINDOW));
    }

    #[test]
    fn an_acknowledgement_waits_for_something_to_go_with() {
        let (mut links, now) = (Links::new(1), Instant::now());
        let hello = LinkHello { protocol: PROTOCOL, session: Bytes::from_static(b"one"), ..LinkHello::default() };
        let greeted = links.hello(hello.session.clone(), None, &hello, "server", true, now).expect("a greeting");
        let id = greeted.id.expect("a peer");
        links.take_frames(false);
        let mut number = 0;
        let mut hear = |links: &mut Links| {
            number += 1;
            links.park(id, number, Bytes::from_static(b"records"));
            links.next_parked(true, true).expect("there is room");
            links.done(id, number);
            (links.has_unsaid(), links.owes())
        };
        assert_eq!(hear(&mut links), (false, true));
        assert_eq!((links.take_frames(false).len(), links.owes()), (0, true));
        links.write(id, now, |session| session.push(&Record::<&[u8]>::Reset));
        assert_eq!((links.take_frames(false).len(), links.owes()), (1, false), "it goes with another frame");
        assert_eq!(hear(&mut links), (false, true));
        assert_eq!((links.take_frames(true).len(), links.owes()), (1, false), "or alone, at rest");
        let due = (0..100).find(|_| hear(&mut links).0);
        assert_eq!(
            (due, links.take_frames(false).len(), links.owes()),
            (Some(15), 1, false),
            "or when it is one of many"
        );
    }

    #[test]
    fn a_frame_is_heard_to_its_end_unless_that_takes_long() {
        let (mut links, now) = (Links::new(1), Instant::now());
        let mut greet = |name: &'static str| {
            let session = Bytes::from_static(name.as_bytes());
            let hello =
                LinkHello { protocol: PROTOCOL, session: session.clone(), submit: true, ..LinkHello::default() };
            let id = links.hello(session, None, &hello, "server", true, now).expect("a greeting").id.expect("a peer");
            (1..=2).for_each(|number| links.park(id, number, Bytes::from_static(b"records")));
            id
        };
        let (one, two) = (greet("one"), greet("two"));
        let next = |links: &mut Links| {
            let (id, number, _) = links.next_parked(true, true).expect("there is more");
            (id, number)
        };
        let mut heard = Vec::new();
        for (after, is_rest) in
            [(0, true), (99, true), (99, false), (99, true), (299, true), (300, false), (300, false)]
        {
            let (id, number) = next(&mut links);
            heard.push((id, number));
            if is_rest {
                links.park_rest(id, number, Bytes::from_static(b"rest"), now + Duration::from_micros(after));
            }
        }
        assert_eq!(heard, [(one, 1), (one, 1), (one, 1), (two, 1), (two, 1), (one, 2), (two, 1)]);
        assert_eq!((next(&mut links), links.has_parked()), ((two, 2), false));
    }
}

//! The peers that are linked to a component.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::frame::FrameNumber;
use super::record::Record;
use super::session::{Session, Violation};
use crate::engine::WorkerId;
use crate::socket::Peer;
use crate::wire::proto::{LinkHello, LinkWelcome};
use crate::wire::{Delivery, Message};

/// Version of what crosses the link.
pub(crate) const PROTOCOL: u32 = 1;

/// How long a session waits for its peer to come back.
const PATIENCE: Duration = Duration::from_secs(30);

/// Workers on the link are numbered from here on; those on classic sockets below it.
const FIRST_WORKER: usize = 1 << 32;

/// Number of a linked peer. Never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LinkId(usize);

impl LinkId {
    pub(crate) const fn worker(self) -> WorkerId {
        WorkerId(FIRST_WORKER + self.0)
    }

    const fn of_worker(worker: WorkerId) -> Option<Self> {
        match worker.0.checked_sub(FIRST_WORKER) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

#[derive(Debug)]
struct Linked {
    session_id: Bytes,
    session: Session,
    /// What the transport calls it now.
    identity: Bytes,
    connection: Option<Peer>,
    work: bool,
    /// Since when its connection is gone.
    gone: Option<Instant>,
}

/// What a greeting led to.
#[derive(Debug)]
pub(crate) struct Greeted {
    pub(crate) welcome: LinkWelcome,
    pub(crate) id: Option<LinkId>,
    /// It does work, and did not a moment ago.
    pub(crate) worker: bool,
}

/// Every peer that is linked, by what it is known by.
#[derive(Debug)]
pub(crate) struct Links {
    epoch: u64,
    peers: HashMap<LinkId, Linked>,
    by_session: HashMap<Bytes, LinkId>,
    by_identity: HashMap<Bytes, LinkId>,
    last: usize,
    /// Peers that something is to be said to.
    unsaid: Vec<LinkId>,
}

impl Links {
    pub(crate) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            peers: HashMap::new(),
            by_session: HashMap::new(),
            by_identity: HashMap::new(),
            last: 0,
            unsaid: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// A peer says who it is, on a new connection or an old one.
    pub(crate) fn hello(
        &mut self,
        identity: Bytes,
        connection: Option<Peer>,
        hello: &LinkHello,
        name: &str,
    ) -> Result<Greeted, Violation> {
        let mut welcome = LinkWelcome {
            protocol: PROTOCOL,
            epoch: self.epoch,
            known: false,
            received: 0,
            name: name.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..LinkWelcome::default()
        };
        if hello.session.is_empty() {
            return Ok(Greeted { welcome, id: None, worker: false });
        }
        let known = self.by_session.get(&hello.session).copied();
        welcome.known = known.is_some();
        if known.is_none() && hello.resumed {
            // It has to begin anew: what it says of frames means another session.
            return Ok(Greeted { welcome, id: None, worker: false });
        }
        let id = known.unwrap_or_else(|| {
            self.last += 1;
            LinkId(self.last)
        });
        let peer = self.peers.entry(id).or_insert_with(|| Linked {
            session_id: hello.session.clone(),
            session: Session::new(),
            identity: Bytes::new(),
            connection: None,
            work: false,
            gone: None,
        });
        let worker = hello.work && (!peer.work || peer.gone.is_some());
        self.by_identity.remove(&peer.identity);
        peer.identity = identity.clone();
        peer.connection = connection.or(peer.connection);
        peer.work = hello.work;
        peer.gone = None;
        peer.session.resume(hello.received)?;
        welcome.received = peer.session.received();
        self.by_identity.insert(identity, id);
        self.by_session.insert(hello.session.clone(), id);
        self.say(id);
        Ok(Greeted { welcome, id: Some(id), worker })
    }

    /// Who is behind an identity, if it has said so.
    pub(crate) fn at(&self, identity: &Bytes) -> Option<LinkId> {
        self.by_identity.get(identity).copied()
    }

    pub(crate) fn session(&mut self, id: LinkId) -> Option<&mut Session> {
        self.peers.get_mut(&id).map(|peer| &mut peer.session)
    }

    /// A peer has processed our frames up to `number`.
    pub(crate) fn acked(&mut self, id: LinkId, number: FrameNumber) -> Result<(), Violation> {
        self.session(id).map_or(Ok(()), |session| session.acked(number))
    }

    /// Says `id` something soon.
    pub(crate) fn say(&mut self, id: LinkId) {
        if !self.unsaid.contains(&id) {
            self.unsaid.push(id);
        }
    }

    /// Hands a message to a worker on the link; `false` if there is none of that number.
    pub(crate) fn hand_out(&mut self, worker: WorkerId, delivery: &Delivery, message: &Message, now: Instant) -> bool {
        let Some(id) = LinkId::of_worker(worker) else { return false };
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.gone.is_none()) else { return false };
        let (stream, request) = peer.session.stream(message);
        peer.session.push(&Record::Work {
            stream,
            request,
            sequence: delivery.sequence,
            attempt: delivery.attempt,
            extra: &message.encoded_extra(now)[..],
            payload: &message.payload()[..],
        });
        self.say(id);
        true
    }

    /// Whether something is to be sent.
    pub(crate) fn has_unsaid(&self) -> bool {
        !self.unsaid.is_empty()
    }

    /// What is to be sent, and to whom. `at_rest`: nothing else will be said soon.
    pub(crate) fn take_frames(&mut self, at_rest: bool) -> Vec<(Bytes, Bytes)> {
        let (mut frames, mut owing) = (Vec::new(), Vec::new());
        for id in std::mem::take(&mut self.unsaid) {
            let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.gone.is_none()) else { continue };
            let identity = peer.identity.clone();
            frames.extend(peer.session.take_frames().map(|frame| (identity.clone(), frame)));
            if let Some(processed) = peer.session.ack_due(at_rest) {
                frames.push((identity, super::Frame::Ack { processed }.write().into()));
            } else if peer.session.owes_ack() {
                owing.push(id);
            }
        }
        self.unsaid.extend(owing);
        frames
    }

    /// A connection ended: the peer that had it, if it has no newer one.
    pub(crate) fn lost(&mut self, connection: Peer, now: Instant) -> Option<LinkId> {
        let (id, peer) = self.peers.iter_mut().find(|(_, peer)| peer.connection == Some(connection))?;
        peer.connection = None;
        peer.gone = Some(now);
        Some(*id)
    }

    /// A peer leaves for good, or breaks the rules.
    pub(crate) fn remove(&mut self, id: LinkId) {
        if let Some(peer) = self.peers.remove(&id) {
            self.by_session.remove(&peer.session_id);
            self.by_identity.remove(&peer.identity);
        }
    }

    /// Forgets the sessions whose peers have not come back.
    pub(crate) fn sweep(&mut self, now: Instant) {
        let over: Vec<_> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.gone.is_some_and(|gone| now >= gone + PATIENCE))
            .map(|(id, _)| *id)
            .collect();
        over.into_iter().for_each(|id| self.remove(id));
    }
}

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use super::frame::FrameNumber;
use super::session::Session;
use crate::socket::Peer;
use crate::wire::proto::LinkHello;

/// Calls of one client that are remembered as cancelled; what of an older one still comes is worked on.
const MAX_CANCELLED: usize = 1024;

/// Records of a peer that the component has no room for yet.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) number: FrameNumber,
    pub(super) records: Bytes,
}

/// One peer that is linked.
#[derive(Debug)]
pub(super) struct Linked {
    pub(super) session_id: Bytes,
    pub(super) session: Session,
    /// What the transport calls it now.
    pub(super) identity: Bytes,
    pub(super) connection: Option<Peer>,
    pub(super) name: String,
    /// It does work, it asks, it listens to these topics.
    pub(super) work: bool,
    pub(super) submit: bool,
    pub(super) topics: Vec<Bytes>,
    /// The first half of the identifiers of its requests; 0 for a peer that makes none.
    pub(super) client: u64,
    /// Since when its connection is gone.
    pub(super) gone: Option<Instant>,
    pub(super) parked: VecDeque<Parked>,
    pub(super) parked_bytes: usize,
    /// Requests of it that are not settled.
    pub(super) open: u64,
    cancelled: HashSet<u32>,
    cancelled_order: VecDeque<u32>,
    /// Bytes that it has not processed, when that was last looked at, and when they last became fewer.
    pub(super) pending: usize,
    pub(super) taken: Instant,
}

impl Linked {
    pub(super) fn new(hello: &LinkHello, now: Instant) -> Self {
        Self {
            session_id: hello.session.clone(),
            session: Session::new(),
            identity: Bytes::new(),
            connection: None,
            name: String::new(),
            work: false,
            submit: false,
            topics: Vec::new(),
            client: hello.requests,
            gone: None,
            parked: VecDeque::new(),
            parked_bytes: 0,
            open: 0,
            cancelled: HashSet::new(),
            cancelled_order: VecDeque::new(),
            pending: 0,
            taken: now,
        }
    }

    /// It takes a stream on to its next step, and is no client.
    pub(super) const fn is_stage(&self) -> bool {
        self.client == 0 && !self.topics.is_empty()
    }

    pub(super) fn cancel(&mut self, call: u32) {
        if self.cancelled.insert(call) {
            self.cancelled_order.push_back(call);
            if self.cancelled_order.len() > MAX_CANCELLED
                && let Some(oldest) = self.cancelled_order.pop_front()
            {
                self.cancelled.remove(&oldest);
            }
        }
    }

    /// Whether nobody waits for a request any more.
    pub(super) fn is_cancelled(&self, request: u64) -> bool {
        !self.cancelled.is_empty() && u32::try_from(request >> 32).is_ok_and(|call| self.cancelled.contains(&call))
    }
}

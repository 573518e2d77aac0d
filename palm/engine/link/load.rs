use std::collections::HashSet;
use std::time::Instant;

use super::LinkId;
use super::linked::Linked;

/// Bytes that peers have not processed.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) pending: usize,
    /// Those of them that wait for peers which are no workers.
    pub(super) held: usize,
    /// The components that have too many.
    pub(super) full: HashSet<LinkId>,
}

impl Load {
    /// Notes how much a peer has not processed; `most` of it is not too much.
    pub(super) fn weigh(&mut self, id: LinkId, peer: &mut Linked, most: usize, now: Instant) {
        let pending = peer.session.pending_bytes();
        if pending < peer.pending {
            peer.taken = now;
        }
        self.pending = self.pending + pending - peer.pending;
        if !peer.work {
            self.held = (self.held + pending).saturating_sub(peer.pending);
        }
        peer.pending = pending;
        if peer.is_stage() && pending >= most {
            self.full.insert(id);
        } else if !self.full.is_empty() {
            self.full.remove(&id);
        }
    }

    pub(super) fn let_go(&mut self, id: LinkId, peer: &Linked) {
        self.full.remove(&id);
        self.pending -= peer.pending;
        if !peer.work {
            self.held = self.held.saturating_sub(peer.pending);
        }
    }
}

use bytes::Bytes;

use super::Peer;

/// One message as it came in.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// The topic at a `Sub`, the peer's identity at a `Router`, empty otherwise.
    pub head: Bytes,
    /// Further frames before the empty one of a REQ peer: what queues in between, and peers that number their requests, want
    /// to have back. At a `Router` or a `Dealer`.
    pub via: Vec<Bytes>,
    /// The message itself.
    pub body: Bytes,
    /// Which connection it came on, where that can be told (TCP, on a socket that watches its peers).
    pub peer: Option<Peer>,
    /// Whether an empty frame stood before the body, as REQ peers send it.
    pub delimited: bool,
}

impl Incoming {
    /// Where the answer to this request goes.
    #[must_use]
    pub fn sender(&self) -> Sender {
        Sender { identity: self.head.clone(), via: self.via.clone(), delimited: self.delimited }
    }
}

/// Who is answered: a peer of a `Router`, and whatever its request came through.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sender {
    pub(super) identity: Bytes,
    pub(super) via: Vec<Bytes>,
    pub(super) delimited: bool,
}

impl Sender {
    /// What the peer is called: its own choice, or given to its connection.
    #[must_use]
    pub const fn identity(&self) -> &Bytes {
        &self.identity
    }
}

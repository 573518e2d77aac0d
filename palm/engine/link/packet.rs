use bytes::Bytes;

use super::buffers;

/// A frame to be sent, and to be kept until the other side has processed it. A large payload at its end stays where it is, so
/// that its only copy is the one that is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packet {
    bytes: Bytes,
    payload: Bytes,
}

impl Packet {
    pub(super) const fn new(bytes: Bytes, payload: Bytes) -> Self {
        Self { bytes, payload }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + self.payload.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// It is used no more, here at least.
    pub(crate) fn give_back(self) {
        buffers::give_back_if_unique(self.bytes);
    }

    pub(crate) fn pieces(&self) -> [&[u8]; 2] {
        [&self.bytes, &self.payload]
    }

    /// From that place of the first piece on.
    pub(crate) fn after(&self, at: usize) -> Bytes {
        if self.payload.is_empty() {
            self.bytes.slice(at.min(self.bytes.len())..)
        } else {
            [self.bytes.get(at..).unwrap_or_default(), &self.payload].concat().into()
        }
    }
}

impl From<Vec<u8>> for Packet {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes.into(), Bytes::new())
    }
}

impl From<Packet> for Vec<u8> {
    fn from(packet: Packet) -> Self {
        if packet.payload.is_empty() { packet.bytes.into() } else { [packet.bytes, packet.payload].concat() }
    }
}

impl From<Packet> for Bytes {
    fn from(packet: Packet) -> Self {
        if packet.payload.is_empty() { packet.bytes } else { Vec::from(packet).into() }
    }
}

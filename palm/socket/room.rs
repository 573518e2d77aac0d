//! Where small frames are kept after they were received.

use bytes::{Bytes, BytesMut};

/// A frame up to this size shares its room with others. A larger one has its own, or stays in libzmq's.
const SMALL: usize = 512;
/// Bytes that some of them share: one that is kept keeps all.
const ROOM: usize = 4 << 10;
/// A frame up to this size is copied: libzmq's own buffers are larger than it, and would be kept alive by it.
pub(super) const COPY_BELOW: usize = 4096;

/// Room for frames that come one behind the other, so that not each of them is allocated.
#[derive(Debug, Default)]
pub(super) struct Room(BytesMut);

impl Room {
    pub(super) fn keep(&mut self, frame: zmq::Message) -> Bytes {
        struct Owner(zmq::Message);
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        if frame.len() <= SMALL {
            self.copy(&frame)
        } else if frame.len() <= COPY_BELOW {
            Bytes::copy_from_slice(&frame)
        } else {
            Bytes::from_owner(Owner(frame))
        }
    }

    fn copy(&mut self, frame: &[u8]) -> Bytes {
        if self.0.capacity() < frame.len() {
            // The old one lasts as long as what is in it.
            self.0 = BytesMut::with_capacity(ROOM);
        }
        self.0.extend_from_slice(frame);
        self.0.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_size_are_what_they_were() {
        let mut room = Room::default();
        let sizes = [0, 1, 150, SMALL, SMALL + 1, COPY_BELOW, COPY_BELOW + 1];
        let kept: Vec<_> = (0..100_u8)
            .flat_map(|number| sizes.map(|size| (number, size, vec![number; size])))
            .map(|(number, size, frame)| (number, size, room.keep(zmq::Message::from(frame))))
            .collect();
        for (number, size, frame) in kept {
            assert_eq!(frame, vec![number; size]);
        }
    }

    #[test]
    fn small_ones_share_an_allocation() {
        let mut room = Room::default();
        let frame = || zmq::Message::from(&[7_u8; 150][..]);
        let kept: Vec<_> = (0..ROOM / 150).map(|_| room.keep(frame())).collect();
        assert!(kept.iter().is_sorted_by(|one, next| next.as_ptr().addr() - one.as_ptr().addr() == 150));
    }
}

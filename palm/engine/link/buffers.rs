//! Buffers of full frames, used again. A frame lives until it is acknowledged, and is freed by another thread than made it, in
//! the order of making: without this, the allocator gives its memory back to the system each time, and gets it anew.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::session::FRAME_BYTES;

/// Buffers that are kept by the process, some 2 MiB.
const MAX_SPARE: usize = 32;

/// A frame that will have less gets a buffer of its own size: what is much larger than a frame is not kept with it.
const LEAST: usize = ROOM / 4 * 3;
/// What is larger was one message's.
const MOST: usize = ROOM + ROOM / 4;

/// What a full frame takes, with the record that fills it if that is small.
pub(crate) const ROOM: usize = FRAME_BYTES + FRAME_BYTES / 16;

static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// An empty buffer with that much room, at least.
pub(crate) fn with_room(room: usize) -> Vec<u8> {
    if room < LEAST {
        return Vec::with_capacity(room);
    }
    let mut buffer = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
    buffer.reserve_exact(room.max(ROOM));
    buffer
}

/// A buffer that is used no more.
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    if (ROOM..=MOST).contains(&buffer.capacity()) {
        buffer.clear();
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE {
            spare.push(buffer);
        }
    }
}

/// The same for bytes that may be used elsewhere still.
pub(crate) fn give_back_if_unique(bytes: Bytes) {
    if bytes.len() >= LEAST && bytes.is_unique() {
        give_back(bytes.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_nobody_uses_it() {
        let mut buffer = with_room(FRAME_BYTES);
        assert!(buffer.is_empty() && buffer.capacity() >= ROOM);
        buffer.resize(FRAME_BYTES, 1);
        let (place, bytes) = (buffer.as_ptr(), Bytes::from(buffer));
        let user = bytes.clone();
        give_back_if_unique(bytes);
        assert_eq!(user[..2], [1, 1], "somebody uses it");
        let again: Vec<u8> = user.into();
        assert!(again.as_ptr() == place && again.capacity() >= ROOM, "the last one has the whole of it");
        give_back(again);
        assert!(with_room(10).capacity() < LEAST);
    }
}

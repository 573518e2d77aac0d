//! The one PUSH socket of a client, shared by threads.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::socket::{Ready, Sent, Socket};

/// How soon a sender that waits notices that it is no longer wanted.
const SLICE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Outbox {
    /// Taken out by the thread that waits until there is room, so that the others can watch their own time.
    socket: Mutex<Option<Socket>>,
    returned: Condvar,
}

impl Outbox {
    pub(super) const fn new(socket: Socket) -> Self {
        Self { socket: Mutex::new(Some(socket)), returned: Condvar::new() }
    }

    /// Hands a frame over, waiting for room if need be. False if the time is up or `wanted` no longer holds: then nothing
    /// was sent.
    pub(super) fn send(&self, frame: &[u8], until: Option<Instant>, wanted: impl Fn() -> bool) -> bool {
        let mut kept = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(socket) = kept.as_ref()
                && socket.send_copy(frame) == Sent::Done
            {
                return true;
            }
            let left = until.map_or(SLICE, |until| until.saturating_duration_since(Instant::now()).min(SLICE));
            if left.is_zero() || !wanted() {
                return false;
            }
            if let Some(socket) = kept.take() {
                drop(kept);
                socket.wait_alone(Ready::Write, left);
                kept = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = Some(socket);
                self.returned.notify_all();
            } else {
                kept = self.returned.wait_timeout(kept, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

//! The one PUSH socket of a client, shared by threads.

use std::collections::VecDeque;
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
    /// Frames of tasks that found no room, each with its call.
    queue: Mutex<VecDeque<(u32, Vec<u8>)>>,
}

impl Outbox {
    pub(super) const fn new(socket: Socket) -> Self {
        Self { socket: Mutex::new(Some(socket)), returned: Condvar::new(), queue: Mutex::new(VecDeque::new()) }
    }

    /// Hands a frame over without waiting, or puts it in the queue: then false.
    pub(super) fn send_soon(&self, call: u32, frame: [&[u8]; 2]) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_empty() && self.try_send(frame) {
            return true;
        }
        queue.push_back((call, frame.concat()));
        false
    }

    /// Hands over what is in the queue and still `wanted`. True if something is left.
    pub(super) fn flush(&self, wanted: impl Fn(u32) -> bool) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((call, frame)) = queue.front() {
            if wanted(*call) && !self.try_send([frame, &[]]) {
                return true;
            }
            queue.pop_front();
        }
        false
    }

    /// Hands a frame over if there is room.
    pub(super) fn try_send(&self, frame: [&[u8]; 2]) -> bool {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        socket.as_ref().is_some_and(|socket| socket.send_copy(None, frame) == Sent::Done)
    }

    /// Hands a frame over, waiting for room if need be. False if the time is up or `wanted` no longer holds: then nothing
    /// was sent.
    pub(super) fn send(&self, frame: [&[u8]; 2], until: Option<Instant>, wanted: impl Fn() -> bool) -> bool {
        let mut kept = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(socket) = kept.as_ref()
                && socket.send_copy(None, frame) == Sent::Done
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

//! The DEALER of one line: whoever has something to send uses it, and one thread at a time receives.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::engine::link::Packet;
use crate::error::{BoxError, Result};
use crate::socket::{Context, PeerEvent, Received, Signal, Socket, SocketKind};

/// Frames that are read before they are handed out.
const BATCH: usize = 16;

#[derive(Debug)]
pub(super) struct Wire {
    socket: Mutex<Socket>,
    pub(super) signals: Vec<Signal>,
    /// Within one process there is no handshake to be seen.
    unseen: bool,
}

impl Wire {
    /// A socket for that address, with so much time to hand over what is left when it is closed.
    pub(super) fn connect(context: &Context, address: &str, linger: Duration) -> Result<Self, BoxError> {
        let mut socket = Socket::new(context, SocketKind::Dealer)?;
        socket.beat()?;
        socket.set_linger(linger);
        socket.watch_peers(context)?;
        socket.connect(address)?;
        let signals = socket.signals();
        Ok(Self { socket: Mutex::new(socket), signals, unseen: address.starts_with("inproc://") })
    }

    /// Whether the connection is known to stand without an event that says so.
    pub(super) const fn is_unseen(&self) -> bool {
        self.unseen
    }

    /// Appends what has come. Whether a connection was made meanwhile.
    pub(super) fn receive(&self, into: &mut Vec<Bytes>) -> bool {
        let mut socket = self.socket();
        let joined = socket.peer_events().contains(&PeerEvent::Joined);
        while into.len() < BATCH {
            match socket.receive(|_| false) {
                Received::Message(incoming) => into.push(incoming.body),
                Received::Malformed(_) => tracing::warn!("a frame in several pieces was dropped"),
                Received::Empty => break,
            }
        }
        joined
    }

    /// Sends the frames that `take` appends, before anyone else sends some. `None` if there are none; otherwise whether
    /// something can be received, which whoever waits for the signal will not notice by itself any more.
    pub(super) fn send(&self, take: impl FnOnce(&mut Vec<Packet>)) -> Option<bool> {
        let socket = self.socket();
        let mut frames = Vec::new();
        take(&mut frames);
        if frames.is_empty() {
            return None;
        }
        for frame in frames {
            // It has no bound of its own, so it is never full: the session's is the bound.
            socket.send_copy(None, frame.pieces());
        }
        Some(socket.is_readable())
    }

    fn socket(&self) -> MutexGuard<'_, Socket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

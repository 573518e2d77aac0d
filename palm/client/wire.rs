//! The DEALER of one line: whoever has something to send uses it, and one thread at a time receives.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::engine::link::Packet;
use crate::error::{BoxError, Result};
use crate::socket::{Context, Lookout, News, PeerEvent, Places, Received, Signal, Socket, SocketKind};

/// Frames that are read before they are handed out.
const BATCH: usize = 16;

#[derive(Debug)]
pub(super) struct Wire {
    end: Mutex<End>,
    pub(super) signals: Vec<Signal>,
    /// Within one process there is no handshake to be seen.
    unseen: bool,
}

#[derive(Debug)]
struct End {
    socket: Socket,
    /// There may be something to be received: its signal was given, or used up by sending.
    stirred: bool,
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
        let end = Mutex::new(End { socket, stirred: true });
        Ok(Self { end, signals, unseen: address.starts_with("inproc://") })
    }

    /// Whether the connection is known to stand without an event that says so.
    pub(super) const fn is_unseen(&self) -> bool {
        self.unseen
    }

    /// Where its signals are in a lookout from now on.
    pub(super) fn watch(&self, lookout: &mut Lookout) -> Places {
        lookout.add_socket(&self.end().socket)
    }

    /// Appends what has come, as far as there may be `news`. Whether a connection was made meanwhile.
    pub(super) fn receive(&self, news: News, into: &mut Vec<Bytes>) -> bool {
        let mut end = self.end();
        let End { socket, stirred } = &mut *end;
        let joined = news.peers && socket.peer_events().contains(&PeerEvent::Joined);
        *stirred |= news.socket;
        while *stirred && into.len() < BATCH {
            match socket.receive(|_| false) {
                Received::Message(incoming) => into.push(incoming.body),
                Received::Malformed(_) => tracing::warn!("a frame in several pieces was dropped"),
                Received::Empty => *stirred = false,
            }
        }
        joined
    }

    /// Sends the frames that `take` appends, before anyone else sends some. `None` if there are none; otherwise whether
    /// something can be received, which whoever waits for the signal will not notice by itself any more.
    pub(super) fn send(&self, take: impl FnOnce(&mut Vec<Packet>)) -> Option<bool> {
        let mut end = self.end();
        let mut frames = Vec::new();
        take(&mut frames);
        if frames.is_empty() {
            return None;
        }
        for frame in frames {
            // It has no bound of its own, so it is never full: the session's is the bound.
            end.socket.send_copy(None, frame.pieces());
        }
        end.stirred |= end.socket.is_readable();
        Some(end.stirred)
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    const NOTHING: News = News { socket: false, peers: false };

    #[test]
    fn what_came_is_read_though_its_signal_was_used_up_by_sending() {
        let context = Context::new();
        let mut router = Socket::new(&context, SocketKind::Router).unwrap();
        let address = router.bind("tcp://127.0.0.1:*").unwrap();
        let wire = Wire::connect(&context, &address, Duration::ZERO).unwrap();
        let send = || wire.send(|frames| frames.push(Packet::from(vec![1])));
        send();
        let greeted = (0..10_000_000).find_map(|_| match router.receive(|_| false) {
            Received::Message(incoming) => Some(incoming.head),
            _ => {
                std::thread::yield_now();
                None
            }
        });
        let identity = greeted.unwrap();
        let mut got = Vec::new();
        wire.receive(News::UNKNOWN, &mut got);
        for number in 0..100 {
            router.send(Some(&identity), false, vec![number]);
            assert!((0..10_000_000).any(|_| send() == Some(true)), "nothing came");
            assert!(!wire.receive(NOTHING, &mut got));
            assert_eq!(got.pop().unwrap(), [number][..]);
            wire.receive(NOTHING, &mut got);
            assert!(got.is_empty());
        }
    }
}

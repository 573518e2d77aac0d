use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Address, FromAddress, Inbound};
use crate::engine::link::{Frame, LinkId, LinkLimits, Violation};
use crate::engine::{Counter, Credit, Opening, Part, Port, Turn};
use crate::error::Result;
use crate::socket::{Incoming, Peer};
use crate::wire::proto::{LinkHello, LinkWelcome};

/// How often sessions without a peer are looked through, at least.
const SWEEP: Duration = Duration::from_secs(5);
/// How often peers are told that their requests are still worked on.
const ALIVE: Duration = Duration::from_secs(10);
/// Bytes of one peer that may wait for room beyond what it was allowed: one large message, with which it passes that.
const MAX_BEYOND: usize = 2 * (64 << 20);

/// Binds the link, over which workers of this library get their messages and bring back results. Cache key `_palm.link`.
///
/// Many messages share a frame there, each result tells whether it is the last one of its message, and what was lost with a
/// connection is sent again, once. Peers that do not know the link use the classic sockets beside it.
///
/// ```
/// use palm::part::LinkService;
/// let part = LinkService::new("tcp://127.0.0.1:5560");
/// ```
#[derive(Debug)]
pub struct LinkService {
    address: Address,
    limits: LinkLimits,
    port: Option<Port>,
    /// When peers were last told that their requests are worked on.
    alive: Option<Instant>,
}

impl LinkService {
    /// The part at that address.
    pub fn new(address: impl Into<Address>) -> Self {
        Self { address: address.into(), limits: LinkLimits::default(), port: None, alive: None }
    }

    /// Bytes of results that may wait for one peer: beyond it a client's messages are not taken in, and if it is a component
    /// that takes a stream on, nobody's are. Default: 16 MiB. For all peers together it is 256 MiB, or this if it is more.
    #[must_use]
    pub const fn hold_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Bytes that may wait for all peers together. Default: 256 MiB.
    #[must_use]
    pub const fn hold_total(mut self, bytes: usize) -> Self {
        self.limits.total = bytes;
        self
    }

    /// Bytes that each peer may send before they are taken in; beyond it, a client waits. Default: 8 MiB. One message that is
    /// larger passes alone. A third client, and each further one, gets its share of twice as much, 128 KiB at least.
    #[must_use]
    pub const fn intake_bytes(mut self, bytes: usize) -> Self {
        self.limits.window = bytes;
        self
    }

    /// How long a peer with that much may take nothing, before what waits for it is dropped and its calls end. Default: 600 s.
    #[must_use]
    pub const fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.limits.stall = timeout;
        self
    }

    /// How long the session of a peer that is gone is kept, with what waits for it, at most 5 s more than that. Default: 20 s.
    #[must_use]
    pub const fn session_time(mut self, time: Duration) -> Self {
        self.limits.patience = time;
        self
    }

    /// For the controls of the fault tests: what a connection lost is lost.
    #[doc(hidden)]
    #[must_use]
    pub const fn without_resumption(mut self) -> Self {
        self.limits.resume = false;
        self
    }

    fn greet(&self, turn: &mut Turn<'_>, port: Port, identity: &Bytes, peer: Option<Peer>, hello: &LinkHello) {
        let name = turn.core.name.clone();
        let submit = turn.core.duties.submits.is_some();
        if let Some(mistaken) = turn.core.links.mistaken(hello) {
            turn.core.unlink(mistaken, turn.now);
        }
        turn.core.links.set_limits(LinkLimits { total: self.limits.total.max(self.limits.bytes), ..self.limits });
        let greeted = match turn.core.links.hello(identity.clone(), peer, hello, &name, submit, turn.now) {
            Ok(greeted) => greeted,
            Err(error) => return turn.undecodable(&error),
        };
        let welcome = LinkWelcome { work_timeout_ms: work_timeout_ms(turn), ..greeted.welcome };
        let _ = turn.transport.send(port, Some(identity), false, Frame::Welcome(welcome).write());
        if let (true, Some(id), Some(part)) = (greeted.worker, greeted.id, turn.core.duties.hands_out) {
            tracing::info!("worker {} is linked", hello.name);
            let most = turn.core.dispatch.linked_messages(part);
            let credit = match usize::try_from(hello.threads) {
                Ok(threads) if threads > 1 => Credit::Shared { threads, most },
                _ => Credit::Paced(most),
            };
            turn.core.dispatch.join(part, id.worker(), credit, turn.now);
            turn.core.resume(part);
        }
        if let Some(id) = greeted.id {
            turn.core.succeed(id, turn.now);
        }
        if let Some(publisher) = turn.core.duties.publishes {
            turn.core.resume(publisher);
        }
        turn.flush_soon();
        turn.wake_in(SWEEP);
    }

    fn hear(turn: &mut Turn<'_>, id: LinkId, frame: Frame) -> std::result::Result<(), Violation> {
        match frame {
            Frame::Data { number, processed, records } => {
                turn.core.links.acked(id, processed, turn.now)?;
                turn.core.links.park(id, number, records);
                if turn.core.links.parked_bytes(id) > turn.core.links.window() + MAX_BEYOND {
                    return Err(Violation::Credit);
                }
            }
            Frame::Ack { processed } => turn.core.links.acked(id, processed, turn.now)?,
            Frame::Bye => {
                turn.core.unlink(id, turn.now);
            }
            Frame::Cancel { client, call } => turn.core.cancel(client, call, turn.now),
            Frame::Hello(_) | Frame::Welcome(_) | Frame::Alive => return Err(Violation::Frame),
        }
        Ok(())
    }
}

/// How long a worker may take for one message.
fn work_timeout_ms(turn: &Turn<'_>) -> u64 {
    let timeout = turn.core.rows.iter().find_map(|row| row.work_timeout);
    timeout.map_or(0, |timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1))
}

#[diagnostic::do_not_recommend]
impl FromAddress for LinkService {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Inbound for LinkService {
    const BINDS: bool = true;
    const KEY: Option<&'static str> = Some(crate::features::TOPIC);
}

impl Part for LinkService {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        self.port = Some(opening.bind_link(&self.address)?.port);
        Ok(())
    }

    fn receive(&mut self, turn: &mut Turn<'_>, port: Port, incoming: Incoming) {
        let Incoming { head: identity, body, peer, .. } = incoming;
        let Some(frame) = Frame::read(body) else {
            turn.undecodable(&Violation::Frame);
            return;
        };
        if let Frame::Hello(hello) = &frame {
            return self.greet(turn, port, &identity, peer, hello);
        }
        // Frames that were still in the pipe of a lost connection come before the greeting; they are sent again after it.
        let Some(id) = turn.core.links.at(&identity) else { return };
        if let Err(error) = Self::hear(turn, id, frame) {
            turn.undecodable(&error);
            turn.core.unlink(id, turn.now);
        }
    }

    fn gone(&mut self, turn: &mut Turn<'_>, _port: Port, peer: Peer) {
        if let Some(id) = turn.core.links.lost(peer, turn.now) {
            turn.core.worker_gone(id);
            turn.wake_in(SWEEP);
        }
    }

    fn resume(&mut self, turn: &mut Turn<'_>) {
        for (id, stalled) in turn.core.links.overdue(turn.now) {
            let replies = turn.core.unlink(id, turn.now);
            if stalled {
                turn.count(Counter::Stalled, replies);
                tracing::warn!(
                    messages = replies,
                    "dropped what a linked peer has not taken for {:?}",
                    self.limits.stall
                );
            } else {
                turn.count(Counter::Expired, replies);
            }
        }
        if self.alive.is_none_or(|alive| turn.now >= alive + ALIVE) {
            self.alive = Some(turn.now);
            turn.core.links.tell_alive();
            turn.flush_soon();
        }
        if !turn.core.links.is_empty() {
            turn.wake_in(SWEEP);
        }
    }

    fn flush(&mut self, turn: &mut Turn<'_>, at_rest: bool) {
        let Some(port) = self.port else { return };
        for (identity, frame) in turn.core.links.take_frames(at_rest) {
            // Who is gone gets it again when it is back.
            let _ = turn.transport.send_copy(port, Some(&identity), frame.pieces());
        }
        turn.set_owing(turn.core.links.owes());
    }

    fn brings_results(&self) -> bool {
        true
    }
}

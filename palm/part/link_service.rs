use std::time::Duration;

use bytes::Bytes;

use super::{Address, FromAddress, Inbound};
use crate::engine::link::{Frame, LinkId, Record, Violation};
use crate::engine::{Counter, Credit, LinkResult, Opening, Part, PartId, Port, Turn};
use crate::error::Result;
use crate::socket::{Incoming, Peer};
use crate::wire::proto::LinkWelcome;

/// How often sessions without a peer are looked through.
const SWEEP: Duration = Duration::from_secs(5);

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
    port: Option<Port>,
}

impl LinkService {
    /// The part at that address.
    pub fn new(address: impl Into<Address>) -> Self {
        Self { address: address.into(), port: None }
    }

    fn hear(&self, turn: &mut Turn<'_>, id: LinkId, frame: Frame) -> std::result::Result<(), Violation> {
        match frame {
            Frame::Data { number, processed, mut records } => {
                turn.core.links.acked(id, processed)?;
                let Some(session) = turn.core.links.session(id) else { return Ok(()) };
                if !session.take_in(number) {
                    return Ok(());
                }
                while !records.is_empty() {
                    let record = Record::read(&mut records).ok_or(Violation::Record)?;
                    take(turn, id, record)?;
                }
                if let Some(session) = turn.core.links.session(id) {
                    session.done(number);
                }
                turn.core.links.say(id);
                turn.flush_soon();
                Ok(())
            }
            Frame::Ack { processed } => turn.core.links.acked(id, processed),
            Frame::Bye => {
                leave(turn, id);
                turn.core.links.remove(id);
                Ok(())
            }
            Frame::Hello(_) | Frame::Welcome(_) | Frame::Cancel { .. } | Frame::Alive => Err(Violation::Frame),
        }
    }
}

/// What a peer says.
fn take(turn: &mut Turn<'_>, id: LinkId, record: Record) -> std::result::Result<(), Violation> {
    match record {
        Record::Open { stream, client, header } => {
            if let Some(session) = turn.core.links.session(id) {
                session.opened(stream, client, &header)?;
            }
        }
        Record::Reset => {
            if let Some(session) = turn.core.links.session(id) {
                session.reset();
            }
        }
        Record::Result { sequence, attempt, kind, payload } => {
            let result = LinkResult { sequence, attempt, kind, payload };
            turn.core.link_result(id.worker(), result, turn.now);
        }
        // Nobody submits over the link yet.
        Record::Message { .. } | Record::Work { .. } | Record::Reply { .. } | Record::Settled { .. } => {
            turn.count(Counter::Discarded, 1);
        }
    }
    Ok(())
}

/// The part that hands work out.
fn pusher(turn: &Turn<'_>) -> Option<PartId> {
    turn.core.rows.iter().position(|row| row.hands_out).map(PartId)
}

/// How long a worker may take for one message.
fn work_timeout_ms(turn: &Turn<'_>) -> u64 {
    let timeout = turn.core.rows.iter().find_map(|row| row.work_timeout);
    timeout.map_or(0, |timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1))
}

fn leave(turn: &mut Turn<'_>, id: LinkId) {
    let Some(part) = pusher(turn) else { return };
    for given_up in turn.core.dispatch.leave(part, id.worker()) {
        turn.core.give_up(given_up);
    }
    turn.core.resume(part);
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
            let name = turn.core.name.clone();
            let greeted = match turn.core.links.hello(identity.clone(), peer, hello, &name) {
                Ok(greeted) => greeted,
                Err(error) => return turn.undecodable(&error),
            };
            let welcome = LinkWelcome { work_timeout_ms: work_timeout_ms(turn), ..greeted.welcome };
            let _ = turn.transport.send(port, Some(&identity), false, Frame::Welcome(welcome).write());
            if let (true, Some(id), Some(part)) = (greeted.worker, greeted.id, pusher(turn)) {
                tracing::info!("worker {} is linked", hello.name);
                let most = turn.core.dispatch.linked_messages(part);
                let credit = match usize::try_from(hello.threads) {
                    Ok(threads) if threads > 1 => Credit::Shared { threads, most },
                    _ => Credit::Paced(most),
                };
                turn.core.dispatch.join(part, id.worker(), credit, turn.now);
                turn.core.resume(part);
            }
            turn.flush_soon();
            turn.wake_in(SWEEP);
            return;
        }
        // Frames that were still in the pipe of a lost connection come before the greeting; they are sent again after it.
        let Some(id) = turn.core.links.at(&identity) else { return };
        if let Err(error) = self.hear(turn, id, frame) {
            turn.undecodable(&error);
            leave(turn, id);
            turn.core.links.remove(id);
        }
    }

    fn gone(&mut self, turn: &mut Turn<'_>, _port: Port, peer: Peer) {
        if let Some(id) = turn.core.links.lost(peer, turn.now) {
            leave(turn, id);
            turn.wake_in(SWEEP);
        }
    }

    fn resume(&mut self, turn: &mut Turn<'_>) {
        turn.core.links.sweep(turn.now);
        if !turn.core.links.is_empty() {
            turn.wake_in(SWEEP);
        }
    }

    fn flush(&mut self, turn: &mut Turn<'_>, at_rest: bool) {
        let Some(port) = self.port else { return };
        for (identity, frame) in turn.core.links.take_frames(at_rest) {
            // Who is gone gets it again when it is back.
            let _ = turn.transport.send(port, Some(&identity), false, Bytes::into(frame));
        }
        if turn.core.links.has_unsaid() {
            turn.flush_soon();
        }
    }

    fn brings_results(&self) -> bool {
        true
    }
}

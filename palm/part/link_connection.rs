use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Buf, Bytes};
use prost::Message as _;

use super::dialer::{Dialer, Welcomed};
use super::{Address, FromAddress, Inbound};
use crate::engine::link::{Frame, FrameNumber, PlainWork, Record, ResultKind, Violation};
use crate::engine::{Batch, Debt, Item, Numbered, Opening, Origin, Part, Port, Turn, no_items};
use crate::error::Result;
use crate::socket::Incoming;
use crate::wire::Message;
use crate::wire::proto::LinkHello;

/// Bytes of results that the master may be behind before the next message waits.
const MAX_BEHIND: usize = 4 << 20;

/// Origins that are kept to be used again.
const MAX_SPARE: usize = 256;

/// Connects a worker to its master's link: messages come in, and the feedback of each goes back as its results.
///
/// The part is to be blocking, with a route to a part that gives feedback.
///
/// ```
/// use palm::part::LinkConnection;
/// let part = LinkConnection::new("tcp://127.0.0.1:5560");
/// ```
#[derive(Debug)]
pub struct LinkConnection {
    address: Address,
    threads: u32,
    dialer: Dialer,
    /// Frames that are not taken in as a whole yet, oldest first, with what is left of each.
    parked: VecDeque<(FrameNumber, Bytes)>,
    /// Messages that are being worked on.
    work: Numbered<Work>,
    last: u64,
    /// Of messages that are done, to be used again.
    spare: Vec<Origin>,
}

/// A message of the master's, and its result that is not known to be the last one yet.
#[derive(Debug)]
struct Work {
    sequence: u64,
    attempt: u32,
    result: Option<(ResultKind, Bytes)>,
}

/// A result, as a record has it if it is the last one.
fn last_of(message: Message) -> (ResultKind, Bytes) {
    match message.error() {
        Some(error) => (ResultKind::Failed, error.encode_to_vec().into()),
        None => (ResultKind::Last, message.payload().clone()),
    }
}

impl LinkConnection {
    /// The part at that address.
    pub fn new(address: impl Into<Address>) -> Self {
        Self {
            address: address.into(),
            threads: 1,
            dialer: Dialer::new(),
            parked: VecDeque::new(),
            work: Numbered::default(),
            last: 0,
            spare: Vec::new(),
        }
    }

    /// How many messages the component does at a time.
    pub(crate) fn threads(mut self, threads: usize) -> Self {
        self.threads = u32::try_from(threads).unwrap_or(u32::MAX);
        self
    }

    fn hear(&mut self, turn: &mut Turn<'_>, frame: Frame) -> std::result::Result<(), Violation> {
        match frame {
            Frame::Welcome(welcome) => {
                let limit = Some(welcome.work_timeout_ms).filter(|limit| *limit > 0);
                turn.core.watch.told(limit.map(Duration::from_millis));
                if self.dialer.welcome(turn, &welcome)? == Welcomed::Anew {
                    // It has handed nothing to this worker, and wants no results of what its last run had.
                    self.work = Numbered::default();
                    self.parked.clear();
                }
                Ok(())
            }
            Frame::Data { number, processed, records } => {
                self.parked.extend(self.dialer.take_in(number, processed, records)?.map(|records| (number, records)));
                self.take_parked(turn)
            }
            Frame::Ack { processed } => self.dialer.session.acked(processed),
            Frame::Alive => Ok(()),
            Frame::Hello(_) | Frame::Bye | Frame::Cancel { .. } => Err(Violation::Frame),
        }
    }

    /// Takes in what there is room for. The master hands out no more than it gives credit for, so the rest is bounded.
    fn take_parked(&mut self, turn: &mut Turn<'_>) -> std::result::Result<(), Violation> {
        while let Some((number, records)) = self.parked.front_mut() {
            let number = *number;
            if records.is_empty() {
                self.parked.pop_front();
                self.dialer.done(turn, number);
            } else if let room @ 1.. = turn.core.room_for_work() {
                let mut left = std::mem::take(records);
                let taken = self.take_next(turn, &mut left, room);
                match self.parked.front_mut() {
                    Some((_, records)) if taken.is_ok() => *records = left,
                    _ => drop(self.parked.pop_front()),
                }
                taken?;
            } else {
                turn.core.resume_with_room(turn.part);
                break;
            }
        }
        Ok(())
    }

    /// Takes in messages of one stream, up to so many, or one other record.
    fn take_next(
        &mut self,
        turn: &mut Turn<'_>,
        records: &mut Bytes,
        room: usize,
    ) -> std::result::Result<(), Violation> {
        let Some(first) = PlainWork::first(records) else {
            return self.take(turn, Record::read(records).ok_or(Violation::Record)?);
        };
        let (header, client) = self.dialer.session.header(first.stream)?.clone();
        let mut items = no_items();
        while items.len() < room
            && let Some(PlainWork { stream, request, sequence, attempt, payload }) = PlainWork::first(records)
            && stream == first.stream
        {
            let length = payload.end;
            self.last += 1;
            self.work.insert(self.last, Work { sequence, attempt, result: None });
            let origin = Some(turn.core.origin_from(self.spare.pop(), turn.part, self.last));
            items.push(Item { request, payload: records.slice(payload), origin });
            records.advance(length);
        }
        turn.core.route_batch(turn.part, Batch::new(header, client, Debt::NONE, items));
        Ok(())
    }

    fn take(&mut self, turn: &mut Turn<'_>, record: Record) -> std::result::Result<(), Violation> {
        match record {
            Record::Open { stream, client, header } => self.dialer.session.opened(stream, client, &header)?,
            Record::Reset => self.dialer.session.reset(),
            Record::Work { stream, request, sequence, attempt, extra, payload } => {
                let message = self.dialer.session.message(stream, request, &extra, payload)?;
                self.last += 1;
                self.work.insert(self.last, Work { sequence, attempt, result: None });
                turn.route_waiting(message, self.last);
            }
            Record::Message { .. } | Record::Result { .. } | Record::Reply { .. } | Record::Settled { .. } => {
                return Err(Violation::Record);
            }
        }
        Ok(())
    }

    fn say(&mut self, sequence: u64, attempt: u32, kind: ResultKind, payload: &Bytes) {
        let record = Record::Result { sequence, attempt, kind, payload };
        self.dialer.session.push_shared(&record, payload);
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for LinkConnection {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Inbound for LinkConnection {
    const BINDS: bool = false;
}

impl Part for LinkConnection {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        self.dialer.set_hello(LinkHello {
            name: opening.component().to_owned(),
            work: true,
            threads: self.threads,
            ..LinkHello::default()
        });
        self.dialer.port = Some(opening.connect_link(&self.address)?);
        Ok(())
    }

    /// The connection stands, or stands again.
    fn connected(&mut self, turn: &mut Turn<'_>, _port: Port) {
        self.dialer.greet(turn);
    }

    fn receive(&mut self, turn: &mut Turn<'_>, _port: Port, incoming: Incoming) {
        let heard = match Frame::read(incoming.body) {
            Some(frame) => self.hear(turn, frame),
            None => Err(Violation::Frame),
        };
        if let Err(error) = heard {
            turn.undecodable(&error);
        }
    }

    fn resume(&mut self, turn: &mut Turn<'_>) {
        if let Err(error) = self.take_parked(turn) {
            turn.undecodable(&error);
        }
    }

    fn feedback(&mut self, turn: &mut Turn<'_>, token: u64, message: Option<Message>) {
        turn.flush_soon();
        let Some(message) = message else {
            let Some(Work { sequence, attempt, result }) = self.work.remove(token) else { return };
            let (kind, payload) = result.unwrap_or((ResultKind::End, Bytes::new()));
            return self.say(sequence, attempt, kind, &payload);
        };
        let Some(work) = self.work.get_mut(token) else { return };
        let (sequence, attempt) = (work.sequence, work.attempt);
        if let Some((kind, payload)) = work.result.replace(last_of(message)) {
            let kind = if kind == ResultKind::Last { ResultKind::More } else { kind };
            self.say(sequence, attempt, kind, &payload);
        }
    }

    fn takes_batches(&self) -> bool {
        true
    }

    fn feedback_batch(&mut self, turn: &mut Turn<'_>, batch: Batch) {
        turn.flush_soon();
        batch.for_each(|Item { payload, origin, .. }| {
            let Some(origin) = origin else { return };
            // Its end is told with this.
            origin.silence();
            if let Some(Work { sequence, attempt, result }) = self.work.remove(origin.token()) {
                if let Some((kind, earlier)) = result {
                    let kind = if kind == ResultKind::Last { ResultKind::More } else { kind };
                    self.say(sequence, attempt, kind, &earlier);
                }
                self.say(sequence, attempt, ResultKind::Last, &payload);
            }
            if self.spare.len() < MAX_SPARE {
                self.spare.push(origin);
            }
        });
    }

    fn flush(&mut self, turn: &mut Turn<'_>, at_rest: bool) {
        self.dialer.flush(turn, at_rest);
    }

    fn close(&mut self, turn: &mut Turn<'_>) {
        self.dialer.close(turn);
    }

    fn hands_back(&self) -> bool {
        true
    }

    fn is_full(&self) -> bool {
        self.dialer.session.pending_bytes() >= MAX_BEHIND
    }
}

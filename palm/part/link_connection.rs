use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;

use super::{Address, FromAddress, Inbound};
use crate::engine::link::{Frame, PROTOCOL, Record, ResultKind, Session, Violation};
use crate::engine::{Opening, Part, Port, Turn};
use crate::error::Result;
use crate::socket::Incoming;
use crate::wire::proto::{LinkHello, LinkWelcome};
use crate::wire::{Message, id_of};

/// Bytes of results that the master may be behind before the next message waits.
const MAX_BEHIND: usize = 4 << 20;

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
    name: String,
    port: Option<Port>,
    session_id: Bytes,
    session: Session,
    /// The component has answered the greeting of this session.
    welcomed: bool,
    /// Messages that are being worked on.
    work: HashMap<u64, Work>,
    last: u64,
}

/// A message of the master's, and its result that is not known to be the last one yet.
#[derive(Debug)]
struct Work {
    sequence: u64,
    attempt: u32,
    result: Option<Message>,
}

impl LinkConnection {
    /// The part at that address.
    pub fn new(address: impl Into<Address>) -> Self {
        Self {
            address: address.into(),
            threads: 1,
            name: String::new(),
            port: None,
            session_id: new_session(),
            session: Session::new(),
            welcomed: false,
            work: HashMap::new(),
            last: 0,
        }
    }

    /// How many messages the component does at a time.
    pub(crate) fn threads(mut self, threads: usize) -> Self {
        self.threads = u32::try_from(threads).unwrap_or(u32::MAX);
        self
    }

    fn greet(&self, turn: &mut Turn<'_>) {
        let Some(port) = self.port else { return };
        let hello = LinkHello {
            protocol: PROTOCOL,
            session: self.session_id.clone(),
            name: self.name.clone(),
            work: true,
            received: self.session.received(),
            resumed: self.welcomed,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            threads: self.threads,
            ..LinkHello::default()
        };
        let _ = turn.transport.send(port, None, false, Frame::Hello(hello).write());
    }

    fn welcome(&mut self, turn: &mut Turn<'_>, welcome: &LinkWelcome) -> std::result::Result<(), Violation> {
        if self.welcomed && !welcome.known {
            // Another run of the master: it has handed nothing to this worker, and wants no results of what the last one had.
            self.session_id = new_session();
            self.session = Session::new();
            self.work.clear();
            self.welcomed = false;
            self.greet(turn);
            return Ok(());
        }
        self.welcomed = true;
        turn.core.watch.told(Some(welcome.work_timeout_ms).filter(|limit| *limit > 0).map(Duration::from_millis));
        self.session.resume(welcome.received)?;
        turn.flush_soon();
        Ok(())
    }

    fn hear(&mut self, turn: &mut Turn<'_>, frame: Frame) -> std::result::Result<(), Violation> {
        match frame {
            Frame::Welcome(welcome) => self.welcome(turn, &welcome),
            Frame::Data { number, processed, mut records } => {
                self.session.acked(processed)?;
                if !self.session.take_in(number) {
                    return Ok(());
                }
                while !records.is_empty() {
                    let record = Record::read(&mut records).ok_or(Violation::Record)?;
                    self.take(turn, record)?;
                }
                self.session.done(number);
                turn.flush_soon();
                Ok(())
            }
            Frame::Ack { processed } => self.session.acked(processed),
            Frame::Hello(_) | Frame::Bye | Frame::Cancel { .. } | Frame::Alive => Err(Violation::Frame),
        }
    }

    fn take(&mut self, turn: &mut Turn<'_>, record: Record) -> std::result::Result<(), Violation> {
        match record {
            Record::Open { stream, client, header } => self.session.opened(stream, client, &header)?,
            Record::Reset => self.session.reset(),
            Record::Work { stream, request, sequence, attempt, extra, payload } => {
                let (header, client) = self.session.header(stream)?.clone();
                let message = Message::of_header(header, id_of(client, request), &extra, payload)
                    .map_err(|_| Violation::Record)?;
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

    fn say(&mut self, sequence: u64, attempt: u32, result: Option<&Message>, last: bool) {
        let (kind, payload) = match result {
            None => (ResultKind::End, Bytes::new()),
            Some(message) => match message.error() {
                Some(error) => (ResultKind::Failed, error.encode_to_vec().into()),
                None if last => (ResultKind::Last, message.payload().clone()),
                None => (ResultKind::More, message.payload().clone()),
            },
        };
        self.session.push(&Record::Result { sequence, attempt, kind, payload });
    }
}

fn new_session() -> Bytes {
    Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes())
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
        self.name = opening.component().to_owned();
        self.port = Some(opening.connect_link(&self.address)?);
        Ok(())
    }

    /// The connection stands, or stands again.
    fn connected(&mut self, turn: &mut Turn<'_>, _port: Port) {
        self.greet(turn);
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

    fn feedback(&mut self, turn: &mut Turn<'_>, token: u64, message: Option<Message>) {
        turn.flush_soon();
        let Some(work) = self.work.get_mut(&token) else { return };
        let (sequence, attempt) = (work.sequence, work.attempt);
        let earlier = match message {
            // Not the last one then.
            Some(message) => work.result.replace(message),
            None => {
                let result = self.work.remove(&token).and_then(|work| work.result);
                return self.say(sequence, attempt, result.as_ref(), true);
            }
        };
        if let Some(earlier) = earlier {
            self.say(sequence, attempt, Some(&earlier), false);
        }
    }

    fn flush(&mut self, turn: &mut Turn<'_>, at_rest: bool) {
        let Some(port) = self.port.filter(|_| self.welcomed) else { return };
        for frame in self.session.take_frames() {
            let _ = turn.transport.send(port, None, false, frame.into());
        }
        if let Some(processed) = self.session.ack_due(at_rest) {
            let _ = turn.transport.send(port, None, false, Frame::Ack { processed }.write());
        } else if self.session.owes_ack() {
            turn.flush_soon();
        }
    }

    fn close(&mut self, turn: &mut Turn<'_>) {
        self.flush(turn, true);
        if let Some(port) = self.port {
            let _ = turn.transport.send(port, None, false, Frame::Bye.write());
        }
    }

    fn hands_back(&self) -> bool {
        true
    }

    fn is_full(&self) -> bool {
        self.session.pending_bytes() >= MAX_BEHIND
    }
}

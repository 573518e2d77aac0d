//! For the benchmarks of this package, and no interface of it: the steps of a component, without sockets and threads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::engine::link::{Frame as LinkFrame, PROTOCOL, Record, Session};
use crate::engine::{
    self, Envelope, Finished, Inlets, Opening, PartId, Place, Port, Router, Runner, Shelf, Task, Transport,
};
use crate::error::{BoxError, Error, Result};
use crate::part::Address;
use crate::service::{Component, Service};
use crate::socket::{Incoming, Peer, Sender, Sent, SocketKind};
use crate::topology::Plan;
use crate::wire::proto::LinkHello;
use crate::wire::{DecodeError, Message, Streams, parts_of};

/// What an inbound part reads messages with.
#[derive(Debug, Default)]
pub struct Decoder(Streams);

impl Decoder {
    /// Reads one message of a stream that may have been met before.
    ///
    /// # Errors
    /// The bytes are no message.
    pub fn decode(&mut self, frame: Bytes) -> Result<Message, DecodeError> {
        self.0.decode(frame)
    }
}

/// One message that a component sent.
#[derive(Debug)]
pub struct Frame {
    /// The port that it was sent at.
    pub port: Port,
    /// What the topic or the identity before it begins with.
    pub head: Option<u8>,
    /// The rest.
    pub body: Vec<u8>,
}

/// The engine of a component. Its clock goes on by a microsecond with each call.
pub struct Engine {
    engine: engine::Engine,
    component: Component,
    wires: Wires,
    /// Names of the parts.
    names: Vec<String>,
    now: Instant,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// The component as planned, without its bypass parts.
    ///
    /// # Errors
    /// The parts do not fit.
    pub fn new(mut plan: Plan) -> Result<Self> {
        plan.verify()?;
        let mut wires = Wires::default();
        let (mut inlets, shelf) = (Inlets::new(Arc::default(), || {}), Shelf::default());
        for (index, planned) in plan.parts.iter_mut().enumerate() {
            let mut opening = Opening {
                transport: &mut wires,
                part: PartId(index),
                place: &mut Nowhere,
                inlets: &mut inlets,
                shelf: &shelf,
            };
            planned.part.open(&mut opening)?;
        }
        let rows = plan.rows();
        let description = plan.service.as_deref().map(Service::description);
        let core = Router::new(plan.name.as_str().into(), rows, Arc::default(), description, plan.messages);
        let (names, parts) = plan.parts.into_iter().map(|planned| (planned.name, planned.part)).unzip();
        Ok(Self {
            engine: engine::Engine::new(core, parts, plan.service, plan.width),
            component: Component::new(plan.name),
            wires,
            names,
            now: Instant::now(),
        })
    }

    /// The same for a component whose peer has a link.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn linked(plan: Plan) -> Result<Self> {
        Self::new(match plan.over_link {
            Some(over_link) => over_link(plan, "link"),
            None => plan,
        })
    }

    /// The first port that the part of that name opened.
    #[must_use]
    pub fn port(&self, part: &str) -> Option<Port> {
        self.wires.owners.iter().position(|owner| self.names[owner.0] == part).map(Port)
    }

    fn tick(&mut self) -> Instant {
        self.now += Duration::from_micros(1);
        self.now
    }

    /// The connection of a port that connects stands.
    pub fn connected(&mut self, port: Port) {
        let (part, now) = (self.wires.owners[port.0], self.tick());
        self.engine.connected(part, port, now, &mut self.wires);
    }

    /// A peer connected to a port that binds.
    pub fn joined(&mut self, port: Port, peer: Peer) {
        let (part, now) = (self.wires.owners[port.0], self.tick());
        self.engine.joined(part, port, peer, now, &mut self.wires);
    }

    /// Something came in, which [`work`](Self::work) goes on with.
    pub fn receive(&mut self, port: Port, incoming: Incoming) {
        let (part, now) = (self.wires.owners[port.0], self.tick());
        self.engine.receive(part, port, incoming, now, &mut self.wires);
    }

    /// Runs the methods whose turn it is, and sends what was collected.
    pub fn work(&mut self) {
        let now = self.tick();
        self.engine.settle(now, &mut self.wires);
        while let Some(job) = self.engine.next_job(now, &mut self.wires) {
            let given = Given { given: Mutex::default(), now };
            let done = job.run(&self.component, &given);
            for (part, task, results) in given.given.into_inner().unwrap_or_else(PoisonError::into_inner) {
                self.engine.results(part, task, results, now, &mut self.wires);
            }
            self.engine.finish(done, now, &mut self.wires);
        }
        self.engine.flush(true, now, &mut self.wires);
    }

    /// What was sent since the last time.
    pub fn sent(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.wires.sent)
    }
}

/// The link's other end: a client that asks for the same again and again.
#[derive(Debug)]
pub struct Asker {
    session: Session,
    message: Message,
}

impl Asker {
    /// One whose messages are all that one, which has an identifier.
    #[must_use]
    pub fn new(message: Message) -> Self {
        Self { session: Session::new(), message }
    }

    /// Its first frame.
    #[must_use]
    pub fn hello(&self) -> Vec<u8> {
        let (requests, _) = parts_of(self.message.id());
        let topics = vec![self.message.client_topic().clone()];
        let session = Bytes::from_static(b"session");
        LinkFrame::Hello(LinkHello {
            protocol: PROTOCOL,
            session,
            submit: true,
            topics,
            requests,
            ..LinkHello::default()
        })
        .write()
    }

    /// The frames of so many messages.
    pub fn ask(&mut self, count: u64) -> Vec<Bytes> {
        let (stream, request) = self.session.stream(&self.message);
        for _ in 0..count {
            let payload = &self.message.payload()[..];
            self.session.push(&Record::Message { stream, request, extra: &[][..], payload });
        }
        self.session.take_frames().map(Bytes::from).collect()
    }

    /// A frame came; says how many answers are in it.
    ///
    /// # Panics
    /// It is no frame of a link.
    #[must_use]
    pub fn hear(&mut self, frame: Vec<u8>) -> u64 {
        let Some(LinkFrame::Data { number, processed, mut records }) = LinkFrame::read(frame.into()) else { return 0 };
        let mut answers = 0;
        while let Some(record) = Record::read(&mut records) {
            answers += u64::from(matches!(record, Record::Reply { .. }));
        }
        assert!(self.session.acked(processed).is_ok() && self.session.take_in(number, records.len()));
        self.session.done(number);
        answers
    }

    /// The acknowledgement of what came, if one is due.
    pub fn ack(&mut self) -> Option<Vec<u8>> {
        self.session.ack_due(true).map(|processed| LinkFrame::Ack { processed }.write())
    }
}

/// Results of user code that are too many to be kept; no benchmark has calls that were done before it.
struct Given {
    given: Mutex<Vec<(PartId, Task, Vec<Envelope>)>>,
    now: Instant,
}

impl Runner for Given {
    fn offer(&self, part: PartId, task: Task, results: Vec<Envelope>) {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).push((part, task, results));
    }

    fn finished(&self, _: Vec<Finished>) {}

    fn now(&self) -> Instant {
        self.now
    }
}

/// A transport that keeps what is sent.
#[derive(Default)]
struct Wires {
    owners: Vec<PartId>,
    sent: Vec<Frame>,
}

impl Transport for Wires {
    fn open(&mut self, part: PartId, _kind: SocketKind) -> Result<Port> {
        self.owners.push(part);
        Ok(Port(self.owners.len() - 1))
    }

    fn bind(&mut self, _port: Port, address: &str) -> Result<String, BoxError> {
        Ok(address.to_owned())
    }

    fn connect(&mut self, _port: Port, _address: &str) -> Result<(), BoxError> {
        Ok(())
    }

    fn subscribe(&mut self, _port: Port, _topic: &[u8]) -> Result<(), BoxError> {
        Ok(())
    }

    fn watch(&mut self, _port: Port) -> Result<()> {
        Ok(())
    }

    fn beat(&mut self, _port: Port) -> Result<()> {
        Ok(())
    }

    fn close(&mut self, _port: Port) {}

    fn send(&mut self, port: Port, head: Option<&[u8]>, _delimited: bool, body: Vec<u8>) -> Sent {
        self.sent.push(Frame { port, head: head.and_then(<[u8]>::first).copied(), body });
        Sent::Done
    }

    fn reply(&mut self, port: Port, _to: &Sender, body: Vec<u8>) -> Sent {
        self.sent.push(Frame { port, head: None, body });
        Sent::Done
    }

    fn watch_writable(&mut self, _port: Port, _wanted: bool) {}
}

/// Any address will do.
struct Nowhere;

impl Place for Nowhere {
    fn to_bind(&self, address: &Address, _protected: bool) -> Result<String> {
        Ok(address.to_string())
    }

    fn bound(&mut self, _key: Option<&'static str>, _address: &str) {}

    fn to_connect(&mut self, address: &Address) -> Result<String> {
        Ok(address.to_string())
    }

    fn refused(&self, address: &str, source: BoxError) -> Error {
        Error::Address { component: String::new(), part: String::new(), address: address.to_owned(), source }
    }

    fn name(&self) -> &str {
        "bench"
    }
}

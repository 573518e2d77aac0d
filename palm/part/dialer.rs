use bytes::Bytes;

use crate::engine::link::{Frame, FrameNumber, PROTOCOL, Session, Violation};
use crate::engine::{Port, Turn};
use crate::wire::proto::{LinkHello, LinkWelcome};

/// The end of a link that connects: a session with one component, over all connections to it.
#[derive(Debug)]
pub(super) struct Dialer {
    pub(super) port: Option<Port>,
    /// Who this is and what it wants; the session's part of it is filled in here.
    hello: LinkHello,
    session_id: Bytes,
    pub(super) session: Session,
    /// The component has answered the greeting of this session.
    welcomed: bool,
    /// Of the component that has it.
    epoch: u64,
}

/// What the answer to a greeting says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Welcomed {
    /// The session goes on, or has begun.
    On,
    /// The component knows nothing of the session: it is another run of it. A new session has begun.
    Anew,
    /// It is of an earlier session.
    Late,
}

impl Dialer {
    pub(super) fn new() -> Self {
        Self {
            port: None,
            hello: LinkHello::default(),
            session_id: new_session(),
            session: Session::new(),
            welcomed: false,
            epoch: 0,
        }
    }

    pub(super) fn set_hello(&mut self, hello: LinkHello) {
        self.hello = hello;
    }

    /// The session does not take the place of a subscription, or has done so.
    pub(super) const fn replaces_nothing(&mut self) {
        self.hello.replaces = false;
    }

    /// Whether the component has answered the greeting of this session.
    pub(super) const fn is_welcomed(&self) -> bool {
        self.welcomed
    }

    pub(super) const fn session_id(&self) -> &Bytes {
        &self.session_id
    }

    /// The connection stands, or stands again.
    pub(super) fn greet(&self, turn: &mut Turn<'_>) {
        let Some(port) = self.port else { return };
        let hello = LinkHello {
            protocol: PROTOCOL,
            session: self.session_id.clone(),
            received: self.session.received(),
            resumed: self.welcomed,
            epoch: self.epoch,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..self.hello.clone()
        };
        let _ = turn.transport.send(port, None, false, Frame::Hello(hello).write());
    }

    pub(super) fn welcome(&mut self, turn: &mut Turn<'_>, welcome: &LinkWelcome) -> Result<Welcomed, Violation> {
        if welcome.session != self.session_id {
            return Ok(Welcomed::Late);
        }
        if self.welcomed && !welcome.known {
            self.session_id = new_session();
            self.session = Session::new();
            (self.welcomed, self.epoch) = (false, 0);
            self.greet(turn);
            return Ok(Welcomed::Anew);
        }
        (self.welcomed, self.epoch) = (true, welcome.epoch);
        self.session.resume(welcome.received)?;
        turn.flush_soon();
        Ok(Welcomed::On)
    }

    /// The records of a frame, if it is the next one; they are to be [`done`](Self::done).
    pub(super) fn take_in(
        &mut self,
        number: FrameNumber,
        processed: FrameNumber,
        records: Bytes,
    ) -> Result<Option<Bytes>, Violation> {
        if !self.welcomed {
            // Of the session before.
            return Ok(None);
        }
        self.session.acked(processed)?;
        Ok(self.session.take_in(number, records.len()).then_some(records))
    }

    pub(super) fn done(&mut self, turn: &mut Turn<'_>, number: FrameNumber) {
        self.session.done(number);
        if self.session.is_ack_due() {
            turn.flush_soon();
        } else {
            turn.set_owing(true);
        }
    }

    pub(super) fn flush(&mut self, turn: &mut Turn<'_>, at_rest: bool) {
        let Some(port) = self.port.filter(|_| self.welcomed) else { return };
        for frame in self.session.take_frames() {
            let _ = turn.transport.send_copy(port, None, frame.pieces());
        }
        if let Some(processed) = self.session.ack_due(at_rest) {
            let _ = turn.transport.send(port, None, false, Frame::Ack { processed }.write());
        }
        turn.set_owing(self.session.owes_ack());
    }

    /// The last words.
    pub(super) fn close(&mut self, turn: &mut Turn<'_>) {
        self.flush(turn, true);
        if let Some(port) = self.port {
            let _ = turn.transport.send(port, None, false, Frame::Bye.write());
        }
    }
}

fn new_session() -> Bytes {
    Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes())
}

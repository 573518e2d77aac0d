//! One link to a component, as the client sees it: the session, and the greetings that keep it up. Decisions without I/O.

use bytes::Bytes;

use crate::engine::link::{Frame, PROTOCOL, Packet, Session, Violation};
use crate::wire::proto::{LinkHello, LinkWelcome};

/// Calls that are to be cancelled once the connection stands again; of more than that, the component finds out by itself.
const MAX_CANCELLED: usize = 4096;

/// Bytes that a component may not have taken over, unless it says otherwise.
const WINDOW: usize = 8 << 20;

#[derive(Debug)]
pub(super) struct Line {
    /// What every greeting of this client says.
    hello: LinkHello,
    pub(super) session: Session,
    /// The component has answered the greeting of this session.
    welcomed: bool,
    /// It has answered the greeting on this connection: it hears what is sent.
    stands: bool,
    /// A greeting is to be sent, after a goodbye to the session before if that was broken.
    greet: bool,
    leave: bool,
    /// The last greeting was one to a component that should know the session.
    resumed: bool,
    cancelled: Vec<u32>,
    /// It takes messages.
    submits: bool,
    /// Bytes that the component may not have taken over.
    pub(super) window: usize,
    /// What it is called.
    pub(super) name: String,
    /// Sessions that ended because the component broke the rules.
    violations: u64,
}

/// What a welcome means for what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Welcomed {
    /// It goes on.
    Stands,
    /// The component knows nothing of it.
    Forgotten,
    /// The component has given it up, as its results were not taken.
    Cancelled,
    /// It is of an earlier session.
    Late,
}

impl Line {
    /// A line of the client `id`, whose requests' identifiers begin with `requests`.
    pub(super) fn new(id: &str, requests: u64, submits: bool, topic: Option<&str>, replaces: bool) -> Self {
        let hello = LinkHello {
            protocol: PROTOCOL,
            session: new_session(),
            name: id.to_owned(),
            submit: submits,
            topics: topic.iter().map(|topic| topic.as_bytes().to_vec().into()).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            requests,
            replaces,
            ..LinkHello::default()
        };
        Self {
            hello,
            session: Session::new(),
            welcomed: false,
            stands: false,
            greet: false,
            leave: false,
            resumed: false,
            cancelled: Vec::new(),
            submits: false,
            window: WINDOW,
            name: String::new(),
            violations: 0,
        }
    }

    /// Whether the component that has welcomed it does what it is for.
    pub(super) const fn serves(&self) -> bool {
        self.submits || !self.hello.submit
    }

    /// A connection stands, or stands again.
    pub(super) const fn joined(&mut self) {
        self.stands = false;
        self.greet = true;
    }

    pub(super) const fn is_welcomed(&self) -> bool {
        self.welcomed
    }

    pub(super) fn welcome(&mut self, welcome: &LinkWelcome) -> Result<Welcomed, Violation> {
        if welcome.session != self.hello.session {
            return Ok(Welcomed::Late);
        }
        (self.submits, self.name) = (welcome.submit, welcome.name.clone());
        self.window = usize::try_from(welcome.window).ok().filter(|window| *window > 0).unwrap_or(WINDOW);
        if self.resumed && !welcome.known {
            self.begin_anew();
            return Ok(if welcome.cancelled { Welcomed::Cancelled } else { Welcomed::Forgotten });
        }
        (self.welcomed, self.stands, self.hello.epoch) = (true, true, welcome.epoch);
        self.session.resume(welcome.received)?;
        Ok(Welcomed::Stands)
    }

    /// The component broke the rules: what was said is worth nothing.
    pub(super) fn break_off(&mut self, violation: Violation) {
        self.violations += 1;
        tracing::warn!(component = self.name, violations = self.violations, "a link broke its rules: {violation}");
        self.leave = true;
        self.begin_anew();
    }

    fn begin_anew(&mut self) {
        (self.hello.session, self.hello.replaces, self.hello.epoch) = (new_session(), false, 0);
        self.session = Session::new();
        (self.welcomed, self.stands, self.greet, self.resumed) = (false, false, true, false);
        self.cancelled.clear();
    }

    /// Nobody waits for that call any more.
    pub(super) fn cancel(&mut self, call: u32) {
        if self.cancelled.len() < MAX_CANCELLED {
            self.cancelled.push(call);
        }
    }

    /// Appends what is to be sent now. `at_rest`: nothing else will be said soon.
    pub(super) fn take_frames(&mut self, at_rest: bool, into: &mut Vec<Packet>) {
        if std::mem::take(&mut self.leave) {
            into.push(Frame::Bye.write().into());
        }
        if std::mem::take(&mut self.greet) {
            self.resumed = self.welcomed;
            let received = self.session.received();
            let hello = LinkHello { received, resumed: self.resumed, ..self.hello.clone() };
            into.push(Frame::Hello(hello).write().into());
        }
        if !self.stands {
            return;
        }
        into.extend(self.session.take_frames());
        let client = self.hello.requests;
        into.extend(self.cancelled.drain(..).map(|call| Packet::from(Frame::Cancel { client, call }.write())));
        if let Some(processed) = self.session.ack_due(at_rest) {
            into.push(Frame::Ack { processed }.write().into());
        }
    }

    /// Whether the component is to be told soon what was processed.
    pub(super) const fn is_ack_due(&self) -> bool {
        self.stands && self.session.is_ack_due()
    }

    /// Whether the component waits to be told what was processed.
    pub(super) const fn owes_ack(&self) -> bool {
        self.stands && self.session.owes_ack()
    }
}

fn new_session() -> Bytes {
    Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes())
}

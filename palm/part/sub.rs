use super::hooks::Hooks;
use super::pull::Intake;
use super::upstream::Upstream;
use super::{Address, FromAddress, Inbound};
use crate::engine::{Opening, Part, Port, Turn};
use crate::error::Result;
use crate::features;
use crate::service::Topic;
use crate::socket::{Incoming, SocketKind};
use crate::wire::Message;

/// Connects a SUB socket to a PUB service, subscribes to the topic `previous`, and routes what comes in.
///
/// ZeroMQ's subscriptions match every topic that begins with them; this part drops what is not for `previous` itself. An
/// empty `previous` takes everything but the library's own topics, which begin with `_palm.`.
///
/// If the publisher is of this library and has a link, the link takes the subscription's place, unless `previous` is empty or
/// the part has hooks: nothing is lost with a connection then, and the publisher is told when a message is settled.
///
/// ```
/// use palm::part::SubConnection;
/// let part = SubConnection::new("tcp://127.0.0.1:5557").previous("my_server");
/// ```
#[derive(Debug)]
pub struct SubConnection {
    address: Address,
    previous: Topic,
    intake: Intake,
    /// The subscription, until the link has taken its place.
    port: Option<Port>,
    upstream: Option<Upstream>,
}

impl SubConnection {
    /// The part at that address, for every topic.
    pub fn new(address: impl Into<Address>) -> Self {
        Self {
            address: address.into(),
            previous: Topic::default(),
            intake: Intake::new(true, false),
            port: None,
            upstream: None,
        }
    }

    /// The topic: the name of the previous component, or what its `handle_stream` chooses.
    #[must_use]
    pub fn previous(mut self, previous: impl Into<Topic>) -> Self {
        self.previous = previous.into();
        self
    }

    /// Replaces what the part does with each message.
    #[must_use]
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.intake.hooks = Some(Box::new(hooks));
        self
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for SubConnection {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Inbound for SubConnection {
    const BINDS: bool = false;
    const KEY: Option<&'static str> = Some("sub_address");
}

impl SubConnection {
    /// The publisher is a component of this library, and says where its link is.
    fn change_over(&mut self, turn: &mut Turn<'_>, features: &[u8]) {
        if self.upstream.is_some() || self.previous.as_bytes().is_empty() {
            return;
        }
        let Some(address) = features::link_of(features) else { return };
        match Upstream::connect(turn, &address, self.previous.as_bytes()) {
            Ok(upstream) => self.upstream = Some(upstream),
            Err(error) => tracing::warn!(%error, "the stream is taken from its publisher, not over the link"),
        }
    }

    fn take_over(&mut self, turn: &mut Turn<'_>) {
        let Self { upstream: Some(upstream), intake, .. } = self else { return };
        upstream.take_over(turn, &mut |turn, envelope| intake.enter_linked(turn, envelope));
        if let Some(port) = self.port.take() {
            turn.transport.close(port);
        }
    }
}

impl Part for SubConnection {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        let port = opening.connect_watched(SocketKind::Sub, &self.address)?;
        opening.subscribe(port, self.previous.as_bytes())?;
        if !self.previous.as_bytes().is_empty() && self.intake.hooks.is_none() {
            // After the topic itself: the answer proves that the subscription has arrived.
            opening.subscribe(port, features::TOPIC.as_bytes())?;
        }
        self.port = Some(port);
        Ok(())
    }

    fn connected(&mut self, turn: &mut Turn<'_>, port: Port) {
        if let Some(upstream) = self.upstream.as_ref().filter(|upstream| upstream.is_at(port)) {
            upstream.greet(turn);
        }
    }

    fn receive(&mut self, turn: &mut Turn<'_>, port: Port, incoming: Incoming) {
        let Self { upstream, intake, .. } = self;
        if let Some(upstream) = upstream {
            if upstream.is_at(port) {
                return upstream
                    .receive(turn, incoming.body, &mut |turn, envelope| intake.enter_linked(turn, envelope));
            }
            if upstream.is_change_over(&incoming.head) {
                return self.take_over(turn);
            }
        }
        if incoming.head == features::TOPIC.as_bytes() {
            return self.change_over(turn, &incoming.body);
        }
        let previous = self.previous.as_bytes();
        let taken = match previous {
            [] => !incoming.head.starts_with(features::RESERVED.as_bytes()),
            _ => incoming.head == previous,
        };
        if taken {
            self.intake.take(turn, incoming);
        }
    }

    fn resume(&mut self, turn: &mut Turn<'_>) {
        match self.upstream.as_ref().and_then(Upstream::waits_until) {
            Some(until) if turn.now >= until => self.take_over(turn),
            // It was woken for an earlier session.
            Some(until) => turn.wake_in(until.saturating_duration_since(turn.now)),
            None => {}
        }
    }

    fn settled(&mut self, turn: &mut Turn<'_>, client: u64, request: u64, branches: u32, results: u32) {
        if let Some(upstream) = &mut self.upstream {
            upstream.settled(turn, client, request, branches, results);
        }
    }

    fn feedback(&mut self, _turn: &mut Turn<'_>, _token: u64, message: Option<Message>) {
        self.intake.feedback(message.as_ref());
    }

    fn flush(&mut self, turn: &mut Turn<'_>, at_rest: bool) {
        if let Some(upstream) = &mut self.upstream {
            upstream.flush(turn, at_rest);
        }
    }

    fn close(&mut self, turn: &mut Turn<'_>) {
        if let Some(upstream) = &mut self.upstream {
            upstream.close(turn);
        }
    }

    fn is_full(&self) -> bool {
        self.intake.is_waiting()
    }
}

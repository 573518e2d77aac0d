use super::hooks::Hooks;
use super::pull::Intake;
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
/// ```
/// use palm::part::SubConnection;
/// let part = SubConnection::new("tcp://127.0.0.1:5557").previous("my_server");
/// ```
#[derive(Debug)]
pub struct SubConnection {
    address: Address,
    previous: Topic,
    intake: Intake,
}

impl SubConnection {
    /// The part at that address, for every topic.
    pub fn new(address: impl Into<Address>) -> Self {
        Self { address: address.into(), previous: Topic::default(), intake: Intake::new(true, false) }
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

impl Part for SubConnection {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        let port = opening.connect(SocketKind::Sub, &self.address)?;
        opening.subscribe(port, self.previous.as_bytes())
    }

    fn receive(&mut self, turn: &mut Turn<'_>, _port: Port, incoming: Incoming) {
        let previous = self.previous.as_bytes();
        let taken = match previous {
            [] => !incoming.head.starts_with(features::RESERVED.as_bytes()),
            _ => incoming.head == previous,
        };
        if taken {
            self.intake.take(turn, incoming);
        }
    }

    fn feedback(&mut self, _turn: &mut Turn<'_>, _token: u64, message: Option<Message>) {
        self.intake.feedback(message.as_ref());
    }

    fn is_full(&self) -> bool {
        self.intake.is_waiting()
    }
}

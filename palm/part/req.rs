use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::asked::{Asked, fail};
use super::hooks::Hooks;
use super::{Address, FromAddress, Outbound};
use crate::engine::{Counter, Envelope, Opening, Part, Port, Turn};
use crate::error::{BoxError, Result};
use crate::service::Messages;
use crate::socket::{Incoming, Sent, SocketKind};
use crate::wire::{Code, Message};

/// How long an answer is waited for by default.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Requests under way at a time, by default.
const MAX_REQUESTS: usize = 64;

/// Connects to a REP service, asks it each message, and hands the answers to the router: an outbound part with feedback.
///
/// Several requests are under way at a time: inside is a DEALER socket, whose requests are numbered in the frames before the
/// empty one, which REP and ROUTER peers give back. What is not answered within
/// [`answer_timeout`](Self::answer_timeout) is answered with an error in place of its peer (code
/// [`Late`](crate::wire::Code::Late)); so is an answer that is no PALM message. An empty answer, or `1`, says that there is no
/// result. It is not asked again: nobody knows how far the first request came.
///
/// ```
/// use palm::part::{Methods, RepService, ReqConnection};
///
/// #[derive(Default)]
/// struct Shout;
///
/// #[palm::server]
/// impl Shout {
///     fn shout(&mut self, text: &str) -> String {
///         text.to_uppercase()
///     }
/// }
///
/// palm::topology! {
///     struct Back {
///         inbound  Rep:     RepService => Methods, blocking;
///         outbound Methods: Methods;
///     }
/// }
///
/// palm::topology! {
///     /// Passes on what it is asked.
///     struct Front {
///         inbound  Rep: RepService => Req, blocking;
///         outbound Req: ReqConnection { max_requests: 16 };
///     }
/// }
///
/// let back = Back::new("loud").service(Shout).start()?;
/// let front = Front::new("front").req_address(back.address("rep_address")?).start()?;
///
/// let request = zmq::Context::new().socket(zmq::REQ).expect("a socket");
/// request.connect(&front.address("rep_address")?).expect("it connects");
/// request.send(palm::Message::new("loud.shout", "hello").encode(), 0).expect("it is sent");
/// let answer = request.recv_bytes(0).expect("an answer");
/// assert_eq!(&palm::Message::decode(answer.into()).expect("a message").payload()[..], b"HELLO");
/// # Ok::<(), palm::Error>(())
/// ```
pub struct ReqConnection {
    address: Address,
    hooks: Option<Box<dyn Hooks>>,
    port: Option<Port>,
    asked: Asked,
    /// Requests that the transport could not take.
    unsent: VecDeque<(u64, Message)>,
}

impl ReqConnection {
    /// The part at that address.
    pub fn new(address: impl Into<Address>) -> Self {
        let asked = Asked::new(MAX_REQUESTS, ANSWER_TIMEOUT);
        Self { address: address.into(), hooks: None, port: None, asked, unsent: VecDeque::new() }
    }

    /// Replaces what the part does with each message, and with each answer.
    #[must_use]
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Some(Box::new(hooks));
        self
    }

    /// How long an answer is waited for. Default: 30 s; the caller's own deadline holds if it is earlier.
    #[must_use]
    pub const fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.asked.timeout = timeout;
        self
    }

    /// Requests that may be under way at a time. Default: 64. With 1, the peer is asked one after the other.
    #[must_use]
    pub const fn max_requests(mut self, requests: usize) -> Self {
        self.asked.limit = requests;
        self
    }

    fn ask(&mut self, turn: &mut Turn<'_>, envelope: &Envelope) {
        let number = self.asked.insert(turn, envelope);
        self.unsent.push_back((number, envelope.message.clone()));
        self.flush(turn);
    }

    fn flush(&mut self, turn: &mut Turn<'_>) {
        let Some(port) = self.port else { return };
        while let Some((number, message)) = self.unsent.front() {
            let body = match &mut self.hooks {
                None => message.encode_at(turn.now),
                Some(hooks) => hooks.from_router(message),
            };
            if turn.transport.send(port, Some(&number.to_be_bytes()), true, body) != Sent::Done {
                break;
            }
            turn.count(Counter::Sent, 1);
            self.unsent.pop_front();
        }
        turn.watch_writable(port, !self.unsent.is_empty());
    }

    /// The message in an answer; none if the peer has no result.
    fn read(&mut self, body: bytes::Bytes) -> Result<Option<Message>, BoxError> {
        match (&mut self.hooks, &body[..]) {
            (Some(hooks), _) => hooks.to_router(body).map(Some),
            (None, b"" | b"1") => Ok(None),
            (None, b"0") => Err("it answered `0`: it could not do it".into()),
            (None, _) => Ok(Some(Message::decode(body)?)),
        }
    }
}

impl fmt::Debug for ReqConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqConnection").field("address", &self.address).finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for ReqConnection {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Outbound for ReqConnection {
    const BINDS: bool = false;
    const REPLIES: bool = true;
}

impl Part for ReqConnection {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        self.port = Some(opening.connect(SocketKind::Dealer, &self.address)?);
        Ok(())
    }

    fn deliver(&mut self, turn: &mut Turn<'_>, mut envelope: Envelope) {
        let Some(hooks) = &mut self.hooks else { return self.ask(turn, &envelope) };
        let mut messages = Vec::new();
        let message = std::mem::replace(&mut envelope.message, Message::new("", Vec::new()));
        hooks.scatter(message, &mut Messages::new(&mut |message| messages.push(message)));
        for message in messages {
            self.ask(turn, &envelope.with(message));
        }
    }

    fn receive(&mut self, turn: &mut Turn<'_>, _port: Port, incoming: Incoming) {
        let number = incoming.via.first().and_then(|frame| Some(u64::from_be_bytes(frame[..].try_into().ok()?)));
        let Some(envelope) = number.and_then(|number| self.asked.take(number)) else {
            return turn.count(Counter::Stale, 1);
        };
        match self.read(incoming.body) {
            Ok(Some(message)) => turn.route(envelope.with(message)),
            Ok(None) => {}
            Err(error) => {
                turn.undecodable(&*error);
                let text = format!("the answer of {} is of no use: {error}", self.address);
                fail(turn, envelope, Code::MethodFailed, text);
            }
        }
    }

    fn malformed(&mut self, turn: &mut Turn<'_>, port: Port, incoming: Incoming) {
        // Of several frames: whoever asked is told that it is of no use.
        self.receive(turn, port, Incoming { body: bytes::Bytes::from_static(b"0"), ..incoming });
    }

    fn resume(&mut self, turn: &mut Turn<'_>) {
        let address = self.address.to_string();
        self.asked.expire(turn, &address);
        let asked = &self.asked;
        self.unsent.retain(|(number, _)| !asked.is_given_up(*number));
        self.flush(turn);
    }

    fn is_full(&self) -> bool {
        self.asked.is_full() || !self.unsent.is_empty()
    }

    fn is_idle(&self) -> bool {
        self.asked.is_empty()
    }
}

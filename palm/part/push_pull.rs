use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::asked::Asked;
use super::hooks::Hooks;
use super::{Address, FromAddress, Outbound};
use crate::engine::{Counter, Envelope, Opening, Part, Port, Turn};
use crate::error::Result;
use crate::service::Messages;
use crate::socket::{Incoming, Sent, SocketKind};
use crate::wire::{Delivery, Message};

/// How long a result is waited for by default.
const RESULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Messages that workers may have at a time, by default.
const MAX_MESSAGES: usize = 1000;

/// Binds a PUSH socket that hands messages to workers, and a PULL socket for their results, which it hands to the router: an
/// outbound part with feedback. Cache keys `worker_push_address` and `worker_pull_address`, where workers look for them.
///
/// A result belongs to its message by the extension field `delivery`, which workers bring back; those that do not are told
/// apart by the fields `client` and `cache`. The first result of a message is its feedback; further ones go the same way, but
/// nobody waits for them. What has no result within [`result_timeout`](Self::result_timeout) is answered with an error (code
/// [`Late`](crate::wire::Code::Late)), and a result that comes later is dropped and counted as stale.
///
/// It keeps no account of which worker has what: what one loses is not given to another. That is for
/// [`WorkerPushService`](super::WorkerPushService) and [`WorkerPullService`](super::WorkerPullService), which give no feedback.
///
/// ```
/// use palm::part::{CacheService, PushPullService, RepService};
///
/// #[derive(Default)]
/// struct MyWorker;
///
/// #[palm::worker]
/// impl MyWorker {
///     fn foo(&mut self, message: &[u8]) -> Vec<u8> {
///         [b"processed ", message].concat()
///     }
/// }
///
/// palm::topology! {
///     /// Answers its callers with what workers make of their requests.
///     struct Pool {
///         inbound  Rep:     RepService => Workers, blocking;
///         outbound Workers: PushPullService { pull_address: "tcp://127.0.0.1:*" };
///         bypass   Cache:   CacheService;
///     }
/// }
///
/// let pool = Pool::new("pool").start()?;
/// let _worker = palm::Worker::new("worker1", MyWorker).db_address(pool.address("db_address")?).start()?;
///
/// let request = zmq::Context::new().socket(zmq::REQ).expect("a socket");
/// request.connect(&pool.address("rep_address")?).expect("it connects");
/// request.send(palm::Message::new("pool.foo", "a message").encode(), 0).expect("it is sent");
/// let answer = request.recv_bytes(0).expect("an answer");
/// assert_eq!(&palm::Message::decode(answer.into()).expect("a message").payload()[..], b"processed a message");
/// # Ok::<(), palm::Error>(())
/// ```
pub struct PushPullService {
    push_address: Address,
    pull_address: Address,
    hooks: Option<Box<dyn Hooks>>,
    push: Option<Port>,
    asked: Asked,
    /// Random for each run: results of an earlier one are told apart.
    epoch: u64,
    /// Messages that no worker could take.
    unsent: VecDeque<(u64, Message)>,
}

impl PushPullService {
    /// The part that binds these two addresses.
    pub fn new(push_address: impl Into<Address>, pull_address: impl Into<Address>) -> Self {
        Self {
            push_address: push_address.into(),
            pull_address: pull_address.into(),
            hooks: None,
            push: None,
            asked: Asked::new(MAX_MESSAGES, RESULT_TIMEOUT),
            epoch: uuid::Uuid::new_v4().as_u64_pair().0,
            unsent: VecDeque::new(),
        }
    }

    /// Where results come in. Default: a port of the system's choice, on loopback.
    #[must_use]
    pub fn pull_address(mut self, address: impl Into<Address>) -> Self {
        self.pull_address = address.into();
        self
    }

    /// Replaces what the part does with each message, and with each result.
    #[must_use]
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Some(Box::new(hooks));
        self
    }

    /// How long a result is waited for, the wait for a worker included. Default: 60 s; the caller's own deadline holds if it
    /// is earlier.
    #[must_use]
    pub const fn result_timeout(mut self, timeout: Duration) -> Self {
        self.asked.timeout = timeout;
        self
    }

    /// Messages without a result that workers may have at a time. Default: 1,000.
    #[must_use]
    pub const fn max_messages(mut self, messages: usize) -> Self {
        self.asked.limit = messages;
        self
    }

    fn hand_out(&mut self, turn: &mut Turn<'_>, envelope: &Envelope) {
        let number = self.asked.insert(turn, envelope);
        let mut message = envelope.message.clone();
        message.set_delivery(&Delivery { epoch: self.epoch, sequence: number, attempt: 1, threads: 0 });
        self.unsent.push_back((number, message));
        self.flush(turn);
    }

    fn flush(&mut self, turn: &mut Turn<'_>) {
        let Some(port) = self.push else { return };
        while let Some((_, message)) = self.unsent.front() {
            let body = match &mut self.hooks {
                None => message.encode_at(turn.now),
                Some(hooks) => hooks.from_router(message),
            };
            if turn.transport.send(port, None, false, body) != Sent::Done {
                break;
            }
            turn.count(Counter::Sent, 1);
            self.unsent.pop_front();
        }
        turn.watch_writable(port, !self.unsent.is_empty());
    }

    /// A result on its way to the router, with whoever waits for it.
    fn result(&mut self, turn: &mut Turn<'_>, mut message: Message) {
        let asked = match message.take_delivery() {
            Some(mark) if mark.epoch != self.epoch || self.asked.is_given_up(mark.sequence) => {
                return turn.count(Counter::Stale, 1);
            }
            Some(mark) => self.asked.take(mark.sequence),
            None => self.asked.take_like(&message),
        };
        if message.is_empty_part() {
            return;
        }
        match asked {
            Some(envelope) => turn.route(envelope.with(message)),
            None => turn.route(message),
        }
    }
}

impl fmt::Debug for PushPullService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushPullService")
            .field("push_address", &self.push_address)
            .field("pull_address", &self.pull_address)
            .finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for PushPullService {
    /// The PUSH socket is at this address.
    fn at(address: Address) -> Self {
        Self::new(address, Address::any())
    }
}

#[diagnostic::do_not_recommend]
impl Outbound for PushPullService {
    const BINDS: bool = true;
    const REPLIES: bool = true;
    const KEY: Option<&'static str> = Some("worker_push_address");
}

impl Part for PushPullService {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        self.push = Some(opening.bind(SocketKind::Push, &self.push_address)?.port);
        opening.bind_as("worker_pull_address", SocketKind::Pull, &self.pull_address).map(drop)
    }

    fn deliver(&mut self, turn: &mut Turn<'_>, mut envelope: Envelope) {
        let Some(hooks) = &mut self.hooks else { return self.hand_out(turn, &envelope) };
        let mut messages = Vec::new();
        let message = std::mem::replace(&mut envelope.message, Message::new("", Vec::new()));
        hooks.scatter(message, &mut Messages::new(&mut |message| messages.push(message)));
        for message in messages {
            self.hand_out(turn, &envelope.with(message));
        }
    }

    fn receive(&mut self, turn: &mut Turn<'_>, _port: Port, incoming: Incoming) {
        let read = match &mut self.hooks {
            None => Message::decode(incoming.body).map_err(Into::into),
            Some(hooks) => hooks.to_router(incoming.body),
        };
        match read {
            Ok(message) => self.result(turn, message),
            Err(error) => turn.undecodable(&*error),
        }
    }

    fn resume(&mut self, turn: &mut Turn<'_>) {
        self.asked.expire(turn, "a worker");
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

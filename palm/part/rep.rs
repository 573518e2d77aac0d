//! Inbound parts that answer REQ peers.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::hooks::Hooks;
use super::{Address, FromAddress, Inbound};
use crate::engine::{Counter, Opening, Part, Port, Turn, report};
use crate::error::{BoxError, Result};
use crate::service::Messages;
use crate::socket::{Incoming, Peer, Sender, Sent, SocketKind};
use crate::wire::{Code, Message, Streams};

/// How long a request waits for the router's feedback by default.
const FEEDBACK_TIMEOUT: Duration = Duration::from_secs(60);

/// Requests that may wait for feedback at a time, by default.
const MAX_REQUESTS: usize = 1024;

/// What a part that does not block says of a request that it has taken in, and of one that is no message.
const TAKEN: &[u8] = b"1";
const REFUSED: &[u8] = b"0";

/// The requests of all callers, each with its own place: what REQ peers talk to is a ROUTER.
struct Requests {
    hooks: Option<Box<dyn Hooks>>,
    streams: Streams,
    port: Option<Port>,
    waiting: BTreeMap<u64, Request>,
    last: u64,
    limit: usize,
    timeout: Duration,
}

struct Request {
    sender: Sender,
    peer: Option<Peer>,
    /// What was asked, without its payload.
    message: Message,
    /// Messages made of it that may still bring feedback.
    left: usize,
    deadline: Instant,
}

impl Requests {
    fn new() -> Self {
        Self {
            hooks: None,
            streams: Streams::default(),
            port: None,
            waiting: BTreeMap::new(),
            last: 0,
            limit: MAX_REQUESTS,
            timeout: FEEDBACK_TIMEOUT,
        }
    }

    fn receive(&mut self, turn: &mut Turn<'_>, mut incoming: Incoming) {
        let sender = incoming.sender();
        self.hand_over(&sender, incoming.peer);
        let mut messages = match self.read(std::mem::take(&mut incoming.body)) {
            Ok(messages) => messages,
            Err(error) => {
                turn.undecodable(&*error);
                return self.reply(turn, &sender, REFUSED.to_vec());
            }
        };
        for message in &mut messages {
            message.identify();
        }
        if !turn.blocks() {
            for message in messages {
                if message.id().is_none() {
                    turn.core.calls.asked(message.client(), None);
                }
                turn.route(message);
            }
            return self.reply(turn, &sender, TAKEN.to_vec());
        }
        let Some(first) = messages.first() else { return self.reply(turn, &sender, Vec::new()) };
        let mut message = first.clone().with_payload(Vec::new());
        message.compact();
        // Its time runs from now on, in the part as in the router.
        message.arrived(turn.now());
        let deadline = turn.now() + self.timeout;
        let deadline = message.deadline().map_or(deadline, |earlier| earlier.min(deadline));
        turn.wake_in(deadline.saturating_duration_since(turn.now()));
        self.last += 1;
        let request = Request { sender, peer: incoming.peer, message, left: messages.len(), deadline };
        self.waiting.insert(self.last, request);
        for message in messages {
            turn.route_waiting(message, self.last);
        }
    }

    fn read(&mut self, frame: bytes::Bytes) -> Result<Vec<Message>, BoxError> {
        let Some(hooks) = &mut self.hooks else { return Ok(vec![self.streams.decode(frame)?]) };
        let message = hooks.to_router(frame)?;
        let mut messages = Vec::new();
        hooks.scatter(message, &mut Messages::new(&mut |message| messages.push(message)));
        Ok(messages)
    }

    /// A caller that comes back under its identity has given up what it asked on another connection: it would take that
    /// answer for the one to its new request.
    fn hand_over(&mut self, sender: &Sender, peer: Option<Peer>) {
        if peer.is_some() {
            self.waiting.retain(|_, request| request.peer == peer || request.sender.identity() != sender.identity());
        }
    }

    fn gone(&mut self, peer: Peer) {
        self.waiting.retain(|_, request| request.peer != Some(peer));
    }

    fn feedback(&mut self, turn: &mut Turn<'_>, token: u64, message: Option<&Message>) {
        match message {
            // The first result is the answer.
            Some(message) => {
                let Some(request) = self.waiting.remove(&token) else { return turn.count(Counter::Discarded, 1) };
                let body = match &mut self.hooks {
                    None => message.encode_at(turn.now),
                    Some(hooks) => {
                        hooks.handle_feedback(message);
                        hooks.reply_feedback(message)
                    }
                };
                self.reply(turn, &request.sender, body);
            }
            None => {
                let Some(request) = self.waiting.get_mut(&token) else { return };
                request.left -= 1;
                if request.left == 0 {
                    let sender = request.sender.clone();
                    self.waiting.remove(&token);
                    self.reply(turn, &sender, Vec::new());
                }
            }
        }
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now();
        let late: Vec<u64> =
            self.waiting.iter().filter(|(_, request)| request.deadline <= now).map(|(number, _)| *number).collect();
        for number in late {
            turn.count(Counter::GivenUp, 1);
            self.fail(turn, number, Code::Late, "there was no feedback in time");
        }
        if let Some(next) = self.waiting.values().map(|request| request.deadline).min() {
            turn.wake_in(next.saturating_duration_since(now));
        }
    }

    fn close(&mut self, turn: &mut Turn<'_>) {
        for number in self.waiting.keys().copied().collect::<Vec<_>>() {
            self.fail(turn, number, Code::ShuttingDown, "the component ended before there was feedback");
        }
    }

    /// Answers a request with an error.
    fn fail(&mut self, turn: &mut Turn<'_>, number: u64, code: Code, text: &str) {
        let Some(Request { sender, message, .. }) = self.waiting.remove(&number) else { return };
        let method = message.call().map(|(_, method)| method.to_owned()).unwrap_or_default();
        let error = report(&message, turn.component(), &method, code, text.to_owned());
        let body = match &mut self.hooks {
            None => error.encode_at(turn.now),
            Some(hooks) => hooks.reply_feedback(&error),
        };
        self.reply(turn, &sender, body);
    }

    fn reply(&self, turn: &mut Turn<'_>, sender: &Sender, body: Vec<u8>) {
        let Some(port) = self.port else { return };
        match turn.reply(port, sender, body) {
            Sent::Done => turn.count(Counter::Sent, 1),
            // A caller that is gone, or does not read its answers, has nobody to blame but itself.
            Sent::Full | Sent::Gone => turn.count(Counter::Discarded, 1),
        }
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

macro_rules! rep_part {
    ($(#[$docs:meta])* $name:ident, binds: $binds:literal, key: $key:expr, open: $open:ident) => {
        $(#[$docs])*
        #[derive(Debug)]
        pub struct $name {
            address: Address,
            requests: Requests,
        }

        impl $name {
            /// The part at that address.
            pub fn new(address: impl Into<Address>) -> Self {
                Self { address: address.into(), requests: Requests::new() }
            }

            /// Replaces what the part does with each request, and with its feedback.
            #[must_use]
            pub fn hooks(mut self, hooks: impl Hooks) -> Self {
                self.requests.hooks = Some(Box::new(hooks));
                self
            }

            /// How long a request waits for feedback before it is answered with an error (code
            /// [`Late`](crate::wire::Code::Late)). Default: 60 s; a caller's own deadline holds if it is earlier.
            #[must_use]
            pub const fn feedback_timeout(mut self, timeout: Duration) -> Self {
                self.requests.timeout = timeout;
                self
            }

            /// Requests that may wait for feedback at a time; others wait in their peers' sockets. Default: 1,024.
            #[must_use]
            pub const fn max_requests(mut self, requests: usize) -> Self {
                self.requests.limit = requests;
                self
            }
        }

        #[diagnostic::do_not_recommend]
        impl FromAddress for $name {
            fn at(address: Address) -> Self {
                Self::new(address)
            }
        }

        #[diagnostic::do_not_recommend]
        impl Inbound for $name {
            const BINDS: bool = $binds;
            const KEY: Option<&'static str> = $key;
        }

        impl Part for $name {
            fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
                let opened = opening.$open(SocketKind::Router, &self.address)?;
                self.requests.port = Some(Port::from(opened));
                Ok(())
            }

            fn receive(&mut self, turn: &mut Turn<'_>, _port: Port, incoming: Incoming) {
                self.requests.receive(turn, incoming);
            }

            fn malformed(&mut self, turn: &mut Turn<'_>, _port: Port, incoming: Incoming) {
                self.requests.reply(turn, &incoming.sender(), REFUSED.to_vec());
            }

            fn feedback(&mut self, turn: &mut Turn<'_>, token: u64, message: Option<Message>) {
                self.requests.feedback(turn, token, message.as_ref());
            }

            fn gone(&mut self, _turn: &mut Turn<'_>, _port: Port, peer: Peer) {
                self.requests.gone(peer);
            }

            fn resume(&mut self, turn: &mut Turn<'_>) {
                self.requests.expire(turn);
            }

            fn close(&mut self, turn: &mut Turn<'_>) {
                self.requests.close(turn);
            }

            fn is_full(&self) -> bool {
                self.requests.waiting.len() >= self.requests.limit
            }

            fn is_idle(&self) -> bool {
                self.requests.waiting.is_empty()
            }
        }
    };
}

rep_part! {
    /// Binds for REQ peers, routes what they ask, and answers each request once. Cache key `rep_address`.
    ///
    /// With `blocking` the answer is the router's feedback: the first result, as a PALM message; an empty frame if there is
    /// none; an error after [`feedback_timeout`](Self::feedback_timeout). Results after the first one are counted as
    /// discarded. Without `blocking` the answer is `1`, as soon as the request is taken in. What is no message is answered
    /// with `0`.
    ///
    /// Callers do not wait for each other: inside is a ROUTER socket, which DEALER peers and queues may talk to as well. One
    /// that comes back under its identity takes over: what it asked on an earlier connection is not answered any more.
    ///
    /// ```
    /// use palm::part::{Methods, RepService};
    ///
    /// palm::topology! {
    ///     struct Calculator {
    ///         inbound  Rep:     RepService => Methods, blocking;
    ///         outbound Methods: Methods;
    ///     }
    /// }
    ///
    /// #[derive(Default)]
    /// struct Sums;
    ///
    /// #[palm::server]
    /// impl Sums {
    ///     fn double(&mut self, text: &str) -> String {
    ///         [text, text].concat()
    ///     }
    /// }
    ///
    /// let handle = Calculator::new("sums").service(Sums).start()?;
    /// let address = handle.address("rep_address")?;
    ///
    /// let request = zmq::Context::new().socket(zmq::REQ).expect("a socket");
    /// request.connect(&address).expect("it connects");
    /// request.send(palm::Message::new("sums.double", "ab").encode(), 0).expect("it is sent");
    /// let answer = request.recv_bytes(0).expect("an answer");
    /// assert_eq!(&palm::Message::decode(answer.into()).expect("a message").payload()[..], b"abab");
    /// # Ok::<(), palm::Error>(())
    /// ```
    RepService, binds: true, key: Some("rep_address"), open: bind_watched
}

rep_part! {
    /// As [`RepService`], for a peer that binds: connects to a REQ or DEALER socket that is bound elsewhere, routes what it
    /// asks, and answers it.
    ///
    /// ```
    /// use palm::part::RepConnection;
    /// let part = RepConnection::new("tcp://127.0.0.1:5570");
    /// ```
    RepConnection, binds: false, key: None, open: connect_watched
}

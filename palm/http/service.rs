use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};

use super::door::{Door, Handler, Kind};
use super::limits::{Limits, limits};
use super::listen::{Listening, listen, site};
use super::server::Server;
use super::status::Body;
use super::waiting::{Answer, Lobby};
use crate::engine::{Counter, Opening, Turn};
use crate::error::{BoxError, Result};
use crate::part::{Address, FromAddress, Hooks, Inbound, Part};
use crate::service::Messages;
use crate::wire::Message;

/// Listens for HTTP requests whose bodies are PALM messages, and answers each with the router's feedback: a service, inbound.
/// Cache key `http_address`.
///
/// A request is a POST, to any path; its answer is 200 with the feedback as `application/octet-stream`. Without `blocking`
/// nothing is waited for, and the answer is `1`, as it is among the classic peers. Any number of callers is served at once:
/// none waits for another. A body that is no PALM message gets 400, one without a length 411, other methods than POST get 405.
/// Where too much waits already, and while the component ends, a caller gets 503 with `Retry-After`.
///
/// A message without an identifier, be it `id` or in its `cache` field, gets one there. Of several results the first is the answer; the others are
/// counted as `discarded`, as is the result for a caller that has hung up.
///
/// ```
/// use palm::http::{HttpConnection, HttpService};
/// use palm::part::Methods;
///
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
///     /// A server that is called over HTTP.
///     struct Loud {
///         inbound  Http:    HttpService = "http://127.0.0.1:*" => Methods, blocking;
///         outbound Methods: Methods;
///     }
/// }
/// let handle = Loud::new("loud").service(Shout).start()?;
/// assert!(handle.address("http_address")?.starts_with("http://127.0.0.1:"));
/// # Ok::<(), palm::Error>(())
/// ```
#[must_use = "a part does nothing until it is registered"]
pub struct HttpService {
    pub(super) site: Listening,
    pub(super) limits: Limits,
    kind: Kind,
    /// Nothing listens: requests come from another server.
    mounted: bool,
    lobby: Arc<Lobby>,
    server: Option<Server>,
    hooks: Option<Box<dyn Hooks>>,
    /// How many messages hooks have made of a request, where it was more than one and they are not all done with.
    scattered: HashMap<u64, usize>,
}

impl HttpService {
    /// The part at that address: `http://host:port`, or `https://` with a certificate.
    pub fn new(address: impl Into<Address>) -> Self {
        Self {
            site: Listening { address: address.into(), ..Listening::default() },
            limits: Limits::default(),
            kind: Kind::Service,
            mounted: false,
            lobby: Arc::default(),
            server: None,
            hooks: None,
            scattered: HashMap::new(),
        }
    }

    /// Replaces what the part does with each message: bodies are read by `to_router`, a body that it refuses gets 400, and the
    /// answer's body is what `reply_feedback` gives.
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Some(Box::new(hooks));
        self
    }

    /// The part of an HTTP worker.
    pub(super) fn worker(site: Listening, limits: Limits) -> Self {
        Self { site, limits, kind: Kind::Worker, ..Self::new(Address::any()) }
    }

    /// The same without a listener, and the way in.
    pub(super) fn mounted(limits: Limits) -> (Self, Door) {
        let part = Self { mounted: true, ..Self::worker(Listening::default(), limits) };
        let door = Door::new(part.lobby.clone(), part.limits.clone());
        (part, door)
    }
}

limits!(HttpService);
site!(HttpService);

#[diagnostic::do_not_recommend]
impl FromAddress for HttpService {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Inbound for HttpService {
    const BINDS: bool = true;
    const KEY: Option<&'static str> = Some("http_address");
}

impl Part for HttpService {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        let inlet = opening.inlet(self.limits.max_requests);
        let opened = self.lobby.open(inlet);
        opened.map_err(|problem| opening.place.refused(&self.site.address.to_string(), problem.into()))?;
        if !self.mounted {
            let door = Door::new(self.lobby.clone(), self.limits.clone()).raw(self.hooks.is_some());
            let handler = Calls { door: Arc::new(door), kind: self.kind };
            self.server = Some(listen(opening.place, &self.site, &self.limits, handler)?);
        }
        Ok(())
    }

    fn arrived(&mut self, turn: &mut Turn<'_>, number: u64, message: Option<Message>) {
        let Some(message) = message else {
            self.lobby.answer(number, Answer::ShuttingDown);
            return;
        };
        if !self.lobby.waits(number) {
            return turn.count(Counter::Discarded, 1);
        }
        let messages = match &mut self.hooks {
            None => vec![message],
            Some(hooks) => match read(&mut **hooks, &message) {
                Ok(messages) => messages,
                Err(error) => {
                    turn.undecodable(&*error);
                    self.lobby.answer(number, Answer::NotPalm);
                    return;
                }
            },
        };
        match messages.len() {
            0 => drop(self.lobby.answer(number, Answer::Nothing)),
            1 => {}
            several if turn.blocks() => drop(self.scattered.insert(number, several)),
            _ => {}
        }
        for message in messages {
            enter(turn, number, message);
        }
        if !turn.blocks() {
            self.lobby.answer(number, Answer::Taken);
        }
    }

    fn feedback(&mut self, turn: &mut Turn<'_>, number: u64, message: Option<Message>) {
        match (&mut self.hooks, message) {
            (Some(hooks), Some(message)) => {
                hooks.handle_feedback(&message);
                if !self.lobby.answer(number, Answer::Bytes(hooks.reply_feedback(&message))) {
                    turn.count(Counter::Discarded, 1);
                }
            }
            (None, Some(message)) => self.lobby.feedback(turn, number, Some(message)),
            (_, None) => {
                if let Some(left) = self.scattered.get_mut(&number) {
                    *left -= 1;
                    if *left > 0 {
                        return;
                    }
                    self.scattered.remove(&number);
                }
                self.lobby.feedback(turn, number, None);
            }
        }
    }

    fn close(&mut self, _turn: &mut Turn<'_>) {
        self.lobby.close();
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }
}

/// What hooks make of a body.
fn read(hooks: &mut dyn Hooks, wrapping: &Message) -> std::result::Result<Vec<Message>, BoxError> {
    let mut message = hooks.to_router(wrapping.payload().clone())?;
    if message.remaining().is_none() {
        message.set_remaining(wrapping.remaining());
    }
    let mut messages = Vec::new();
    hooks.scatter(message, &mut Messages::new(&mut |message| messages.push(message)));
    Ok(messages)
}

fn enter(turn: &mut Turn<'_>, number: u64, mut message: Message) {
    message.identify();
    if turn.blocks() {
        return turn.route_waiting(message, number);
    }
    if message.id().is_none() {
        turn.core.calls.asked(message.client(), None);
    }
    turn.route(message);
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService").field("site", &self.site).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Answers POSTs of PALM messages.
#[derive(Clone)]
struct Calls {
    door: Arc<Door>,
    kind: Kind,
}

impl Handler for Calls {
    async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        self.door.palm(self.kind, request).await
    }
}

//! The gateway: plain HTTP in, and the results of workers out. Its three parts share a [`Lobby`].

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::Instant;
use uuid::Uuid;

use super::door::{Door, Handler, has_body};
use super::limits::{Limits, MAX_REQUESTS, limits};
use super::listen::{Listening, listen, site};
use super::server::Server;
use super::status::{Body, Refusal, status, text};
use super::waiting::{Answer, Lobby};
use crate::engine::{Counter, Envelope, Exit, Opening, Turn};
use crate::error::Result;
use crate::part::{Address, Bypass, BypassOpening, BypassPart, FromAddress, Inbound, Outbound, Part, Stop};
use crate::wire::{Code, Message};

/// The name under which the three parts of a gateway find each other, unless they are given another.
const ROUTER: &str = "inproc://gateway_router";

/// The lobby's name that an address stands for.
fn lobby_name(address: &Address) -> String {
    if *address == Address::any() { ROUTER.to_owned() } else { address.to_string() }
}

/// Brings the requests of an [`HttpGateway`] to the router: a service, inbound.
///
/// Its address is only a name, by which the gateway's parts find each other within the component; without one it is
/// `inproc://gateway_router`. Nothing goes over a socket between them. A request is answered by what a [`GatewayDealer`] of that
/// name gets; or, with `blocking`, by the router's feedback, where a part that gives some does the work.
///
/// ```
/// use palm::http::GatewayRouter;
/// let part = GatewayRouter::new("inproc://gateway_router");
/// ```
#[derive(Debug)]
pub struct GatewayRouter {
    address: Address,
    lobby: Arc<Lobby>,
}

impl GatewayRouter {
    /// The part of that name.
    pub fn new(address: impl Into<Address>) -> Self {
        Self { address: address.into(), lobby: Arc::default() }
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for GatewayRouter {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Inbound for GatewayRouter {
    const BINDS: bool = true;
}

impl Part for GatewayRouter {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        let name = lobby_name(&self.address);
        self.lobby = opening.shared(&name);
        let inlet = opening.inlet(MAX_REQUESTS);
        self.lobby.open(inlet).map_err(|problem| opening.place.refused(&name, problem.into()))
    }

    fn arrived(&mut self, turn: &mut Turn<'_>, number: u64, message: Option<Message>) {
        match message {
            None => {
                self.lobby.answer(number, Answer::ShuttingDown);
            }
            Some(_) if !self.lobby.waits(number) => turn.count(Counter::Discarded, 1),
            Some(message) if turn.blocks() => turn.route_waiting(message, number),
            Some(message) => turn.route(message),
        }
    }

    fn feedback(&mut self, turn: &mut Turn<'_>, number: u64, message: Option<Message>) {
        self.lobby.feedback(turn, number, message);
    }

    fn close(&mut self, _turn: &mut Turn<'_>) {
        self.lobby.close();
    }
}

/// Gives results to the requests of an [`HttpGateway`] that wait for them: a connection, outbound.
///
/// Its address is the [`GatewayRouter`]'s. Whose result a message is, its `client` says. What nobody waits for any more is
/// counted as `discarded`. With a route, each result goes on to the next part too.
///
/// ```
/// use palm::http::GatewayDealer;
/// let part = GatewayDealer::new("inproc://gateway_router");
/// ```
#[derive(Debug)]
pub struct GatewayDealer {
    address: Address,
    lobby: Arc<Lobby>,
}

impl GatewayDealer {
    /// The part of the router with that address.
    pub fn new(address: impl Into<Address>) -> Self {
        Self { address: address.into(), lobby: Arc::default() }
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for GatewayDealer {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Outbound for GatewayDealer {
    const BINDS: bool = false;
    const REPLIES: bool = true;
}

impl Part for GatewayDealer {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        self.lobby = opening.shared(&lobby_name(&self.address));
        Ok(())
    }

    fn deliver(&mut self, turn: &mut Turn<'_>, envelope: Envelope) {
        let goes_on = envelope.origin.is_some() || matches!(turn.core.rows[turn.part.0].exit, Exit::Part(_));
        let number = Uuid::try_parse(envelope.message.client()).map(number_of);
        let result = envelope.message.clone();
        let given = number.is_ok_and(|number| self.lobby.answer(number, Answer::Message(result)));
        turn.count(if given { Counter::Sent } else { Counter::Discarded }, 1);
        if goes_on {
            turn.route(envelope);
        }
    }
}

/// The number by which the lobby knows the request of that identifier: the half of it that is all chance but two bits.
const fn number_of(id: Uuid) -> u64 {
    id.as_u64_pair().1
}

/// Serves HTTP for whoever wants a function called: a service, bypass. Cache key `http_address`.
///
/// `GET` or `POST` to `/function`, or to `/server.function`, calls that function of the workers; the body is the payload, and
/// without one that is `No Payload`. The answer is 200 with the result as `text/plain`. An error is answered with the
/// [status](super::status) of its code, and a short text; where too much waits already, or while the component ends, a caller
/// gets 503 with `Retry-After`.
///
/// It belongs to a [`GatewayRouter`] and a [`GatewayDealer`] of the same component. Its address is either theirs, as in the
/// documentation, with [`hostname`](Self::hostname) and [`port`](Self::port) for where it listens; or it is where it listens,
/// `http://host:port`, and theirs is `inproc://gateway_router`.
///
/// ```
/// use palm::http::{GatewayDealer, GatewayRouter, HttpGateway};
/// use palm::part::{CacheService, WorkerPullService, WorkerPushService};
///
/// palm::topology! {
///     /// A master for callers that speak HTTP.
///     struct Microservice {
///         inbound  GatewayRouter: GatewayRouter = "inproc://gateway_router" => WorkerPush;
///         inbound  WorkerPull:    WorkerPullService                         => GatewayDealer;
///         outbound WorkerPush:    WorkerPushService;
///         outbound GatewayDealer: GatewayDealer = "inproc://gateway_router";
///         bypass   HttpGateway:   HttpGateway { hostname: "localhost", port: 0 } = "inproc://gateway_router";
///         bypass   Cache:         CacheService;
///     }
/// }
/// let handle = Microservice::new("server").start()?;
/// assert!(handle.address("http_address")?.starts_with("http://localhost:"));
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a part does nothing until it is registered"]
pub struct HttpGateway {
    site: Listening,
    router: String,
    limits: Limits,
    server: Option<Server>,
}

impl HttpGateway {
    /// The part at that address.
    pub fn new(address: impl Into<Address>) -> Self {
        let (mut site, mut router) = (Listening::default(), ROUTER.to_owned());
        let address = address.into();
        if address.to_string().starts_with("inproc://") {
            router = address.to_string();
        } else {
            site.address = address;
        }
        Self { site, router, limits: Limits::default(), server: None }
    }
}

limits!(HttpGateway);
site!(HttpGateway);

#[diagnostic::do_not_recommend]
impl FromAddress for HttpGateway {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Bypass for HttpGateway {
    // Its own address, where it has one; that it is in use is known when it binds.
    const BINDS: bool = false;
    const KEY: Option<&'static str> = Some("http_address");
}

impl BypassPart for HttpGateway {
    fn open(&mut self, opening: &mut BypassOpening<'_>) -> Result<()> {
        if self.server.is_some() {
            return Ok(());
        }
        let lobby: Arc<Lobby> = opening.shared(&self.router);
        if lobby.inlet().is_none() {
            return Err(opening.refused(&self.router, "no GatewayRouter of this component has that address"));
        }
        let door = Arc::new(Door::new(lobby, self.limits.clone()));
        self.server = Some(listen(opening.place, &self.site, &self.limits, Functions { door })?);
        Ok(())
    }

    fn run(&mut self, stop: &Stop) {
        stop.wait_until_set();
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }
}

/// Answers requests whose path is a function.
#[derive(Clone)]
struct Functions {
    door: Arc<Door>,
}

impl Handler for Functions {
    async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let mut response = self.call(request).await.unwrap_or_else(Refusal::respond);
        // A result is what a worker says, and no page.
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

impl Functions {
    async fn call(&self, request: Request<Incoming>) -> std::result::Result<Response<Body>, Refusal> {
        let until = Instant::now() + self.door.limits().deadline;
        let (head, body) = request.into_parts();
        self.door.admit(&head.headers)?;
        if !matches!(head.method, Method::GET | Method::POST) {
            return Err(Refusal::Method("GET, POST"));
        }
        let function = function(head.uri.path()).ok_or(Refusal::NotFound)?;
        let payload = self.door.read(&head.headers, body, until).await?;
        let id = Uuid::new_v4();
        let bytes = if has_body(&head.headers) { payload.bytes.clone() } else { "No Payload".into() };
        let name = id.to_string();
        let mut message = Message::of_stream(&Uuid::new_v4().to_string(), &name, &function, bytes);
        message.set_cache(Uuid::new_v4().to_string());
        message.set_id(id.into_bytes());
        message.set_remaining(until.saturating_duration_since(Instant::now()));
        let answer = self.door.ask(number_of(id), message, until).await?;
        Ok(match answer {
            Answer::Message(message) => match message.error() {
                None => text(StatusCode::OK, message.payload().clone()),
                Some(error) => {
                    let code = Code::from(error.code);
                    text(status(code), format!("{code}: {}", error.text))
                }
            },
            Answer::Bytes(bytes) => text(StatusCode::OK, bytes),
            Answer::Nothing | Answer::Taken => text(StatusCode::OK, ""),
            Answer::NotPalm => return Err(Refusal::NotPalm),
            Answer::ShuttingDown => return Err(Refusal::ShuttingDown),
        })
    }
}

/// The function that a path stands for, its first segment; `None` for `/`.
fn function(path: &str) -> Option<String> {
    let name = path.strip_prefix('/')?.split('/').next().filter(|name| !name.is_empty())?;
    Some(if name.contains('.') { name.to_owned() } else { format!("_.{name}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_function() {
        assert_eq!(function("/function").as_deref(), Some("_.function"));
        assert_eq!(function("/server.function").as_deref(), Some("server.function"));
        assert_eq!(function("/function/more").as_deref(), Some("_.function"));
        assert_eq!((function("/"), function(""), function("*"), function("//a")), (None, None, None, None));
    }
}

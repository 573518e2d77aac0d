use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Uri;
use hyper::header::HeaderValue;

use super::caller::{Caller, Failure, Terms};
use super::connector::{Trust, connector};
use super::limits::{BODY_LIMIT, DEADLINE};
use super::threads::Threads;
use super::token::Token;
use crate::engine::{Counter, Envelope, Opening, Turn, report};
use crate::error::{BoxError, Result};
use crate::part::{Address, FromAddress, Inlet, Outbound, Part};
use crate::wire::{Code, Message};

/// Calls workers over HTTP: a connection, outbound, that gives feedback. Its address is their URL.
///
/// Each message is the body of a POST to that URL; the answer's body is a message again, and the part's feedback: it goes where
/// the part's route leads, or back to the blocking inbound part that waits for it. An [`HttpWorker`](super::HttpWorker)
/// answers such calls, and so does pylm's web worker; behind the URL may be one worker or many. Up to
/// [`max_workers`](Self::max_workers) calls are under way at a time; while they are, the part is full, and what leads to it is
/// not read. Connections are kept and used again.
///
/// A call that fails gives an error as its result. It is tried again only where the worker was not reached, for as long as
/// [`no_workers_timeout`](Self::no_workers_timeout) says, or where calls are [`idempotent`](Self::idempotent). Redirects are
/// not followed.
///
/// ```
/// use palm::http::{HttpConnection, HttpWorker};
/// use palm::part::{CacheService, PubService, PullService};
///
/// struct MyHandler;
///
/// #[palm::worker]
/// impl MyHandler {
///     fn foo(&mut self, message: &[u8]) -> Vec<u8> {
///         [message, b" processed online"].concat()
///     }
/// }
///
/// palm::topology! {
///     /// A master whose workers are on the web.
///     struct Master {
///         inbound  Pull:           PullService                       => HttpConnection;
///         outbound HttpConnection: HttpConnection { max_workers: 1 } => Pub;
///         outbound Pub:            PubService;
///         bypass   Cache:          CacheService;
///     }
/// }
///
/// let worker = HttpWorker::new("web_worker", MyHandler).start()?;
/// let master = Master::new("server").http_connection_address(worker.address("http_address")?).start()?;
/// let client = palm::Client::connect("server", master.address("db_address")?)?;
/// assert_eq!(client.eval("server.foo", "a message")?, "a message processed online");
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug)]
pub struct HttpConnection {
    address: Address,
    max_workers: usize,
    token: Option<Token>,
    trust: Trust,
    terms: Terms,
    content_type: Option<String>,
    open: Option<Open>,
    /// Calls under way, by number.
    calls: HashMap<u64, Envelope>,
    last: u64,
    /// What no call is free for.
    waiting: VecDeque<Envelope>,
}

#[derive(Debug)]
struct Open {
    caller: Arc<Caller>,
    inlet: Inlet,
    component: Arc<str>,
    span: tracing::Span,
    threads: Threads,
}

impl HttpConnection {
    /// The part that calls that URL.
    pub fn new(url: impl Into<Address>) -> Self {
        Self {
            address: url.into(),
            max_workers: 4,
            token: None,
            trust: Trust::default(),
            terms: Terms {
                work_timeout: DEADLINE,
                no_workers_timeout: Duration::from_secs(30),
                idempotent: false,
                attempts: 3,
                answer_limit: BODY_LIMIT,
                plain: None,
            },
            content_type: None,
            open: None,
            calls: HashMap::new(),
            last: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Calls under way at a time, each on a connection of its own. Default: 4; 0 is 1.
    #[must_use]
    pub fn max_workers(mut self, workers: usize) -> Self {
        self.max_workers = workers.max(1);
        self
    }

    /// How long one try may take, and the caller's own time if that is shorter. Default: 60 s.
    #[must_use]
    pub const fn work_timeout(mut self, timeout: Duration) -> Self {
        self.terms.work_timeout = timeout;
        self
    }

    /// How long to go on where the worker cannot be reached. Default: 30 s.
    #[must_use]
    pub const fn no_workers_timeout(mut self, timeout: Duration) -> Self {
        self.terms.no_workers_timeout = timeout;
        self
    }

    /// Declares that a call may be made twice: it is then tried again where its answer did not come, or said 502, 503 or 504.
    /// Default: false.
    #[must_use]
    pub const fn idempotent(mut self, idempotent: bool) -> Self {
        self.terms.idempotent = idempotent;
        self
    }

    /// How often an idempotent call is tried. Default: 3.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.terms.attempts = attempts;
        self
    }

    /// Largest answer in bytes; the call fails if it is larger. Default: [`BODY_LIMIT`], 64 MiB.
    #[must_use]
    pub const fn answer_limit(mut self, bytes: usize) -> Self {
        self.terms.answer_limit = bytes;
        self
    }

    /// Calls a back end that knows nothing of PALM: bodies are payloads alone, of this content type, and an answer of status 200
    /// to 299 is the result. Default: bodies are PALM messages.
    ///
    /// ```
    /// use palm::http::HttpConnection;
    /// let part = HttpConnection::new("http://localhost:9000/api/quote").content_type("application/json");
    /// ```
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Brings this token along, as `Authorization: Bearer …`. Default: none.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Token::new(token));
        self
    }

    /// The PEM file with the authorities whose certificates are trusted for `https://`. Default: the system's.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_file(mut self, file: impl Into<std::path::PathBuf>) -> Self {
        self.trust.ca_file = Some(file.into());
        self
    }

    /// The certificate that is shown to a worker that asks for one. Default: none.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn certificate(mut self, certificate: super::Certificate) -> Self {
        self.trust.certificate = Some(certificate);
        self
    }

    fn prepare(&self, url: &str) -> std::result::Result<Caller, BoxError> {
        let uri: Uri = url.parse().map_err(|error| format!("it is no URL: {error}; write `http://host:port/path`"))?;
        let token = match &self.token {
            Some(token) => {
                token.check()?;
                let mut value = HeaderValue::try_from(token.header())?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        let plain = self.content_type.as_deref().map(HeaderValue::from_str).transpose()?;
        let terms = Terms { plain, ..self.terms.clone() };
        Ok(Caller::new(connector(&uri, &self.trust)?, uri, token, self.max_workers, terms))
    }

    /// Begins as many calls as may be under way.
    fn begin(&mut self, turn: &mut Turn<'_>) {
        let Some(open) = &self.open else { return };
        while self.calls.len() < self.max_workers {
            let Some(envelope) = self.waiting.pop_front() else { return };
            let message = &envelope.message;
            if message.is_late(turn.now) {
                turn.count(Counter::Late, 1);
                let text = "the caller's time was used up before the call".to_owned();
                let message = failed(message, turn.component(), Code::Late, text);
                turn.route(envelope.with(message));
                continue;
            }
            self.last += 1;
            turn.count(Counter::Sent, 1);
            open.call(self.last, message.clone(), open.caller.body(message, turn.now));
            self.calls.insert(self.last, envelope);
        }
    }
}

impl Open {
    fn call(&self, number: u64, message: Message, body: Bytes) {
        let (caller, inlet, component) = (self.caller.clone(), self.inlet.clone(), self.component.clone());
        self.threads.spawn(self.span.clone(), async move {
            let (result, again) = caller.call(&message, body).await;
            inlet.stats().add(Counter::Redelivered, again.into());
            let result = result.unwrap_or_else(|Failure { code, text }| {
                inlet.stats().add(Counter::Errors, 1);
                failed(&message, &component, code, text)
            });
            // There is room for every call; where the component has ended, nobody waits for it.
            let _ = inlet.offer(number, Some(result));
        });
    }
}

/// The result of a call that has none.
fn failed(message: &Message, component: &str, code: Code, text: String) -> Message {
    let method = message.call().map(|(_, method)| method.to_owned()).unwrap_or_default();
    report(message, component, &method, code, text)
}

#[diagnostic::do_not_recommend]
impl FromAddress for HttpConnection {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Outbound for HttpConnection {
    const BINDS: bool = false;
    const REPLIES: bool = true;
}

impl Part for HttpConnection {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        let url = opening.place.to_connect(&self.address)?;
        let refused = |place: &dyn crate::engine::Place, problem| place.refused(&url, problem);
        let caller = self.prepare(&url).map_err(|problem| refused(opening.place, problem))?;
        let threads = Threads::new().map_err(|problem| refused(opening.place, problem))?;
        self.open = Some(Open {
            caller: Arc::new(caller),
            // Those that were given up at the end may still come in.
            inlet: opening.inlet(self.max_workers.saturating_mul(2)),
            component: opening.component().into(),
            span: tracing::Span::current(),
            threads,
        });
        Ok(())
    }

    fn deliver(&mut self, turn: &mut Turn<'_>, envelope: Envelope) {
        if envelope.message.error().is_some() {
            // What failed on an earlier step passes on.
            return turn.route(envelope);
        }
        self.waiting.push_back(envelope);
        self.begin(turn);
    }

    fn arrived(&mut self, turn: &mut Turn<'_>, number: u64, message: Option<Message>) {
        match (self.calls.remove(&number), message.filter(|message| !message.is_empty_part())) {
            (Some(envelope), Some(message)) => turn.route(envelope.with(message)),
            (Some(envelope), None) => {
                turn.core.calls.settled(envelope.message.client());
                turn.core.settle_branch(envelope.debt, &envelope.message, turn.now);
            }
            (None, _) => turn.count(Counter::Stale, 1),
        }
        self.begin(turn);
    }

    fn settles(&self) -> bool {
        true
    }

    fn is_full(&self) -> bool {
        self.calls.len() + self.waiting.len() >= self.max_workers
    }

    fn outstanding(&self) -> usize {
        self.calls.len() + self.waiting.len()
    }

    fn abandon(&mut self, turn: &mut Turn<'_>) {
        let left: Vec<_> = self.calls.drain().map(|(_, envelope)| envelope).chain(self.waiting.drain(..)).collect();
        for envelope in left {
            turn.count(Counter::GivenUp, 1);
            let text = "the component ended before there was an answer".to_owned();
            let message = failed(&envelope.message, turn.component(), Code::ShuttingDown, text);
            turn.route(envelope.with(message));
        }
    }

    fn is_idle(&self) -> bool {
        self.outstanding() == 0
    }
}

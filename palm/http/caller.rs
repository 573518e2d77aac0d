//! One call over HTTP: its tries, and what its answer means.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, sleep, timeout_at};

use super::connector::Connector;
use super::door::ERRORS;
use super::status::code;
use crate::wire::{Code, Message};

/// How long an idle connection is kept: shorter than servers keep theirs.
const IDLE: Duration = Duration::from_secs(5);
/// How long to wait before the next try, at first and at most.
const BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(1);
/// Bytes of an answer in plain text that are told on.
const TEXT_LIMIT: usize = 200;

/// What a connection can be told about its calls.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) work_timeout: Duration,
    pub(super) no_workers_timeout: Duration,
    pub(super) idempotent: bool,
    pub(super) attempts: u32,
    pub(super) answer_limit: usize,
    /// Bodies are payloads alone, of this type.
    pub(super) plain: Option<HeaderValue>,
}

/// Calls a worker at a URL.
#[derive(Debug)]
pub(super) struct Caller {
    client: Client<Connector, Full<Bytes>>,
    uri: Uri,
    headers: HeaderMap,
    terms: Terms,
}

/// Why a call has no result.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) text: String,
}

/// Why a try has no result.
enum Missed {
    /// There was no connection: nothing has been done.
    NotConnected(String),
    /// It is not known whether something has been done.
    Broken(Failure),
    /// There is an answer.
    Failed(Failure),
}

impl Caller {
    pub(super) fn new(
        connector: Connector,
        uri: Uri,
        token: Option<HeaderValue>,
        connections: usize,
        terms: Terms,
    ) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(connections)
            .pool_timer(TokioTimer::new())
            .build(connector);
        let mut headers = HeaderMap::new();
        match &terms.plain {
            Some(kind) => headers.insert(CONTENT_TYPE, kind.clone()),
            None => headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        };
        if terms.plain.is_none() {
            headers.insert(ERRORS, HeaderValue::from_static("1"));
        }
        headers.extend(token.map(|token| (AUTHORIZATION, token)));
        Self { client, uri, headers, terms }
    }

    /// The body that calls with a message.
    pub(super) fn body(&self, message: &Message, now: std::time::Instant) -> Bytes {
        if self.terms.plain.is_some() { message.payload().clone() } else { message.encode_at(now).into() }
    }

    /// Calls, and calls again where that does no harm. `deadline`: when the caller's time is over. Says how many more tries it
    /// took, too.
    pub(super) async fn call(&self, message: &Message, body: Bytes) -> (Result<Message, Failure>, u32) {
        let deadline = message.deadline().map(Instant::from_std);
        let patience = Instant::now() + self.terms.no_workers_timeout;
        let (mut attempt, mut again, mut backoff) = (1, 0, BACKOFF);
        loop {
            let until = Instant::now() + self.terms.work_timeout;
            let missed =
                match self.attempt(message, body.clone(), deadline.map_or(until, |deadline| deadline.min(until))).await
                {
                    Ok(message) => return (Ok(message), again),
                    Err(missed) => missed,
                };
            let pause = backoff.mul_f64(0.5 + jitter() / 2.0);
            let late = |by: Instant| Instant::now() + pause >= deadline.map_or(by, |deadline| deadline.min(by));
            let failure = match missed {
                Missed::NotConnected(text) if late(patience) => Failure { code: Code::NoWorkers, text },
                Missed::Broken(failure) if !self.terms.idempotent || attempt >= self.terms.attempts => failure,
                Missed::Broken(failure) if deadline.is_some_and(late) => failure,
                Missed::Failed(failure) => failure,
                Missed::NotConnected(_) => {
                    sleep(pause).await;
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                    continue;
                }
                Missed::Broken(_) => {
                    (attempt, again) = (attempt + 1, again + 1);
                    sleep(pause).await;
                    continue;
                }
            };
            return (Err(failure), again);
        }
    }

    async fn attempt(&self, message: &Message, body: Bytes, until: Instant) -> Result<Message, Missed> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().clone_from(&self.headers);
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| missed(&self.uri, &error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, self.terms.answer_limit).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    let text = format!("the answer has more than {} bytes", self.terms.answer_limit);
                    return Missed::Failed(Failure { code: Code::TooLarge, text });
                }
                broken(format!("{} broke off its answer: {error}", self.uri))
            })?;
            self.read(message, head.status, body.to_bytes())
        };
        timeout_at(until, exchange).await.unwrap_or_else(|_| {
            let text = format!("{} did not answer in time", self.uri);
            Err(Missed::Broken(Failure { code: Code::Late, text }))
        })
    }

    /// What an answer means.
    fn read(&self, asked: &Message, status: StatusCode, body: Bytes) -> Result<Message, Missed> {
        let failed = |code, text| Err(Missed::Failed(Failure { code, text }));
        if self.terms.plain.is_some() && status.is_success() {
            return Ok(asked.clone().with_payload(body));
        }
        let message = Message::decode(body.clone());
        if status == StatusCode::OK {
            return message
                .or_else(|error| failed(Code::MethodFailed, format!("the answer is no PALM message: {error}")));
        }
        if let Ok(message) = message
            && self.terms.plain.is_none()
            && message.error().is_some()
        {
            return Ok(message);
        }
        let mut text = format!("{} answered {status}", self.uri);
        let said = String::from_utf8_lossy(&body[..body.len().min(TEXT_LIMIT)]);
        if !said.trim().is_empty() && !said.contains(char::is_control) {
            let _ = write!(text, ": {}", said.trim());
        }
        // Nobody there, and nothing lost: but who says so might have begun.
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) {
            return Err(Missed::Broken(Failure { code: code(status), text }));
        }
        failed(code(status), text)
    }
}

fn missed(uri: &Uri, error: &ClientError) -> Missed {
    let mut text = format!("{uri} cannot be called: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    if error.is_connect() { Missed::NotConnected(text) } else { broken(text) }
}

const fn broken(text: String) -> Missed {
    Missed::Broken(Failure { code: Code::MethodFailed, text })
}

/// From 0 to 1, by chance.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0
}

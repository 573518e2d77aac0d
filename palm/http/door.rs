//! The way of a request into the component, and of its answer out.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{HeaderMap, Method, Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::limits::{BODIES_LIMIT, Limits};
use super::status::{Body, Refusal, respond, status};
use super::waiting::{Answer, Lobby};
use crate::stats::Counter;
use crate::wire::{Code, Message};

/// How long a body may pause.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// What one permit of the budget for bodies stands for.
const PERMIT: usize = 1 << 10;

/// By this header a caller says that it reads the body of an error too: a PALM message that says why. The classic ones get
/// an empty body with an error.
pub(super) const ERRORS: &str = "palm-errors";
const BINARY: &str = "application/octet-stream";

/// Whose answers are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The router's feedback, as it is.
    Service,
    /// A method's result, or an error by its status.
    Worker,
}

/// What requests pass on their way in.
#[derive(Debug)]
pub(super) struct Door {
    /// Bodies are read by hooks: they come in as the payload of a message that is only a wrapping.
    raw: bool,
    lobby: Arc<Lobby>,
    limits: Limits,
    bodies: Arc<Semaphore>,
}

/// A body, and its share of the budget for as long as the request takes.
pub(super) struct Payload {
    pub(super) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl Door {
    pub(super) fn new(lobby: Arc<Lobby>, limits: Limits) -> Self {
        let bodies = permits(BODIES_LIMIT.max(limits.body_limit)).min(Semaphore::MAX_PERMITS);
        Self { raw: false, lobby, limits, bodies: Arc::new(Semaphore::new(bodies)) }
    }

    pub(super) const fn raw(mut self, raw: bool) -> Self {
        self.raw = raw;
        self
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn count(&self, counter: Counter) {
        if let Some(inlet) = self.lobby.inlet() {
            inlet.stats().add(counter, 1);
        }
    }

    /// Lets in who has the token, or needs none.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match &self.limits.token {
            Some(token) if !token.opens(headers) => Err(Refusal::NoToken),
            _ => Ok(()),
        }
    }

    /// Reads a body within its limits.
    pub(super) async fn read<B>(&self, headers: &HeaderMap, body: B, until: Instant) -> Result<Payload, Refusal>
    where
        B: hyper::body::Body,
    {
        let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > self.limits.body_limit) {
            return Err(Refusal::TooLarge);
        }
        let mut body = std::pin::pin!(body);
        let (mut bytes, mut share) = (BytesMut::new(), None);
        let next = async {
            while let Some(frame) =
                timeout(BODY_PATIENCE, body.as_mut().frame()).await.map_err(|_| Refusal::SlowBody)?
            {
                let Ok(data) = frame.map_err(|_| Refusal::Body)?.into_data() else { continue };
                let length = bytes.len() + data.remaining();
                if length > self.limits.body_limit {
                    return Err(Refusal::TooLarge);
                }
                self.grow(&mut share, length)?;
                bytes.put(data);
            }
            Ok(())
        };
        timeout_at(until, next).await.map_err(|_| Refusal::SlowBody)??;
        Ok(Payload { bytes: bytes.freeze(), _share: share })
    }

    /// Makes the share of a body large enough for its length.
    fn grow(&self, share: &mut Option<OwnedSemaphorePermit>, length: usize) -> Result<(), Refusal> {
        let held = share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = u32::try_from(permits(length).saturating_sub(held)).map_err(|_| Refusal::TooLarge)?;
        if missing == 0 {
            return Ok(());
        }
        let more = self.bodies.clone().try_acquire_many_owned(missing).map_err(|_| {
            self.count(Counter::Refused);
            Refusal::Busy
        })?;
        match share {
            Some(share) => share.merge(more),
            None => *share = Some(more),
        }
        Ok(())
    }

    /// Hands a message to the component and waits for what becomes of it.
    pub(super) async fn ask(&self, number: u64, message: Message, until: Instant) -> Result<Answer, Refusal> {
        let mut ticket = self.lobby.enter(number, message, self.limits.max_requests)?;
        match timeout_at(until, ticket.answer()).await {
            Ok(Answer::ShuttingDown) => Err(Refusal::ShuttingDown),
            Ok(answer) => Ok(answer),
            Err(_) => {
                self.count(Counter::Late);
                Err(Refusal::Late)
            }
        }
    }

    /// Answers a POST whose body is a PALM message.
    pub(super) async fn palm<B>(&self, kind: Kind, request: Request<B>) -> Response<Body>
    where
        B: hyper::body::Body,
    {
        self.exchange(kind, request).await.unwrap_or_else(Refusal::respond)
    }

    async fn exchange<B>(&self, kind: Kind, request: Request<B>) -> Result<Response<Body>, Refusal>
    where
        B: hyper::body::Body,
    {
        let until = Instant::now() + self.limits.deadline;
        let (head, body) = request.into_parts();
        self.admit(&head.headers)?;
        if head.method != Method::POST {
            return Err(Refusal::Method("POST"));
        }
        if !has_body(&head.headers) {
            return Err(Refusal::NoLength);
        }
        let payload = self.read(&head.headers, body, until).await?;
        let mut message = if self.raw {
            Message::new("", payload.bytes.clone())
        } else {
            Message::decode(payload.bytes.clone()).map_err(|error| {
                tracing::debug!(%error, "a request's body is no PALM message");
                self.count(Counter::Undecodable);
                Refusal::NotPalm
            })?
        };
        let left = until.saturating_duration_since(Instant::now());
        let left = message.remaining().map_or(left, |remaining| remaining.min(left));
        message.set_remaining(left);
        let nothing = message.clone();
        let answer = self.ask(self.lobby.number(), message, Instant::now() + left).await?;
        let reads_errors = head.headers.contains_key(ERRORS);
        Ok(match answer {
            Answer::Message(message) => speak(kind, &message, reads_errors),
            Answer::Bytes(bytes) => respond(hyper::StatusCode::OK, BINARY, bytes.into()),
            Answer::NotPalm => return Err(Refusal::NotPalm),
            Answer::Nothing if self.raw => respond(hyper::StatusCode::OK, BINARY, Bytes::new()),
            Answer::Nothing => speak(kind, &nothing.empty_part(), reads_errors),
            // What the classic ones say.
            Answer::Taken => respond(hyper::StatusCode::OK, BINARY, Bytes::from_static(b"1")),
            Answer::ShuttingDown => return Err(Refusal::ShuttingDown),
        })
    }
}

/// The answer that a message makes.
fn speak(kind: Kind, message: &Message, reads_errors: bool) -> Response<Body> {
    let error = message.error().filter(|_| kind == Kind::Worker);
    let Some(error) = error else {
        return respond(hyper::StatusCode::OK, BINARY, message.encode().into());
    };
    let status = match Code::from(error.code) {
        Code::MethodFailed | Code::MethodPanicked => hyper::StatusCode::INTERNAL_SERVER_ERROR,
        code => status(code),
    };
    respond(status, BINARY, if reads_errors { message.encode().into() } else { Bytes::new() })
}

/// Whether the request says that it has a body.
pub(super) fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING)
}

const fn permits(bytes: usize) -> usize {
    bytes.div_ceil(PERMIT)
}

/// What answers the requests of a server.
pub(super) trait Handler: Clone + Send + Sync + 'static {
    fn handle(&self, request: Request<hyper::body::Incoming>) -> impl Future<Output = Response<Body>> + Send;
}

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use crate::part::NotTaken;
use crate::wire::Code;

/// What the HTTP parts answer with.
pub type Body = Full<Bytes>;

/// The status by which HTTP says what a PALM component says with an error code.
///
/// ```
/// use palm::wire::Code;
/// assert_eq!(palm::http::status(Code::UnknownMethod), 404);
/// assert_eq!(palm::http::status(Code::PayloadRefused), 400);
/// assert_eq!(palm::http::status(Code::NoWorkers), 503);
/// assert_eq!(palm::http::status(Code::MethodFailed), 502);
/// ```
#[must_use]
pub const fn status(code: Code) -> StatusCode {
    match code {
        Code::UnknownMethod | Code::WrongServer | Code::NoSuchStage => StatusCode::NOT_FOUND,
        Code::PayloadRefused => StatusCode::BAD_REQUEST,
        Code::NoWorkers | Code::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        Code::Late => StatusCode::GATEWAY_TIMEOUT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// The code that comes nearest to a status of somebody who speaks HTTP alone.
pub(super) const fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::NOT_FOUND => Code::UnknownMethod,
        StatusCode::BAD_REQUEST => Code::PayloadRefused,
        StatusCode::SERVICE_UNAVAILABLE => Code::NoWorkers,
        StatusCode::GATEWAY_TIMEOUT => Code::Late,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        _ => Code::MethodFailed,
    }
}

/// Seconds after which a request that was turned away is worth another try.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Why a request is answered without having been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NotFound,
    NoToken,
    Method(&'static str),
    NoLength,
    TooLarge,
    /// The body did not come, or not to its end.
    Body,
    SlowBody,
    NotPalm,
    Busy,
    ShuttingDown,
    Late,
}

impl Refusal {
    const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoLength => StatusCode::LENGTH_REQUIRED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body | Self::NotPalm => StatusCode::BAD_REQUEST,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::NotFound => "there is nothing here; the path names a function",
            Self::NoToken => "the bearer token is missing or wrong",
            Self::Method(_) => "the method is not allowed",
            Self::NoLength => "the body has no length",
            Self::TooLarge => "the body is too large",
            Self::Body => "the body ended before its end",
            Self::SlowBody => "the body did not come in time",
            Self::NotPalm => "the body is no PALM message",
            Self::Busy => "too much is waiting",
            Self::ShuttingDown => "the component is shutting down",
            Self::Late => "there was no answer in time",
        }
    }

    pub(super) fn respond(self) -> Response<Body> {
        let mut response = text(self.status(), self.text());
        let extra: Option<(HeaderName, HeaderValue)> = match self {
            Self::Busy | Self::ShuttingDown => Some((RETRY_AFTER, RETRY_SECONDS)),
            Self::Method(allowed) => Some((ALLOW, HeaderValue::from_static(allowed))),
            Self::NoToken => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            _ => None,
        };
        response.headers_mut().extend(extra);
        response
    }
}

impl From<NotTaken> for Refusal {
    fn from(why: NotTaken) -> Self {
        match why {
            NotTaken::Full => Self::Busy,
            NotTaken::Closed => Self::ShuttingDown,
        }
    }
}

/// An answer for people.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = respond(status, "text/plain", text.into());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
    }
    response
}

/// An answer with a body.
pub(super) fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_leads_back_to_one_that_says_the_same() {
        for code in (1..=12).map(Code::from) {
            let there = status(code);
            assert_eq!(status(super::code(there)), there, "{code}");
        }
    }
}

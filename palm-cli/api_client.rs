//! A blocking client of the registry: one request at a time.

use std::fmt::Write as _;
use std::time::Duration;

use palm_registry::api::{self, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{Method, Request, StatusCode};

use crate::failure::Failure;
use crate::trust::Trust;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a request may take with its answer.
const ANSWER: Duration = Duration::from_secs(60);

/// Bytes of an answer that are read.
const LARGEST: u64 = 256 << 20;

/// The way to one registry.
#[derive(Clone, Debug)]
pub(crate) struct ApiClient {
    agent: ureq::Agent,
    url: String,
    /// An API key, or a runner's token.
    credential: Option<String>,
    trust: Trust,
}

/// Why a request has no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// Nobody answers there.
    #[error("the registry at {url} cannot be reached: {source}")]
    Unreachable {
        /// Address of the registry.
        url: String,
        /// What the system said.
        source: Box<ureq::Error>,
    },
    /// Who answers there may be anybody.
    #[error("the registry at {url} is not trusted: {reason}")]
    Untrusted {
        /// Address of the registry.
        url: String,
        /// What is wrong with its certificate.
        reason: String,
    },
    /// The registry does not do it.
    #[error("{}{}", .problem.text, line(.problem))]
    Refused {
        /// Status of the answer.
        status: StatusCode,
        /// What it says.
        problem: Problem,
    },
    /// What answers is no registry of this version.
    #[error("the answer of the registry at {url} cannot be read: {reason}; is it a PALM registry?")]
    Garbled {
        /// Address of the registry.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn line(problem: &Problem) -> String {
    problem.line.map(|line| format!(" (line {line})")).unwrap_or_default()
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let text = error.to_string();
        match error {
            ApiError::Unreachable { .. } => Self::nobody_there(text),
            ApiError::Refused { status: StatusCode::NOT_FOUND, .. } => Self::nobody_there(text),
            ApiError::Refused { status: StatusCode::UNAUTHORIZED, .. } => {
                Self::failed(format!("{text}; give an API key: --api-key, or PALM_API_KEY"))
            }
            ApiError::Untrusted { .. } | ApiError::Refused { .. } | ApiError::Garbled { .. } => Self::failed(text),
        }
    }
}

/// Pairs of a query.
pub(crate) type Query<'a> = &'a [(&'a str, &'a str)];

impl ApiClient {
    /// The registry at `url`, as `http://127.0.0.1:8080`. Nothing is sent yet.
    pub(crate) fn new(url: &str, credential: Option<&str>, trust: Trust) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(ANSWER))
            .http_status_as_error(false)
            // A key is for the registry alone, and not for whom it points at.
            .max_redirects(0)
            .proxy(None)
            .tls_config(trust.config(url))
            .user_agent(concat!("palm/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.new_agent(),
            url: url.trim_end_matches('/').to_owned(),
            credential: credential.map(str::to_owned),
            trust,
        }
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str, query: Query<'_>) -> Result<T, ApiError> {
        let answer = self.send(Method::GET, path, query, "application/json", &[])?;
        self.read(&answer)
    }

    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ApiError> {
        let body = serde_json::to_vec(body).map_err(|error| self.garbled(&error))?;
        let answer = self.send(Method::POST, path, &[], "application/json", &body)?;
        self.read(&answer)
    }

    /// Posts bytes; what is answered does not matter.
    pub(crate) fn post_bytes(&self, path: &str, query: Query<'_>, body: &[u8]) -> Result<(), ApiError> {
        self.send(Method::POST, path, query, "application/octet-stream", body).map(drop)
    }

    pub(crate) fn delete(&self, path: &str) -> Result<(), ApiError> {
        self.send(Method::DELETE, path, &[], "application/json", &[]).map(drop)
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        query: Query<'_>,
        content_type: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, ApiError> {
        let mut uri = format!("{}{path}", self.url);
        for (number, (key, value)) in query.iter().enumerate() {
            // A `String` takes all that is written to it.
            let _ = write!(uri, "{}{key}={}", if number == 0 { '?' } else { '&' }, segment(value));
        }
        let mut request = Request::builder().method(method).uri(uri).header("Content-Type", content_type);
        if let Some(credential) = &self.credential {
            request = request.header("Authorization", format!("Bearer {credential}"));
        }
        let request = request.body(body).map_err(|error| self.unreachable(ureq::Error::Http(error)))?;
        let mut answer = self.agent.run(request).map_err(|error| self.unreachable(error))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(LARGEST).read_to_vec();
        let body = body.map_err(|error| self.unreachable(error))?;
        if status.is_success() {
            return Ok(body);
        }
        let problem = match serde_json::from_slice::<api::Failure>(&body) {
            Ok(failure) => failure.error,
            Err(_) => Problem { code: String::new(), text: format!("the registry answers {status}"), line: None },
        };
        Err(ApiError::Refused { status, problem })
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ApiError> {
        serde_json::from_slice(body).map_err(|error| self.garbled(&error))
    }

    fn unreachable(&self, error: ureq::Error) -> ApiError {
        let url = self.url.clone();
        match self.trust.refusal(&error) {
            Some(reason) => ApiError::Untrusted { url, reason },
            None => ApiError::Unreachable { url, source: Box::new(error) },
        }
    }

    fn garbled(&self, reason: &dyn std::fmt::Display) -> ApiError {
        ApiError::Garbled { url: self.url.clone(), reason: reason.to_string() }
    }
}

/// Text as a segment of a path, or as a value in a query.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => {
                // As above.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_key_leaves_its_segment() {
        assert_eq!(segment("a-Key_1.~"), "a-Key_1.~");
        assert_eq!(segment("../a b?c=é"), "..%2Fa%20b%3Fc%3D%C3%A9");
    }
}

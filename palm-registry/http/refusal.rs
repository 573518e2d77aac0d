//! Answers that are not a success.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::{Failure, Problem};
use crate::store::StoreError;

/// Why a request is not answered as it was meant: a status, a word for programs, and a text for people.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    code: &'static str,
    pub(crate) text: String,
    line: Option<usize>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, code, text: text.into(), line: None }
    }

    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", text)
    }

    pub(crate) fn unauthorized(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", text)
    }

    pub(crate) fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", text)
    }

    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", text)
    }

    pub(crate) fn method() -> Self {
        let text = "this address takes other methods; see /api/v1/openapi.json";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", text)
    }

    pub(crate) fn too_large(text: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text)
    }

    /// Not the caller's fault: the cause is logged, and not told.
    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the registry failed; its log says why")
    }

    fn at(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::NoCluster => Self::new(StatusCode::NOT_FOUND, "no_cluster", text),
            StoreError::NoNode => Self::new(StatusCode::NOT_FOUND, "no_node", text),
            StoreError::KeyTaken => Self::new(StatusCode::CONFLICT, "key_taken", text),
            StoreError::NameTaken => Self::new(StatusCode::CONFLICT, "name_taken", text),
            StoreError::Full { .. } => Self::new(StatusCode::CONFLICT, "full", text),
            StoreError::Place(_) => Self::new(StatusCode::CONFLICT, "no_port", text),
            StoreError::Node(_) => Self::new(StatusCode::BAD_REQUEST, "bad_node", text),
            StoreError::Text(faults) => Self::new(StatusCode::BAD_REQUEST, "bad_file", text).at(faults.line()),
            error => Self::internal(Chain(&error)),
        }
    }
}

/// An error with its causes.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let unauthorized = self.status == StatusCode::UNAUTHORIZED;
        let problem = Problem { code: self.code.to_owned(), text: self.text, line: self.line };
        let mut response = (self.status, Json(Failure { error: problem })).into_response();
        if unauthorized {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

//! Bodies of requests, with a limit each.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;

use super::Refusal;
use super::app::Shared;
use super::arguments::Arguments;

/// Longest body of JSON, in bytes: a cluster file of 1 MiB fits, escapes included.
const JSON: usize = 8 << 20;
/// Longest form.
const FORM: usize = 4 << 20;

/// A body of any type.
pub(crate) struct Raw(pub(crate) Bytes);

impl FromRequest<Shared> for Raw {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Refusal> {
        Ok(Self(read(request, app.store.limits.body_bytes).await?))
    }
}

/// A body of JSON, whatever its type is called.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Refusal> {
        let bytes = read(request, JSON.min(app.store.limits.body_bytes)).await?;
        let refuse = |error: &dyn std::fmt::Display| {
            Refusal::new(StatusCode::BAD_REQUEST, "bad_json", format!("the body is not as it should be: {error}"))
        };
        // Fields without their names would be read, too.
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            return Err(refuse(&"it is a list; write an object"));
        }
        Ok(Self(serde_json::from_slice(&bytes).map_err(|error| refuse(&error))?))
    }
}

/// The fields of a form.
pub(crate) struct Form(pub(crate) Arguments);

impl FromRequest<Shared> for Form {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Refusal> {
        Ok(Self(Arguments::parse(&read(request, FORM.min(app.store.limits.body_bytes)).await?)?))
    }
}

async fn read(request: Request, limit: usize) -> Result<Bytes, Refusal> {
    let announced =
        request.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let too_large = || Refusal::too_large(format!("a body here has at most {limit} bytes"));
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    match axum::body::to_bytes(request.into_body(), limit).await {
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(if error.into_inner().is::<LengthLimitError>() {
            too_large()
        } else {
            Refusal::bad("the body ended early")
        }),
    }
}

//! What the caller has already is not sent again.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Refusal;
use crate::users::hash;

/// Answers that are longer are not tagged here.
const LONGEST: u64 = 16 << 20;

/// Tags each answer to a GET whose whole body is there; one that the caller names in `If-None-Match` becomes 304.
pub(super) async fn tag(request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let whole = HttpBody::size_hint(response.body()).exact().is_some_and(|length| length <= LONGEST);
    if response.status() != StatusCode::OK || (!whole && !response.headers().contains_key(header::ETAG)) {
        return response;
    }
    let (mut parts, mut body) = response.into_parts();
    if !parts.headers.contains_key(header::ETAG) {
        let bytes = match axum::body::to_bytes(body, LONGEST as usize).await {
            Ok(bytes) => bytes,
            Err(error) => return Refusal::internal(error).into_response(),
        };
        if let Some(tag) = quoted(&bytes) {
            parts.headers.insert(header::ETAG, tag);
        }
        body = Body::from(bytes);
    }
    if known.is_some_and(|known| names(&known, &parts.headers)) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        body = Body::empty();
    }
    Response::from_parts(parts, body)
}

fn quoted(bytes: &[u8]) -> Option<HeaderValue> {
    let hex: String = hash(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hex}\"")).ok()
}

/// Whether it is one of the tags that the caller knows. A `*` is none: whoever says it has nothing.
fn names(known: &HeaderValue, headers: &HeaderMap) -> bool {
    let (Ok(known), Some(tag)) = (known.to_str(), headers.get(header::ETAG).and_then(|tag| tag.to_str().ok())) else {
        return false;
    };
    known.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == tag)
}

//! What holds for every request and every answer.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Refusal;
use super::app::Shared;

/// How long a request may take, its body included.
const PATIENCE: Duration = Duration::from_secs(120);

/// No script runs, nothing comes from elsewhere, and no page of somebody else shows ours.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(header::HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

pub(super) async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let refusal = own_name(&app, request.headers()).and_then(|()| own_site(&request)).err();
    let mut response = match refusal {
        Some(refusal) => refusal.into_response(),
        None => match tokio::time::timeout(PATIENCE, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Refusal::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long").into_response(),
        },
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// On loopback a name of somebody else's means that a browser was led here by its name server.
fn own_name(app: &Shared, headers: &HeaderMap) -> Result<(), Refusal> {
    if !app.loopback_only || app.behind_tls {
        return Ok(());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_loopback(host) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::MISDIRECTED_REQUEST,
        "host",
        "this listens on loopback, and is called localhost or 127.0.0.1; start it with `--behind-tls` behind a proxy of another name",
    ))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((ip, _)) => ip,
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether what changes something comes from a page of this service, or from no page at all.
fn own_site(request: &Request) -> Result<(), Refusal> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let headers = request.headers();
    let value = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = value(header::HeaderName::from_static("sec-fetch-site")).unwrap_or("none");
    let host = value(header::HOST).unwrap_or_default();
    let origin = value(header::ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    // Without a referrer a browser says `null` of its own page, too; then `Sec-Fetch-Site` and the token decide.
    let own_origin =
        origin.is_none_or(|origin| origin.eq_ignore_ascii_case(host) || (origin == "null" && site == "same-origin"));
    if matches!(site, "none" | "same-origin") && own_origin {
        return Ok(());
    }
    Err(Refusal::forbidden("this came from a page of another site"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_known() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.8.9.1", "[::1]:8080", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example", "10.0.0.1:8080", "127.0.0.1.evil.example", "[::2]"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}

//! Who signed in, by a cookie that no script can read and no other site can send.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::super::Refusal;
use super::super::app::{App, Shared};
use super::page::{self, Misstep};
use crate::store::{Session, User};
use crate::users::{Secret, hash};

/// With TLS, browsers take the cookie of that name from this very host over TLS alone.
fn cookie_name(app: &App) -> &'static str {
    if app.behind_tls { "__Host-palm_session" } else { "palm_session" }
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// A cookie to be set; without a value, to be forgotten.
pub(super) fn set_cookie(app: &App, name: &str, value: &str) -> Result<HeaderValue, Refusal> {
    let secure = if app.behind_tls { "; Secure" } else { "" };
    let age = if value.is_empty() { "; Max-Age=0" } else { "" };
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{age}"))
        .map_err(Refusal::internal)
}

/// The session that the request carries, if it has not ended.
pub(in super::super) async fn of(app: &App, headers: &HeaderMap) -> Result<Option<Session>, Refusal> {
    match cookie(headers, cookie_name(app)) {
        Some(secret) => Ok(app.store.session(&hash(secret), Timestamp::now()).await?),
        None => Ok(None),
    }
}

/// A new session, whatever there was before; gives its cookie.
pub(super) async fn begin(app: &App, user: &User) -> Result<HeaderValue, Refusal> {
    let (secret, csrf) = (Secret::new("").map_err(Refusal::internal)?, Secret::new("").map_err(Refusal::internal)?);
    app.store.add_session(user, &secret.hash(), csrf.text(), Timestamp::now()).await?;
    set_cookie(app, cookie_name(app), secret.text())
}

/// Ends the session that the request carries, and gives the cookie that says so.
pub(super) async fn end(app: &App, headers: &HeaderMap) -> Result<HeaderValue, Refusal> {
    if let Some(secret) = cookie(headers, cookie_name(app)) {
        app.store.end_session(&hash(secret)).await?;
    }
    set_cookie(app, cookie_name(app), "")
}

/// Somebody who signed in. Pages send everybody else to where one signs in; forms are refused.
pub(super) struct SignedIn(pub(super) Session);

impl FromRequestParts<Shared> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Response> {
        match of(app, &parts.headers).await {
            Ok(Some(session)) => Ok(Self(session)),
            Ok(None) if parts.method == Method::GET => {
                let wanted = parts.uri.path_and_query().map_or("/dashboard", |wanted| wanted.as_str());
                let address = format!("/login?next={}", page::escaped(wanted));
                Err(page::go(&address).into_response())
            }
            Ok(None) => Err(Misstep::from(Refusal::forbidden("sign in first")).into_response()),
            Err(refusal) => Err(Misstep::from(refusal).into_response()),
        }
    }
}

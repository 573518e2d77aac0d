//! Signing in and out, and the page on which the first user is made.

use std::net::SocketAddr;
use std::sync::PoisonError;
use std::time::Instant;

use askama::Template;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;

use super::super::Refusal;
use super::super::app::{App, Shared};
use super::super::arguments::Arguments;
use super::form::{self, Signed, Unsigned};
use super::page::{Answer, go, render_as};
use super::session;
use crate::store::NewUser;
use crate::users::{self, same};

/// What everybody is told who cannot sign in, whatever the reason.
const WRONG: &str = "That name and password do not fit together.";

#[derive(Template)]
#[template(path = "login.html")]
struct SignIn<'a> {
    csrf: &'a str,
    next: &'a str,
    error: &'a str,
    version: &'a str,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetUp<'a> {
    csrf: &'a str,
    error: &'a str,
    name: &'a str,
    full_name: &'a str,
    email: &'a str,
}

pub(super) async fn index(State(app): State<Shared>, headers: HeaderMap) -> Answer {
    if session::of(&app, &headers).await?.is_some() {
        return go("/dashboard");
    }
    if wants_set_up(&app).await? { go("/setup") } else { sign_in_page(&app, StatusCode::OK, "", "") }
}

pub(super) async fn show(State(app): State<Shared>, arguments: Arguments) -> Answer {
    if wants_set_up(&app).await? {
        go("/setup")
    } else {
        sign_in_page(&app, StatusCode::OK, arguments.text("next"), "")
    }
}

fn sign_in_page(app: &App, status: StatusCode, next: &str, error: &str) -> Answer {
    let token = form::new_token()?;
    let version = env!("CARGO_PKG_VERSION");
    let mut page = render_as(status, &SignIn { csrf: token.text(), next, error, version })?;
    page.headers_mut().append(header::SET_COOKIE, session::set_cookie(app, form::form_cookie(app), token.text())?);
    Ok(page)
}

pub(super) async fn sign_in(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Unsigned(fields): Unsigned,
) -> Answer {
    let (name, password) = (fields.text("name"), fields.text("password"));
    if !app.throttle.allow(name, peer.ip(), Instant::now()) {
        app.refused.count(name, peer.ip());
        let text = "Too many tries; wait a minute.";
        return sign_in_page(&app, StatusCode::TOO_MANY_REQUESTS, fields.text("next"), text);
    }
    let found = app.store.user_by_name(name).await?;
    let right = app.hasher.verify(password, found.as_ref().map(|(_, hash)| hash.as_str())).await?;
    let Some((user, _)) = found.filter(|(user, _)| right && user.is_active()) else {
        app.refused.count(name, peer.ip());
        return sign_in_page(&app, StatusCode::UNAUTHORIZED, fields.text("next"), WRONG);
    };
    app.throttle.forgive(name, peer.ip());
    session::end(&app, &headers).await?;
    let cookie = session::begin(&app, &user).await?;
    let mut answer = go(own_address(fields.text("next")))?;
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(answer)
}

/// Where to go after signing in: nowhere but here.
fn own_address(next: &str) -> &str {
    let own = next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own { next } else { "/dashboard" }
}

pub(super) async fn sign_out(State(app): State<Shared>, headers: HeaderMap, _: Signed) -> Answer {
    let mut answer = go("/")?;
    answer.headers_mut().append(header::SET_COOKIE, session::end(&app, &headers).await?);
    Ok(answer)
}

/// Whether there is no user yet. One that the command made in the meantime ends it, too.
async fn wants_set_up(app: &App) -> Result<bool, Refusal> {
    let is_open = || app.setup.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    if is_open() && app.store.has_users().await? {
        app.setup.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
    Ok(is_open())
}

fn set_up_page(app: &App, status: StatusCode, fields: &Arguments, error: &str) -> Answer {
    let token = form::new_token()?;
    let (name, full_name, email) = (fields.text("name"), fields.text("fullname"), fields.text("email"));
    let mut page = render_as(status, &SetUp { csrf: token.text(), error, name, full_name, email })?;
    page.headers_mut().append(header::SET_COOKIE, session::set_cookie(app, form::form_cookie(app), token.text())?);
    Ok(page)
}

pub(super) async fn show_setup(State(app): State<Shared>) -> Answer {
    if wants_set_up(&app).await? {
        return set_up_page(&app, StatusCode::OK, &Arguments::default(), "");
    }
    Err(Refusal::not_found(
        "there is a user already; others are made by an administrator, or by `palm registry user add`",
    )
    .into())
}

pub(super) async fn set_up(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Unsigned(fields): Unsigned,
) -> Answer {
    if !app.throttle.allow("", peer.ip(), Instant::now()) {
        return set_up_page(&app, StatusCode::TOO_MANY_REQUESTS, &fields, "Too many tries; wait a minute.");
    }
    let right = wants_set_up(&app).await? && {
        let expected = app.setup.lock().unwrap_or_else(PoisonError::into_inner);
        expected.as_ref().is_some_and(|token| same(token.text(), fields.text("token")))
    };
    if !right {
        app.refused.count(fields.text("name"), peer.ip());
        return set_up_page(
            &app,
            StatusCode::FORBIDDEN,
            &fields,
            "That is not the set-up token; the registry printed it when it started.",
        );
    }
    let made = make_user(&app, &fields, true, "the first-run page").await;
    let name = match made {
        Ok(name) => name,
        Err(refusal) => return set_up_page(&app, refusal.status, &fields, &refusal.text),
    };
    app.setup.lock().unwrap_or_else(PoisonError::into_inner).take();
    let found = app.store.user_by_name(&name).await?;
    let Some((user, _)) = found else { return go("/login") };
    let mut answer = go("/dashboard")?;
    answer.headers_mut().append(header::SET_COOKIE, session::begin(&app, &user).await?);
    Ok(answer)
}

/// Makes the user that a form describes, and gives the name.
pub(super) async fn make_user(app: &App, fields: &Arguments, admin: bool, by: &str) -> Result<String, Refusal> {
    let name = users::name("name", fields.text("name"))?;
    let full_name = users::label("full name", fields.text("fullname"))?;
    let email = users::label("e-mail address", fields.text("email"))?;
    let hash = app.hasher.hash(fields.text("password")).await?;
    let new = NewUser { name, full_name, email, admin, password_hash: &hash };
    app.store.add_user(&new, by, Timestamp::now()).await?;
    Ok(name.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;
    use std::sync::atomic::Ordering::SeqCst;

    use axum::body::Body;
    use axum::http::Request;
    use axum::response::Response;
    use tower::ServiceExt;

    use super::*;
    use crate::store::{Limits, Store};
    use crate::users::{Hasher, Refused, Throttle};

    #[test]
    fn after_signing_in_one_stays_here() {
        for next in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "/a b",
            "/\r\nX: y",
        ] {
            assert_eq!(own_address(next), "/dashboard", "{next}");
        }
        assert_eq!(own_address("/view_cluster?cluster=k%20"), "/view_cluster?cluster=k%20");
    }

    /// A service with two users, `ann` and `bob`, who is locked out.
    async fn service(directory: &tempfile::TempDir) -> Shared {
        let database = directory.path().join("palm.db").display().to_string();
        let store = Store::open(&database, Limits::default()).await.unwrap();
        let hasher = Hasher::new().await.unwrap();
        let hash = hasher.hash("correct horse").await.unwrap();
        for name in ["ann", "bob"] {
            let new = NewUser { name, full_name: "", email: "", admin: true, password_hash: &hash };
            store.add_user(&new, "a test", Timestamp::now()).await.unwrap();
        }
        let (ann, _) = store.user_by_name("ann").await.unwrap().unwrap();
        store.set_active("bob", false, &ann, Timestamp::now()).await.unwrap();
        Arc::new(App {
            store,
            hasher,
            throttle: Throttle::default(),
            refused: Refused::default(),
            setup: Mutex::new(None),
            open_runners: true,
            loopback_only: true,
            behind_tls: false,
        })
    }

    async fn sign_in(app: &Shared, name: &str, password: &str, from: [u8; 4]) -> Response {
        let peer = SocketAddr::from((from, 1));
        let request = Request::post("/login")
            .header("Host", "localhost")
            .header("Cookie", "palm_form=x")
            .extension(ConnectInfo(peer))
            .body(Body::from(format!("csrf=x&name={name}&password={password}")))
            .unwrap();
        super::super::super::router(app.clone()).oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn every_sign_in_computes_one_hash_whoever_it_is_for() {
        let directory = tempfile::tempdir().unwrap();
        let app = service(&directory).await;
        for (name, password, status) in [
            ("ann", "correct+horse", 302),
            ("ann", "battery+staple", 401),
            ("ann", "", 401),
            ("bob", "correct+horse", 401),
            ("bob", "battery+staple", 401),
            ("nobody", "correct+horse", 401),
            ("", "", 401),
        ] {
            let before = app.hasher.work.done.load(SeqCst);
            assert_eq!(sign_in(&app, name, password, [127, 0, 0, 1]).await.status(), status, "{name} {password}");
            assert_eq!(app.hasher.work.done.load(SeqCst) - before, 1, "{name} {password}");
        }
        // Whatever the name is, a password that is longer than any is not hashed.
        let before = app.hasher.work.done.load(SeqCst);
        for name in ["ann", "nobody"] {
            assert_eq!(sign_in(&app, name, &"x".repeat(2_000), [127, 0, 0, 1]).await.status(), 401);
        }
        assert_eq!(app.hasher.work.done.load(SeqCst), before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn four_hashes_are_computed_at_once_however_many_sign_in() {
        let directory = tempfile::tempdir().unwrap();
        let app = service(&directory).await;
        let before = app.hasher.work.done.load(SeqCst);
        let crowd: Vec<_> = (0..100_u8)
            .map(|number| {
                let app = app.clone();
                // From several addresses: one alone has to wait after 50 tries.
                tokio::spawn(async move {
                    sign_in(&app, &format!("n{number}"), "x", [127, 0, 0, number % 10]).await.status()
                })
            })
            .collect();
        for one in crowd {
            assert_eq!(one.await.unwrap(), 401);
        }
        assert_eq!(app.hasher.work.done.load(SeqCst) - before, 100);
        assert!(app.hasher.work.most.load(SeqCst) <= 4, "{:?}", app.hasher.work);
    }
}

//! Keys and password of the one who signed in, and new users.

use std::net::SocketAddr;
use std::time::Instant;

use askama::Template;
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, header};
use jiff::Timestamp;

use super::super::Refusal;
use super::super::app::Shared;
use super::form::Signed;
use super::page::{Answer, go, render, render_as};
use super::session::{self, SignedIn};
use super::sign_in::make_user;
use crate::store::{Holder, Session};
use crate::users::{self, Secret};

/// A secret, in the one page that shows it.
#[derive(Template)]
#[template(path = "secret.html")]
pub(super) struct Shown<'a> {
    pub(super) session: &'a Session,
    pub(super) what: &'a str,
    pub(super) secret: &'a str,
    pub(super) back: &'a str,
}

#[derive(Template)]
#[template(path = "new_user.html")]
struct NewUser<'a> {
    session: &'a Session,
    error: &'a str,
    name: &'a str,
    full_name: &'a str,
    email: &'a str,
}

pub(super) async fn new_key(State(app): State<Shared>, form: Signed) -> Answer {
    let name = users::label("name", form.fields.text("name"))?;
    let secret = Secret::new("palm_key_").map_err(Refusal::internal)?;
    app.store.add_secret(form.user(), Holder::User(form.user().id), name, &secret.hash(), Timestamp::now()).await?;
    render(&Shown { session: &form.session, what: "API key", secret: secret.text(), back: "/dashboard" })
}

pub(super) async fn remove_key(State(app): State<Shared>, form: Signed) -> Answer {
    let id = form.fields.number("id")?.ok_or_else(|| Refusal::bad("which key?"))?;
    if !app.store.remove_secret(form.user(), Holder::User(form.user().id), id, Timestamp::now()).await? {
        return Err(Refusal::not_found("there is no such key of yours").into());
    }
    go("/dashboard")
}

/// Locks a user out, or lets one in again. Nobody locks himself out.
pub(super) async fn lock_user(State(app): State<Shared>, form: Signed) -> Answer {
    let (user, name) = (form.user(), form.fields.required("name")?);
    if !user.is_admin() {
        return Err(Refusal::forbidden("users are locked out by administrators").into());
    }
    if user.name == name {
        return Err(Refusal::bad("you cannot lock yourself out").into());
    }
    if !app.store.set_active(name, form.fields.text("active") == "1", user, Timestamp::now()).await? {
        return Err(Refusal::not_found("there is no user of that name").into());
    }
    go("/dashboard")
}

/// Changes the password of the one who signed in, and ends every other session.
pub(super) async fn new_password(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    form: Signed,
) -> Answer {
    let user = form.user();
    if !app.throttle.allow(&user.name, peer.ip(), Instant::now()) {
        app.refused.count(&user.name, peer.ip());
        let text = "too many tries; wait a minute";
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "throttled", text).into());
    }
    let found = app.store.user_by_name(&user.name).await?;
    if !app.hasher.verify(form.fields.text("old"), found.as_ref().map(|(_, hash)| hash.as_str())).await? {
        app.refused.count(&user.name, peer.ip());
        return Err(Refusal::forbidden("that is not the password that you signed in with").into());
    }
    let hash = app.hasher.hash(form.fields.text("new")).await?;
    app.store.set_password(user, &hash, Timestamp::now()).await?;
    let mut answer = go("/dashboard")?;
    answer.headers_mut().append(header::SET_COOKIE, session::begin(&app, user).await?);
    Ok(answer)
}

pub(super) async fn show_new_user(SignedIn(session): SignedIn) -> Answer {
    if !session.user.is_admin() {
        return Err(Refusal::forbidden("users are made by administrators").into());
    }
    render(&NewUser { session: &session, error: "", name: "", full_name: "", email: "" })
}

pub(super) async fn create_user(State(app): State<Shared>, form: Signed) -> Answer {
    if !form.user().is_admin() {
        return Err(Refusal::forbidden("users are made by administrators").into());
    }
    let admin = !form.fields.text("admin").is_empty();
    match make_user(&app, &form.fields, admin, &form.user().name).await {
        Ok(_) => go("/dashboard"),
        Err(refusal) if refusal.status.is_client_error() => {
            let fields = &form.fields;
            let (name, full_name, email) = (fields.text("name"), fields.text("fullname"), fields.text("email"));
            let page = NewUser { session: &form.session, error: &refusal.text, name, full_name, email };
            render_as(StatusCode::BAD_REQUEST.max(refusal.status), &page)
        }
        Err(refusal) => Err(refusal.into()),
    }
}

//! Keys of the one who signed in, and new users.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;

use super::super::Refusal;
use super::super::app::Shared;
use super::form::Signed;
use super::page::{Answer, go, render, render_as};
use super::session::SignedIn;
use super::sign_in::make_user;
use crate::store::Session;
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
    app.store.add_key(form.user(), name, &secret.hash(), Timestamp::now()).await?;
    render(&Shown { session: &form.session, what: "API key", secret: secret.text(), back: "/dashboard" })
}

pub(super) async fn remove_key(State(app): State<Shared>, form: Signed) -> Answer {
    let id = form.fields.number("id")?.ok_or_else(|| Refusal::bad("which key?"))?;
    if !app.store.remove_key(form.user(), id, Timestamp::now()).await? {
        return Err(Refusal::not_found("there is no such key of yours").into());
    }
    go("/dashboard")
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

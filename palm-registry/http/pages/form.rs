//! Forms: each carries a token that no other site knows.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};

use super::super::Refusal;
use super::super::app::{App, Shared};
use super::super::arguments::Arguments;
use super::super::body::Form;
use super::page::Misstep;
use super::session::{SignedIn, cookie};
use crate::store::{Session, User};
use crate::users::{Secret, same};

/// A form that somebody sent who signed in, from a page of ours.
pub(super) struct Signed {
    pub(super) session: Session,
    pub(super) fields: Arguments,
}

impl Signed {
    pub(super) fn user(&self) -> &User {
        &self.session.user
    }
}

impl FromRequest<Shared> for Signed {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let SignedIn(session) = SignedIn::from_request_parts(&mut parts, app).await?;
        let refuse = |refusal: Refusal| Misstep::from(refusal).into_response();
        let Form(fields) = Form::from_request(Request::from_parts(parts, body), app).await.map_err(refuse)?;
        if same(fields.text("csrf"), &session.csrf) {
            Ok(Self { session, fields })
        } else {
            Err(refuse(Refusal::forbidden("this form is not from a page of yours, or that page is old; load it again")))
        }
    }
}

/// Name of the cookie that belongs to a form for people who have no session yet.
pub(super) fn form_cookie(app: &App) -> &'static str {
    if app.behind_tls { "__Host-palm_form" } else { "palm_form" }
}

/// A form of somebody without a session: its token is that of a cookie of its own.
pub(super) struct Unsigned(pub(super) Arguments);

impl FromRequest<Shared> for Unsigned {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Response> {
        let refuse = |refusal: Refusal| Misstep::from(refusal).into_response();
        let token = cookie(request.headers(), form_cookie(app)).unwrap_or_default().to_owned();
        let Form(fields) = Form::from_request(request, app).await.map_err(refuse)?;
        if !token.is_empty() && same(fields.text("csrf"), &token) {
            Ok(Self(fields))
        } else {
            Err(refuse(Refusal::forbidden(
                "this form is not from a page of this registry, or cookies are off; load the page again",
            )))
        }
    }
}

/// The token for such a form.
pub(super) fn new_token() -> Result<Secret, Refusal> {
    Secret::new("").map_err(Refusal::internal)
}

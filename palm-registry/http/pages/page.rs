//! A page as an answer: what was rendered, or what went wrong.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::super::Refusal;

/// A page, or somewhere else to go, or a refusal for people to read.
pub(super) type Answer = Result<Response, Misstep>;

#[derive(Debug)]
pub(super) struct Misstep(Refusal);

impl<E: Into<Refusal>> From<E> for Misstep {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    title: &'a str,
    text: &'a str,
}

impl IntoResponse for Misstep {
    fn into_response(self) -> Response {
        let title = self.0.status.canonical_reason().unwrap_or("Error");
        match (Message { title, text: &self.0.text }).render() {
            Ok(html) => (self.0.status, Html(html)).into_response(),
            Err(_) => self.0.into_response(),
        }
    }
}

pub(super) fn render(page: &impl Template) -> Answer {
    render_as(StatusCode::OK, page)
}

pub(super) fn render_as(status: StatusCode, page: &impl Template) -> Answer {
    let html = page.render().map_err(Refusal::internal)?;
    Ok((status, Html(html)).into_response())
}

/// 302, as old clients had it: browsers go there by GET.
pub(super) fn go(address: &str) -> Answer {
    let address = HeaderValue::from_str(address).map_err(Refusal::internal)?;
    Ok((StatusCode::FOUND, [(header::LOCATION, address)]).into_response())
}

/// A value as it stands in an address.
pub(super) fn escaped(value: &str) -> String {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
}

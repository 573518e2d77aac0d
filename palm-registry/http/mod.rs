//! The web service: what old clients know, the JSON API, and pages.

mod api;
mod app;
mod arguments;
mod body;
mod caller;
mod guard;
mod legacy;
mod pages;
mod refusal;
mod rest;
mod serve;
mod tag;

pub(crate) use app::App;
pub(crate) use refusal::Refusal;
pub(crate) use serve::{Server, router};

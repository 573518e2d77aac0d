//! The registry's web service, over real sockets: what old clients know, the JSON API, pages, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod api;
mod chromium;
#[path = "../peers/environment.rs"]
mod environment;
mod garbage;
mod legacy;
mod logs;
mod nodes;
mod pages;
mod payloads;
#[path = "../peers/postgres.rs"]
mod postgres;
mod postgresql;
mod python;
mod security;
#[path = "../../../tests/support/skip.rs"]
mod skip;
mod support;
mod webdriver;

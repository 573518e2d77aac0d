//! The registry's web service, over real sockets: what old clients know, the JSON API, pages, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod api;
mod chromium;
mod environment;
mod garbage;
mod legacy;
mod logs;
mod nodes;
mod pages;
mod payloads;
mod postgres;
mod python;
mod security;
mod support;
mod webdriver;

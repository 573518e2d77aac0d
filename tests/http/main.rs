//! HTTP in and out over real sockets: each part against a real peer of its protocol, wired in a topology, and under bad input.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod bad_input;
mod connection;
mod ends;
mod gateway;
mod load;
mod parts;
mod raw;
mod secure;
mod service;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;
mod worker;

//! From the start of a component to its end, with real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod addresses;
mod cache;
mod classic;
mod ends;
mod hangs;
mod idle;
mod panics;
mod ports;
mod slow;
mod supervised;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tokio")]
mod tasks;
mod threads;
mod together;

//! Bad input of every kind, to every socket, while work goes on: the work is done, nothing panics, nothing hangs.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod attack;
mod components;
mod peers;
#[path = "../support/mod.rs"]
mod support;

//! The parts that no ready-made component has, each against a real peer of its protocol, wired in a topology, and under bad
//! input.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod bypass;
mod peers;
mod push_pull;
mod pylm;
#[path = "../interop/python.rs"]
mod python;

mod rep;
mod req;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other test binaries use the rest")]
mod support;

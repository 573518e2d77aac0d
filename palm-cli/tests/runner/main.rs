//! `palm runner` as a process, with processes below it, and the registry itself.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod away;
mod component;
mod ends;
// The same peer as the registry's tests have.
#[path = "../../../palm-registry/tests/peers/environment.rs"]
mod environment;
#[path = "../peers/in_process.rs"]
mod in_process;
mod original;
mod output;
mod restarts;
mod rig;
#[path = "../../../tests/support/skip.rs"]
mod skip;
mod walk;

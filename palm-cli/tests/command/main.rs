//! The `palm` command as a process, against components of this process and real Python peers.
#![expect(clippy::unwrap_used, reason = "a test may panic, and its components are its own")]

mod cache;
mod call;
mod cluster;
mod codes;
mod components;
mod end_to_end;
#[path = "../peers/in_process.rs"]
mod in_process;
mod look;
mod manual;
mod program;
mod pylm;
#[path = "../../../tests/interop/python.rs"]
mod python;
mod registry;
mod terminal;
mod top;
mod trust;

//! The `palm` command.

mod api_client;
mod cache;
mod call;
mod cluster;
mod command;
mod doctor;
mod export;
mod failure;
mod graph;
mod ping;
mod registry;
mod runner;
mod top;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::main()
}

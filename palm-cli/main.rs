//! The `palm` command.

mod access;
mod api_client;
mod cache;
mod call;
mod cluster;
mod cluster_file;
mod command;
mod doctor;
mod export;
mod failure;
mod graph;
mod input;
mod interrupt;
mod manual;
mod output;
mod peer;
mod ping;
mod plan;
mod registry;
mod runner;
mod table;
mod terminal;
mod top;
mod trust;
mod value;

use std::process::ExitCode;

fn main() -> ExitCode {
    runner::child::main().unwrap_or_else(command::main)
}

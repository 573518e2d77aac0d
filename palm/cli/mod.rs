//! Every component as an executable. Feature `cli`.
//!
//! A binary whose `main` is [`main`] runs whatever components are linked into it, so that an annotated impl block is ready for
//! a shell, a service manager or the registry's runner without a line more:
//!
//! ```no_run
//! #[derive(Default)]
//! struct MyWorker;
//!
//! #[palm::worker]
//! impl MyWorker {
//!     fn foo(&mut self, message: &[u8]) -> Vec<u8> {
//!         [b"processed ", message].concat()
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     palm::cli::main()
//! }
//! ```
//!
//! | command | does |
//! | --- | --- |
//! | `list` | the components: name, kind, methods |
//! | `describe COMPONENT` | methods with docs and types, parts, flags, source place |
//! | `graph COMPONENT [--format dot\|mermaid]` | its topology |
//! | `run COMPONENT --name NAME [addresses] [options]` | runs it until SIGTERM or Ctrl-C |
//!
//! COMPONENT is the type's name. A plain `Master` and a plain `Hub`, without hooks, are in every program, unless a type of its
//! own has that name. `run COMPONENT --help` lists the flags of its kind; the chapter [`command_line`](crate::guide::command_line)
//! has them all, with their environment variables.
//!
//! Results are on stdout, log lines and errors on stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no component of that
//! name; 130 or 143 after a second Ctrl-C or SIGTERM, which ends the process at once.

mod args;
mod catalog;
mod describe;
mod exit;
mod flags;
mod graph;
mod list;
mod outline;
mod plan;
mod run;
mod value;

use std::ffi::OsString;
use std::process::ExitCode;

/// Does what the process's arguments say; see the [module](self) for what that can be.
///
/// It has the process log by [`palm::log`](crate::log), unless a subscriber is installed already. `run` takes SIGTERM and
/// Ctrl-C.
#[must_use = "the exit code is the process's"]
pub fn main() -> ExitCode {
    exit::code(args::main(std::env::args_os()))
}

/// Runs one component with these arguments, as `run COMPONENT ARGUMENTS` does: for a binary that is one component, or one that
/// has a command line of its own.
///
/// Where a flag stands twice, the last one holds. So what comes first is a default:
///
/// ```no_run
/// /// A plain master at the documentation's ports, unless the command line says other ones.
/// fn main() -> std::process::ExitCode {
///     let defaults = ["--name=server", "--pull=tcp://127.0.0.1:5555", "--db=tcp://127.0.0.1:5559"];
///     palm::cli::run("Master", defaults.into_iter().map(Into::into).chain(std::env::args_os().skip(1)))
/// }
/// ```
#[must_use = "the exit code is the process's"]
pub fn run<A: Into<OsString>>(component: &str, arguments: impl IntoIterator<Item = A>) -> ExitCode {
    exit::code(args::run(component, arguments.into_iter().map(Into::into)))
}

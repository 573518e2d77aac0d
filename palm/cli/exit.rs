//! How a command ends: what is said, and the exit code.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use super::catalog::Missing;
use crate::error::BoxError;

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(super) enum Failure {
    /// 1: the operation failed.
    Failed(BoxError),
    /// 2, or 0 for what is asked for by `--help`: clap says which.
    Usage { error: clap::Error, note: Option<String> },
    /// 2: what was asked for needs another flag.
    Refused(BoxError),
    /// 3: no component of that name.
    Missing(Missing),
}

impl From<Missing> for Failure {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

pub(super) fn code(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(error)) => {
            say(format_args!("error: {error}"));
            ExitCode::from(1)
        }
        Err(Failure::Refused(error)) => {
            say(format_args!("error: {error}"));
            ExitCode::from(2)
        }
        Err(Failure::Usage { error, note }) => {
            // As with `say`.
            let _ = error.print();
            if let Some(note) = note {
                say(format_args!("{note}"));
            }
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
        Err(Failure::Missing(Missing { error, nearest })) => {
            say(format_args!("error: {error}"));
            if let Some(nearest) = nearest {
                say(format_args!("\n  tip: did you mean `{nearest}`?"));
            }
            ExitCode::from(3)
        }
    }
}

fn say(text: fmt::Arguments<'_>) {
    // The exit code tells it too, where nobody reads stderr.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes a result to stdout. A reader that has seen enough is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("cannot write to stdout: {error}").into()))
        }
        _ => Ok(()),
    }
}

/// Writes a result for programs to stdout.
pub(super) fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

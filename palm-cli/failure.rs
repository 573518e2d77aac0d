//! How a command ends when it fails: an exit code and a line on stderr.

use std::fmt;
use std::process::ExitCode;

use palm::Error;

use crate::output::say;

/// A command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Exit code: 1 the operation failed, 2 wrong usage, 3 nobody there, 130 interrupted.
    pub(crate) code: u8,
    /// What is wrong and what to do: lower case, no full stop. Empty: there is nothing to be said, or it is said already.
    pub(crate) text: String,
}

impl Failure {
    /// 1: the operation failed.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self { code: 1, text: text.into() }
    }

    /// 2: what was asked for cannot be asked for so.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { code: 2, text: text.into() }
    }

    /// 3: nobody is there, or nobody of that name.
    pub(crate) fn nobody_there(text: impl Into<String>) -> Self {
        Self { code: 3, text: text.into() }
    }

    /// 130: Ctrl-C.
    pub(crate) const fn interrupted() -> Self {
        Self::silent(130)
    }

    /// A code alone.
    pub(crate) const fn silent(code: u8) -> Self {
        Self { code, text: String::new() }
    }

    /// What an error of the library means for whoever called a component.
    pub(crate) fn of(error: &Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotReached { .. } | Error::WrongName { .. } => Self::nobody_there(text),
            Error::Address { part, .. } if part == "db_address" || part == "sub_address" => Self::usage(text),
            _ => Self::failed(text),
        }
    }

    /// Says it on stderr.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.text.is_empty() {
            say(self);
        }
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

//! How a sub-command ends when it fails: an exit code and a line on stderr.

use std::fmt;
use std::process::ExitCode;

/// A sub-command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Exit code: 1 the operation failed, 2 wrong usage, 3 nobody there, 130 interrupted.
    pub(crate) code: u8,
    /// What is wrong and what to do: lower case, no full stop.
    pub(crate) text: String,
}

impl Failure {
    #[expect(dead_code, reason = "sub-commands need it")]
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self { code: 1, text: text.into() }
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { code: 2, text: text.into() }
    }

    #[expect(dead_code, reason = "what talks to others needs it")]
    pub(crate) fn nobody_there(text: impl Into<String>) -> Self {
        Self { code: 3, text: text.into() }
    }

    /// Says it on stderr.
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("palm: {self}");
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

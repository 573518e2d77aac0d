//! The one definition of the command line: its help, man page and completions come from it.

use std::process::ExitCode;

use crate::failure::Failure;

pub(crate) fn main() -> ExitCode {
    Failure::usage("there is no sub-command yet").report()
}

//! Results on stdout, errors on stderr.

use std::fmt;
use std::io::{self, Write as _};

use crate::failure::Failure;
use crate::terminal::beside_the_bar;

/// Tells an error on stderr. What it quotes may come from elsewhere, and steers no terminal.
pub(crate) fn say(error: &dyn fmt::Display) {
    tell("error: ", error);
}

/// Tells something on stderr that stops nothing.
pub(crate) fn note(text: &dyn fmt::Display) {
    tell("", text);
}

fn tell(prefix: &str, text: &dyn fmt::Display) {
    let text = text.to_string();
    let lines: Vec<_> = text.lines().map(palm::log::harmless).collect();
    // The exit code tells an error too, where nobody reads stderr.
    let _ = beside_the_bar(|| writeln!(io::stderr(), "{prefix}{}", lines.join("\n  ")));
}

/// Writes a result to stdout, at once. A reader that has seen enough is no failure.
pub(crate) fn print(bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    write(bytes.as_ref()).map(drop)
}

/// As [`print`]; `false` if nobody reads any more.
pub(crate) fn write(bytes: &[u8]) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::failed(format!("cannot write to stdout: {error}"))),
    }
}

/// Writes a result for programs to stdout.
pub(crate) fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print(format!("{value:#}\n"))
}

//! The bare sockets with libzmq as the crate zmq has it: a program of their own, for what links this library has another one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

use crate::peer::{self, BoxError};

static PROGRAM: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| build().map_err(|error| error.to_string()));

/// It is built, in this program's profile, when it is first asked for.
pub(crate) fn program() -> Result<&'static Path, BoxError> {
    Ok(PROGRAM.as_deref().map_err(String::as_str)?)
}

pub(crate) fn role<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Command, BoxError> {
    Ok(peer::role_of(program()?, words))
}

fn build() -> Result<PathBuf, BoxError> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--locked", "--package", "bare-sockets", "--message-format", "json-render-diagnostics"])
        .args(["--profile", if cfg!(debug_assertions) { "dev" } else { "release" }])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("cargo did not build it".into());
    }
    let messages = String::from_utf8(output.stdout)?;
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = messages.find_map(|message| message["executable"].as_str().map(PathBuf::from));
    program.ok_or_else(|| "cargo did not say where it is".into())
}

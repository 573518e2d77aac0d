//! Roles that are programs of their own, each a package: what links this library has another libzmq than the bare sockets, and is
//! to have no part of gRPC.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::peer::{self, BoxError};

/// The bare sockets, with libzmq as the crate zmq has it.
pub(crate) static BARE: Program = Program::new("bare-sockets");
/// Streams of tonic.
pub(crate) static GRPC: Program = Program::new("grpc-streams");

#[derive(Debug)]
pub(crate) struct Program {
    package: &'static str,
    path: OnceLock<PathBuf>,
}

impl Program {
    const fn new(package: &'static str) -> Self {
        Self { package, path: OnceLock::new() }
    }

    /// Where it is. It is built, in this program's profile, when that is first asked for.
    pub(crate) fn path(&self) -> Result<&Path, BoxError> {
        if let Some(path) = self.path.get() {
            return Ok(path);
        }
        let path = build(self.package).map_err(|error| format!("{}: {error}", self.package))?;
        Ok(self.path.get_or_init(|| path))
    }

    pub(crate) fn role<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Result<Command, BoxError> {
        Ok(peer::role_of(self.path()?, words))
    }
}

fn build(package: &str) -> Result<PathBuf, BoxError> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--locked", "--package", package, "--message-format", "json-render-diagnostics"])
        .args(["--profile", if cfg!(debug_assertions) { "dev" } else { "release" }])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("cargo did not build it".into());
    }
    let messages = String::from_utf8(output.stdout)?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    programs.next().ok_or_else(|| "cargo did not say where it is".into())
}

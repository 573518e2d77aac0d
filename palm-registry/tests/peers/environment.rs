//! The Python environment with the original registry, its clients and its runner.

#[path = "../../../tests/support/venv.rs"]
mod venv;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PINS: [&str; 8] = [
    "setuptools==65.5.0",
    "wheel",
    "tornado==6.2",
    "sqlalchemy==1.3.24",
    "protobuf==3.20.3",
    "cryptography==41.0.7",
    "pyzmq==27.3.0",
    "pylm==0.14.4",
];
/// Its set-up wants those above, and asks for others.
const REGISTRY: [&str; 3] = ["--no-build-isolation", "--no-deps", "pylm-registry==0.4.14"];

/// The environment, made once under the target directory; or why it cannot be had.
pub(crate) fn made() -> Result<&'static Path, &'static str> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    MADE.get_or_init(prepare).as_deref().map_err(String::as_str)
}

fn prepare() -> Result<PathBuf, String> {
    let right = "import ensurepip, venv, sys; assert sys.version_info[:2] == (3, 11)";
    let python = ["python3.11", "python3"]
        .into_iter()
        .find(|python| venv::must(Command::new(python).args(["-c", right])).is_ok())
        .ok_or("there is no Python 3.11 with venv, the last one that they run on")?;
    venv::made(python, "registry-venv", &[&PINS, &REGISTRY])
}

//! The virtual environment with the Python peer.

#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/venv.rs"]
mod venv;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const PINS: [&str; 3] = ["pylm==0.14.4", "protobuf==3.20.3", "pyzmq==27.3.0"];

/// The interpreter that can import pylm, or `None` with a line on stderr on a machine where it cannot be had.
/// With `PALM_TEST_ALL=1` that is a failure.
pub(crate) fn interpreter() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || match venv::made("python3", "pylm-venv", &[&PINS]) {
        Ok(environment) => Some(environment.join("bin/python")),
        Err(reason) => {
            skip::skip("what is played by Python peers", &reason);
            None
        }
    };
    FOUND.get_or_init(find).as_deref()
}

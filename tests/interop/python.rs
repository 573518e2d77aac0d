//! The virtual environment with the Python peer, made once under the target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PINS: [&str; 3] = ["pylm==0.14.4", "protobuf==3.20.3", "pyzmq==27.3.0"];

/// The interpreter that can import pylm, or `None` with a line on stderr on a machine without python3.
/// With `PALM_TEST_ALL=1` a machine without python3 is a failure.
pub(crate) fn interpreter() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(prepare).as_deref()
}

/// One of the scripts beside this file.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop/scripts")
        .join(name)
}

fn prepare() -> Option<PathBuf> {
    if Command::new("python3").arg("--version").output().is_err() {
        let line = "skipped: the tests with Python peers, for this machine has no python3";
        assert!(
            std::env::var_os("PALM_TEST_ALL").is_none_or(|all| all != "1"),
            "{line}"
        );
        eprintln!("{line}");
        return None;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the directory for tests lies under the target directory");
    let environment = target.join("pylm-venv");
    let lock = File::create(target.join("pylm-venv.lock")).expect("the lock file can be made");
    lock.lock().expect("the lock can be taken");
    let python = environment.join("bin/python");
    let marker = environment.join("pins");
    if fs::read_to_string(&marker).is_ok_and(|pins| pins == PINS.join("\n")) {
        return Some(python);
    }
    let _ = fs::remove_dir_all(&environment);
    must(
        Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment),
    );
    must(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(PINS),
    );
    fs::write(&marker, PINS.join("\n")).expect("the marker can be written");
    Some(python)
}

fn must(command: &mut Command) {
    let output = command.output().expect("the command can be started");
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

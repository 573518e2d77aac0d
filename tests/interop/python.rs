//! The virtual environment with the Python peer, made once under the target directory.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PINS: [&str; 3] = ["pylm==0.14.4", "protobuf==3.20.3", "pyzmq==27.3.0"];

/// The interpreter that can import pylm, or `None` with a line on stderr on a machine where it cannot be had.
/// With `PALM_TEST_ALL=1` that is a failure.
pub(crate) fn interpreter() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(|| prepare().map_err(skip).ok()).as_deref()
}

fn skip(reason: String) {
    let line = format!("skipped: what is played by Python peers, since {reason}");
    assert!(std::env::var_os("PALM_TEST_ALL").is_none_or(|all| all != "1"), "{line}");
    // Not `eprintln!`, which the test harness keeps to itself.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn prepare() -> Result<PathBuf, String> {
    must(Command::new("python3").args(["-c", "import ensurepip, venv"]))?;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("there is no target directory")?;
    let lock = File::create(target.join("pylm-venv.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let environment = target.join("pylm-venv");
    let python = environment.join("bin/python");
    let marker = environment.join("pins");
    if fs::read_to_string(&marker).is_ok_and(|pins| pins == PINS.join("\n")) {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(&environment);
    must(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    must(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PINS))?;
    fs::write(&marker, PINS.join("\n")).map_err(|error| error.to_string())?;
    Ok(python)
}

fn must(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{:?} cannot be run: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{command:?} failed:\n{out}{err}"))
}

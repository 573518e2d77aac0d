//! Environments of Python, each made once under the target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory of the environment of that name, with what pip installs in these steps; or why it cannot be had.
pub(crate) fn made(python: &str, name: &str, steps: &[&[&str]]) -> Result<PathBuf, String> {
    must(Command::new(python).args(["-c", "import ensurepip, venv"]))?;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("there is no target directory")?;
    let lock = File::create(target.join(format!("{name}.lock"))).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let environment = target.join(name);
    let (marker, pins) = (environment.join("pins"), steps.concat().join("\n"));
    if fs::read_to_string(&marker).is_ok_and(|found| found == pins) {
        return Ok(environment);
    }
    let _ = fs::remove_dir_all(&environment);
    must(Command::new(python).args(["-m", "venv"]).arg(&environment))?;
    for step in steps {
        must(Command::new(environment.join("bin/python")).args(["-m", "pip", "install", "--quiet"]).args(*step))?;
    }
    fs::write(&marker, pins).map_err(|error| error.to_string())?;
    Ok(environment)
}

/// Runs it to its end; an error is all that it printed.
pub(crate) fn must(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{:?} cannot be run: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{command:?} failed:\n{out}{err}"))
}

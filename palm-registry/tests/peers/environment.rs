//! The Python environment with the original registry, its clients and its runner.

use std::fs::{self, File};
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
const REGISTRY: &str = "pylm-registry==0.4.14";

/// The environment, made once under the target directory; or why it cannot be had.
pub(crate) fn made() -> Result<&'static Path, &'static str> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    MADE.get_or_init(prepare).as_deref().map_err(String::as_str)
}

fn prepare() -> Result<PathBuf, String> {
    let python = ["python3.11", "python3"]
        .into_iter()
        .find(|python| {
            must(
                Command::new(python)
                    .args(["-c", "import ensurepip, venv, sys; assert sys.version_info[:2] == (3, 11)"]),
            )
            .is_ok()
        })
        .ok_or("there is no Python 3.11 with venv, the last one that they run on")?;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("there is no target directory")?;
    let lock = File::create(target.join("pylm-registry-venv.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let environment = target.join("pylm-registry-venv");
    let (marker, pins) = (environment.join("pins"), format!("{}\n{REGISTRY}", PINS.join("\n")));
    if fs::read_to_string(&marker).is_ok_and(|found| found == pins) {
        return Ok(environment);
    }
    let _ = fs::remove_dir_all(&environment);
    must(Command::new(python).args(["-m", "venv"]).arg(&environment))?;
    let pip = || {
        let mut command = Command::new(environment.join("bin/python"));
        command.args(["-m", "pip", "install", "--quiet"]);
        command
    };
    must(pip().args(PINS))?;
    must(pip().args(["--no-build-isolation", "--no-deps", REGISTRY]))?;
    fs::write(&marker, pins).map_err(|error| error.to_string())?;
    Ok(environment)
}

fn must(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{:?} cannot be run: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{command:?} failed:\n{out}{err}"))
}

//! A PostgreSQL server of the test's own.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long it may take to answer.
const START: Duration = Duration::from_secs(60);

/// Dropping it ends it.
pub(crate) struct Postgres {
    server: Child,
    programs: PathBuf,
    directory: tempfile::TempDir,
}

impl Postgres {
    /// Starts one, or says why there is none. It does not run as root: then it runs as somebody who owns nothing.
    pub(crate) fn start() -> Result<Self, String> {
        let programs = programs().ok_or("there is no PostgreSQL here")?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        if output("id", &["-u"])? == "0" {
            let (user, group) = (output("id", &["-u", "nobody"])?, output("id", &["-g", "nobody"])?);
            chown(directory.path(), user.parse().ok(), group.parse().ok()).map_err(|error| error.to_string())?;
        }
        let data = directory.path().join("data");
        let made = as_nobody(&programs.join("initdb"))?
            .args(["--auth=trust", "--username=palm", "--encoding=UTF8", "--no-sync", "--no-instructions", "--pgdata"])
            .arg(&data)
            .stdout(Stdio::null())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return Err("initdb failed".to_owned());
        }
        let server = as_nobody(&programs.join("postgres"))?
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(directory.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let postgres = Self { server, programs, directory };
        let end = Instant::now() + START;
        while !postgres.sql("SELECT 1") {
            if Instant::now() > end {
                return Err(format!("PostgreSQL does not answer within {START:?}"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(postgres)
    }

    fn sql(&self, statement: &str) -> bool {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-q", "-X", "-U", "palm", "-d", "postgres", "-c", statement, "-h"]).arg(self.directory.path());
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// The URL of a database with nothing in it.
    pub(crate) fn new_database(&self, name: &str) -> String {
        assert!(self.sql(&format!("CREATE DATABASE {name}")));
        let socket = self.directory.path().display().to_string().replace('/', "%2F");
        format!("postgres://palm@localhost/{name}?host={socket}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Where the programs of the server are: Debian keeps them out of the way.
fn programs() -> Option<PathBuf> {
    let mut places: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    places.extend(
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin")),
    );
    let place = places.into_iter().find(|place| place.join("initdb").exists() && place.join("postgres").exists())?;
    let place = std::fs::canonicalize(place.join("initdb")).ok()?.parent()?.to_owned();
    place.join("psql").exists().then_some(place)
}

fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn as_nobody(program: &Path) -> Result<Command, String> {
    if output("id", &["-u"])? != "0" {
        return Ok(Command::new(program));
    }
    let group = output("id", &["-g", "nobody"])?;
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "nobody", "--regid", &group, "--clear-groups"]).arg(program).current_dir("/");
    Ok(command)
}

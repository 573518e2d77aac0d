//! Processors, limits, clock, tools.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Finding, State};
use crate::table::bytes;

/// Each connection takes a file, and so does each socket.
const FEW_FILES: u64 = 4096;

/// Programs that some uses need.
const TOOLS: [(&str, &str); 5] = [
    ("python3", "Python peers"),
    ("dot", "drawings of `palm graph`"),
    ("systemd-analyze", "checks of `palm export systemd`"),
    ("kubectl", "what `palm export kubernetes` writes"),
    ("psql", "a look into a registry's PostgreSQL"),
];

pub(super) fn findings() -> Vec<Finding> {
    let mut findings = vec![processors(), memory(), files(), clock(), directory()];
    findings.extend(TOOLS.map(|(tool, purpose)| {
        let found = in_path(tool);
        let state = State::needed(found.is_some());
        let place = found.map_or_else(|| "not found".to_owned(), |path| path.display().to_string());
        Finding::new(tool, state, format!("{place}; for {purpose}"))
    }));
    findings
}

fn processors() -> Finding {
    let text = available_parallelism().map_or_else(|_| "unknown".to_owned(), |number| number.to_string());
    let version = env!("CARGO_PKG_VERSION");
    Finding::new("processors", State::Ok, format!("{text}; palm {version} for {}", std::env::consts::ARCH))
}

fn memory() -> Finding {
    let table = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = table.lines().find_map(|line| {
        let kib = line.strip_prefix("MemAvailable:")?.trim().strip_suffix("kB")?;
        kib.trim().parse::<u64>().ok()
    });
    match available {
        Some(kib) => Finding::new("memory", State::Ok, format!("{} available", bytes(kib.saturating_mul(1024)))),
        None => Finding::new("memory", State::Note, "the system does not say it"),
    }
}

fn files() -> Finding {
    let Some((soft, hard)) = fs::read_to_string("/proc/self/limits").ok().and_then(|table| open_files(&table)) else {
        return Finding::new("open files", State::Note, "the system does not say it");
    };
    let few = soft.parse::<u64>().is_ok_and(|files| files < FEW_FILES);
    let advice = if few { "; a component of many peers needs more: `ulimit -n`" } else { "" };
    Finding::new("open files", State::needed(!few), format!("{soft} at a time, up to {hard}{advice}"))
}

/// The soft and the hard limit.
fn open_files(table: &str) -> Option<(String, String)> {
    let line = table.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut words = line.split_whitespace().map(str::to_owned);
    Some((words.next()?, words.next()?))
}

fn clock() -> Finding {
    let now = Timestamp::now();
    let zone = TimeZone::system();
    let name = zone.iana_name().unwrap_or("unnamed").to_owned();
    let local = now.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %:z").to_string();
    // What the times of a cluster's machines are compared by.
    let (state, synchronised) =
        match asked("timedatectl", &["show", "--property=NTPSynchronized", "--value"]).as_deref() {
            Some("yes") => (State::Ok, "synchronised"),
            Some("no") => (State::Note, "not synchronised: times of several machines cannot be compared"),
            _ => (State::Ok, "whether it is synchronised is not known"),
        };
    Finding::new("clock", state, format!("{local}, time zone {name}, {synchronised}"))
}

fn directory() -> Finding {
    let directory = std::env::temp_dir();
    let file = directory.join(format!("palm-doctor-{}", std::process::id()));
    let written = fs::write(&file, b"palm").and_then(|()| fs::remove_file(&file));
    match written {
        Ok(()) => Finding::new("files", State::Ok, format!("{} can be written to", directory.display())),
        Err(error) => Finding::new("files", State::Fault, format!("cannot write to {}: {error}", directory.display())),
    }
}

/// What a program answers; `None` if it is not there, or fails.
fn asked(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(in_path(program)?).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_read_from_their_line() {
        let table = "Limit                     Soft Limit           Hard Limit           Units\n\
                     Max processes             unlimited            unlimited            processes\n\
                     Max open files            1024                 1048576              files\n";
        assert_eq!(open_files(table), Some(("1024".to_owned(), "1048576".to_owned())));
        assert_eq!(open_files(""), None);
    }
}

//! Where and with what it was measured: no figure means anything without it.

use std::fs;
use std::process::Command;

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn first_of(command: &str, word: &str) -> String {
    let output = Command::new(command).arg(word).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

/// Processes that were running or waiting to, over the last minute.
pub(crate) fn load() -> String {
    read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned()
}

/// One line for each thing that a figure depends on.
pub(crate) fn describe() -> String {
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (major, minor, patch) = zmq::version();
    let rustc = first_of(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()), "--version");
    let profile = if cfg!(debug_assertions) { "debug: the figures mean nothing" } else { "release" };
    format!(
        "- {cores} cores of {model}, Linux {}\n- {rustc}, libzmq {major}.{minor}.{patch}, palm {}, built for {profile}\n",
        read("/proc/sys/kernel/osrelease"),
        env!("CARGO_PKG_VERSION"),
    )
}

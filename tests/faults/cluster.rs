//! One run: its directory, its history, its processes, its random numbers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use crate::figures::Figures;
use crate::history::{Follower, History, Report};
use crate::process::{Process, until, within};
use crate::role::{Spec, VARIABLE};
use crate::{python, raw};

pub(crate) struct Run {
    pub(crate) history: History,
    pub(crate) follower: Follower,
    pub(crate) db: String,
    pub(crate) random: Random,
    directory: PathBuf,
    started: AtomicU32,
}

impl Run {
    pub(crate) fn new(name: &str) -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let number = RUNS.fetch_add(1, Ordering::Relaxed);
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults");
        let directory = place.join(format!("{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let history = History::at(&directory.join("history"));
        Self {
            follower: history.follow(),
            history,
            db: format!("tcp://127.0.0.1:{}", free_port()),
            random: Random::new(name),
            directory,
            started: AtomicU32::new(0),
        }
    }

    /// A role of this run, for the caller to set up further.
    pub(crate) fn spec(&self, role: &str, name: &str) -> Spec {
        let history = self.directory.join("history").to_str().unwrap().to_owned();
        Spec { role: role.to_owned(), name: name.to_owned(), db: self.db.clone(), history, ..Spec::default() }
    }

    pub(crate) fn master(&self) -> Spec {
        self.spec("master", "server")
    }

    pub(crate) fn worker(&self) -> Spec {
        self.spec("worker", &format!("worker{}", self.started.load(Ordering::Relaxed)))
    }

    pub(crate) fn client(&self, count: u64) -> Spec {
        Spec { count, ..self.spec("client", "server") }
    }

    /// Starts a role; a master or server is up when this returns.
    pub(crate) fn start(&self, spec: &Spec) -> Process {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(VARIABLE, serde_json::to_string(spec).unwrap());
        let process = Process::start(command, self.log(&spec.role));
        if ["master", "server", "stage"].contains(&spec.role.as_str()) {
            until("a component that is up", || raw::get(&spec.db, "name").is_some());
        }
        process
    }

    /// Starts a script with pylm, or `None` where that cannot be had.
    pub(crate) fn python(&self, script: &str, arguments: &[&str]) -> Option<Process> {
        let mut command = Command::new(python::interpreter()?);
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/scripts");
        command.arg("-u").arg(scripts.join(script)).args(arguments);
        command.env("PALM_FAULTS_HISTORY", self.directory.join("history"));
        Some(Process::start(command, self.log("python")))
    }

    fn log(&self, role: &str) -> PathBuf {
        self.directory.join(format!("{}-{role}.log", self.started.fetch_add(1, Ordering::Relaxed)))
    }

    /// Waits until so many results or errors have come, or the client has ended.
    pub(crate) fn outcomes(&mut self, count: u64, client: &mut Process) {
        let follower = &mut self.follower;
        until("outcomes", || follower.counts().outcomes >= count || client.ended().is_some());
    }

    pub(crate) fn state_dir(&self) -> String {
        self.directory.join("state").to_str().unwrap().to_owned()
    }

    pub(crate) fn history_path(&self) -> PathBuf {
        self.directory.join("history")
    }

    pub(crate) fn stat(&self, name: &str) -> u64 {
        stat(&self.db, name)
    }

    /// Waits until workers owe nothing and no answer waits.
    pub(crate) fn drained(&self, figures: &mut Figures) {
        let empty = || self.stat("in_flight") == 0 && self.stat("holding") == 0;
        figures.is("left inside (I5)", 0, u64::from(!within(Duration::from_secs(60), empty)));
    }

    /// No part of the library panicked in any role. Panics on purpose are the user's.
    pub(crate) fn calm(&self, figures: &mut Figures) {
        let mut panics = 0;
        for entry in fs::read_dir(&self.directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let bad = |line: &&str| line.contains("panicked at") && !line.contains("tests/faults/role.rs");
                panics += text.lines().filter(bad).count() as u64;
            }
        }
        figures.is("panics in logs (I7)", 0, panics);
    }

    pub(crate) fn report(&self) -> Report {
        self.history.report()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Of a run that failed, what it left is worth a look.
        if !std::thread::panicking() && std::env::var_os("PALM_FAULTS_KEEP").is_none() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

pub(crate) fn stat(db: &str, name: &str) -> u64 {
    let mut value = None;
    until("the counters", || {
        let text = raw::get(db, "_palm.stats").unwrap_or_default();
        let object: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        value = object[name].as_u64();
        value.is_some()
    });
    value.unwrap()
}

/// A port outside the range that the system gives out by itself, so that a restart finds it free.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed);
        let start = (std::process::id() % 40) as u16 * 250;
        let port = 20_000 + (start + offset) % 10_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// So many of them in a row; gives the first.
pub(crate) fn free_ports(count: u16) -> u16 {
    loop {
        let first = free_port();
        if (1..count).all(|offset| free_port() == first + offset) {
            return first;
        }
    }
}

/// Numbers that are the same in each run of a test, unless `PALM_FAULTS_SEED` says otherwise.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(name: &str) -> Self {
        let seed = std::env::var("PALM_FAULTS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
        let named = name.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        Self(named | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

//! A registry in this process, runners as processes, and scripts for them to run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use palm_registry::{Limits, Settings};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::in_process::InProcess;
use crate::skip::skip;

/// Far beyond what anything takes: a test that needs it hangs.
const GUARD: Duration = Duration::from_secs(180);

/// The key of the cluster.
pub(crate) const KEY: &str = "k";

/// Waits for what is so at some time.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(start.elapsed() < GUARD, "{what} did not come");
        thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) struct Rig {
    registry: InProcess,
    directory: tempfile::TempDir,
}

impl Rig {
    /// A registry with a cluster of this file. `DIR` in it stands for the directory of the test.
    pub(crate) fn new(file: &str) -> Self {
        Self::with_lease(file, Limits::default().lease)
    }

    pub(crate) fn with_lease(file: &str, lease: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("palm.db").display().to_string();
        let limits = Limits { log_bytes: 1 << 30, lease, ..Limits::default() };
        let settings = Settings { listen: ([127, 0, 0, 1], 0).into(), database, limits, ..Settings::default() };
        let rig = Self { registry: InProcess::start(settings), directory };
        let file = file.replace("DIR", &rig.directory.path().display().to_string());
        let mut answer = ureq::post(format!("{}/api/v1/clusters", rig.url()))
            .header("Authorization", format!("Bearer {}", rig.user()))
            .send_json(json!({"file": file, "key": KEY}))
            .unwrap();
        let _: Value = answer.body_mut().read_json().unwrap();
        rig
    }

    pub(crate) fn start_registry(&mut self) {
        self.registry.start_again();
    }

    pub(crate) fn stop_registry(&mut self) {
        self.registry.stop();
    }

    pub(crate) fn url(&self) -> String {
        self.registry.url()
    }

    /// The API key of a user.
    pub(crate) fn user(&self) -> &str {
        &self.registry.key
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A script for `sh`.
    pub(crate) fn script(&self, name: &str, text: &str) {
        let text = text.replace("DIR", &self.directory.path().display().to_string());
        fs::write(self.path(name), text).unwrap();
    }

    /// What is asked for below the cluster's path.
    pub(crate) fn get(&self, rest: &str) -> Value {
        let mut answer = ureq::get(format!("{}/api/v1/clusters/{KEY}{rest}", self.url()))
            .header("Authorization", format!("Bearer {}", self.user()))
            .call()
            .unwrap();
        answer.body_mut().with_config().limit(64 << 20).read_json().unwrap()
    }

    /// What Prometheus gets.
    pub(crate) fn prometheus(&self) -> String {
        let answer = ureq::get(format!("{}/metrics", self.url()))
            .header("Authorization", format!("Bearer {}", self.user()))
            .call();
        answer.unwrap().body_mut().read_to_string().unwrap()
    }

    pub(crate) fn reset(&self) {
        ureq::post(format!("{}/api/v1/clusters/{KEY}/reset", self.url()))
            .header("Authorization", format!("Bearer {}", self.user()))
            .send_empty()
            .unwrap();
    }

    pub(crate) fn delete(&self) {
        ureq::delete(format!("{}/api/v1/clusters/{KEY}", self.url()))
            .header("Authorization", format!("Bearer {}", self.user()))
            .call()
            .unwrap();
    }

    /// Processes that have something to do with the directory of the test.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let directory = self.directory.path().display().to_string();
        let of = |entry: std::io::Result<fs::DirEntry>| {
            let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            String::from_utf8_lossy(&words).contains(&directory).then_some(pid)
        };
        fs::read_dir("/proc").unwrap().filter_map(of).collect()
    }

    /// All lines of a stream, page by page.
    pub(crate) fn each_line(&self, stream: &str, mut take: impl FnMut(&Value)) {
        let mut after = Value::from(0);
        loop {
            let page = self.get(&format!("/logs?limit=50&after={after}&stream={stream}"));
            let Some(last) = page.as_array().unwrap().last() else { return };
            after = last["id"].clone();
            page.as_array().unwrap().iter().for_each(&mut take);
        }
    }

    /// The last line of a stream.
    pub(crate) fn last_line(&self, stream: &str) -> Option<String> {
        let lines = self.get(&format!("/logs?limit=1&before={}&stream={stream}", i64::MAX));
        Some(lines[0]["text"].as_str()?.to_owned())
    }

    /// How `palm cluster` with these words ends.
    pub(crate) fn cluster(&self, words: &[&str]) -> ExitStatus {
        self.command(words).status().unwrap()
    }

    /// What it prints.
    pub(crate) fn told(&self, words: &[&str]) -> String {
        String::from_utf8(self.command(words).output().unwrap().stdout).unwrap()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = palm();
        command.arg("cluster").args(words).env("PALM_REGISTRY", self.url()).env("PALM_API_KEY", self.user());
        command
    }

    /// The report of an instance, if it has one.
    pub(crate) fn report(&self, instance: &str) -> Option<Value> {
        let instances = self.get("/instances");
        let found = instances.as_array().unwrap().iter().find(|found| found["name"] == instance)?;
        Some(found["report"].clone()).filter(|report| !report.is_null())
    }

    /// Waits until an instance is in a state.
    #[track_caller]
    pub(crate) fn state(&self, instance: &str, state: &str) -> Value {
        until(&format!("{instance} {state}"), || self.report(instance).filter(|report| report["state"] == state))
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.get("/logs?limit=10000").as_array().unwrap().clone()
    }

    /// Waits until a line is stored.
    #[track_caller]
    pub(crate) fn line(&self, text: &str) -> Value {
        until(text, || self.lines().into_iter().find(|line| line["text"].as_str().unwrap().contains(text)))
    }

    /// The arguments of a runner on this node, all of its own.
    pub(crate) fn runner(&self, more: &[&str]) -> Command {
        self.runner_at(&self.url(), more)
    }

    pub(crate) fn runner_at(&self, url: &str, more: &[&str]) -> Command {
        let mut command = palm();
        command.args(["runner", "--registry", url, "--cluster", KEY, "--state"]).arg(self.path("state")).args(more);
        command
    }

    /// A runner of the same node file on another machine, as far as anybody can tell.
    pub(crate) fn start_other(&self) -> Runner {
        let mut command = palm();
        command.args(["runner", "--registry", &self.url(), "--cluster", KEY, "--state"]).arg(self.path("other"));
        Runner::start(command, &self.path("other.log"))
    }

    pub(crate) fn start(&self) -> Runner {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, more: &[&str]) -> Runner {
        Runner::start(self.runner(more), &self.path("runner.log"))
    }

    /// Waits for a process that a script has written down.
    #[track_caller]
    pub(crate) fn pid(&self, file: &str) -> i32 {
        let path = self.path(file);
        until(file, || fs::read_to_string(&path).ok()?.strip_suffix('\n')?.parse().ok())
    }
}

/// The program, without the caller's variables.
pub(crate) fn palm() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palm"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PALM_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// The binary of an example. Without it a test is skipped with a line; with `PALM_TEST_ALL=1` that is a failure.
pub(crate) fn program(name: &str, of: &str) -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_BIN_EXE_palm")).parent().unwrap().join("examples").join(name);
    if program.exists() {
        return Some(program);
    }
    let reason = format!("there is no {}; `cargo build {of} --example {name}` makes it", program.display());
    skip("what runs that example", &reason);
    None
}

/// A runner; killed when it is dropped.
pub(crate) struct Runner {
    child: Child,
    log: PathBuf,
}

impl Runner {
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        let child = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self { child, log: log.to_owned() }
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub(crate) fn terminate(&self) {
        signal(self.pid(), Signal::TERM);
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until("the end of the runner", || self.child.try_wait().unwrap())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

pub(crate) fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// A process that is neither gone nor a zombie.
pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z') && !rest.starts_with('X'))
}

#[track_caller]
pub(crate) fn gone(pid: i32) {
    until(&format!("the end of process {pid}"), || (!is_alive(pid)).then_some(()));
}

/// What a process and those that it has waited for have used.
pub(crate) fn processor_time(pid: i32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// The most memory that a process has used so far, in bytes. A debug build has many pages of program, which do not count there.
pub(crate) fn most_memory(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let of = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
    };
    let program = if cfg!(debug_assertions) { of("RssFile") } else { 0 };
    (of("VmHWM") - program) << 10
}

/// The parent of a process.
pub(crate) fn parent(pid: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

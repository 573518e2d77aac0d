//! Starts the roles of a pattern as processes, waits for its client and checks what it printed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::patterns::{Answers, Pattern, Role};
use crate::{ports, python};

pub(crate) const CLIENT_LIMIT: Duration = Duration::from_secs(60);
const START_LIMIT: Duration = Duration::from_secs(30);
const WIRED_LIMIT: Duration = Duration::from_secs(5);
/// A component that still has something to deliver may take 25 s to end.
const END_LIMIT: Duration = Duration::from_secs(27);
const POLL: Duration = Duration::from_millis(10);

/// The documentation's ports are fixed: whoever uses them holds this, in whichever process and worktree.
#[derive(Debug)]
pub(crate) struct Turn {
    _thread: MutexGuard<'static, ()>,
    _process: File,
}

pub(crate) fn take_turn() -> Turn {
    static THREADS: Mutex<()> = Mutex::new(());
    let thread = THREADS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let process =
        File::create(std::env::temp_dir().join("palm-documentation-ports.lock")).expect("the lock file can be made");
    process.lock().expect("the lock can be taken");
    Turn { _thread: thread, _process: process }
}

/// Who plays what: kinds of roles named here are played by Python, all others by the Rust example.
#[derive(Debug)]
pub(crate) struct Cast<'a>(pub(crate) &'a [&'a str]);

impl Cast<'_> {
    pub(crate) fn is_python(&self, words: &[&str]) -> bool {
        self.0.contains(&words[0]) || words.get(1).is_some_and(|name| self.0.contains(name))
    }
}

/// A process of ours with its output in files; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Player {
    label: String,
    rust: bool,
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Player {
    pub(crate) fn start(label: String, rust: bool, mut command: Command) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop");
        fs::create_dir_all(&place).expect("the directory for output can be made");
        let file = label.replace([' ', '/'], "-");
        let (out, err) = (place.join(format!("{file}.out")), place.join(format!("{file}.err")));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&out).expect("the output can be kept"))
            .stderr(File::create(&err).expect("the output can be kept"))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self { label, rust, child, out, err }
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a process of ours can be asked")
    }

    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            match self.ended() {
                None if Instant::now() < end => sleep(POLL),
                status => return status,
            }
        }
    }

    pub(crate) fn stdout(&self) -> String {
        read(&self.out)
    }

    pub(crate) fn report(&self) -> String {
        let (out, err) = (read(&self.out), read(&self.err));
        format!("--- {} stdout\n{out}--- {} stderr\n{err}", self.label, self.label)
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a process of ours can be killed");
    }

    fn terminate(&self) {
        let kill = format!("kill {}", self.child.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.terminate();
            if self.wait(Duration::from_secs(2)).is_none() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// What went wrong with a client, with the output of all who took part.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It had to be ended.
    NoEnd(String),
    /// It ended badly or with the wrong answers.
    Wrong(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoEnd(problem) | Self::Wrong(problem) => formatter.write_str(problem),
        }
    }
}

/// The roles of a pattern but the client, up and wired.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pattern: &'static Pattern,
    cast: &'a Cast<'a>,
    players: Vec<Player>,
}

impl<'a> Stage<'a> {
    pub(crate) fn set(pattern: &'static Pattern, cast: &'a Cast<'a>) -> Self {
        let taken: Vec<u16> = binds(pattern).filter(|port| ports::listens(*port)).collect();
        assert!(taken.is_empty(), "ports {taken:?} are in use by somebody else");
        let players = pattern.roles.iter().map(|role| play(pattern, cast, role.words)).collect();
        let mut stage = Self { pattern, cast, players };
        stage.wait_until_wired();
        stage
    }

    fn wait_until_wired(&mut self) {
        let end = Instant::now() + START_LIMIT;
        while !binds(self.pattern).all(ports::listens) {
            self.demand_all_up();
            assert!(
                Instant::now() < end,
                "{} did not come up in {START_LIMIT:?}\n{}",
                self.pattern.name,
                self.report()
            );
            sleep(POLL);
        }
        // A publisher of pylm drops what nobody has subscribed to.
        let end = Instant::now() + WIRED_LIMIT;
        while !wired(self.pattern, self.cast) && Instant::now() < end {
            sleep(POLL);
        }
        ports::settle();
    }

    pub(crate) fn demand_all_up(&mut self) {
        let gone: Vec<String> = self
            .players
            .iter_mut()
            .filter_map(|player| player.ended().map(|status| format!("{}: {status}", player.label)))
            .collect();
        assert!(gone.is_empty(), "ended before the client: {gone:?}\n{}", self.report());
    }

    /// Runs the client once and gives its answer lines.
    pub(crate) fn client(&mut self, limit: Duration) -> Result<Vec<String>, Failure> {
        let mut client = play(self.pattern, self.cast, self.pattern.client);
        let Some(status) = client.wait(limit) else {
            return Err(Failure::NoEnd(self.blame(&client, "no end of the client")));
        };
        self.demand_all_up();
        let lines = answer_lines(&client.stdout());
        if !status.success() {
            let problem = format!("the client ended with {status}");
            return Err(Failure::Wrong(self.blame(&client, &problem)));
        }
        match check(&self.pattern.answers, self.cast, self.pattern, &lines) {
            Ok(()) => Ok(lines),
            Err(problem) => Err(Failure::Wrong(self.blame(&client, &problem))),
        }
    }

    fn blame(&self, client: &Player, problem: &str) -> String {
        format!(
            "{} with {:?} in Python: {problem}\n{}\n{}",
            self.pattern.name,
            self.cast.0,
            client.report(),
            self.report()
        )
    }

    pub(crate) fn report(&self) -> String {
        self.players.iter().map(Player::report).collect::<Vec<_>>().join("\n")
    }

    /// Tells all to end; a component of ours must then exit with 0.
    pub(crate) fn close(mut self) {
        for player in &self.players {
            player.terminate();
        }
        let end = Instant::now() + END_LIMIT;
        for player in &mut self.players {
            let status = player.wait(end.saturating_duration_since(Instant::now()));
            assert!(
                !player.rust || status.is_some_and(|status| status.success()),
                "{} did not end well after SIGTERM: {status:?}\n{}",
                player.label,
                player.report()
            );
        }
    }
}

/// The whole of one run: every role up, one client, the right answers, everybody told to end.
pub(crate) fn run(pattern: &'static Pattern, cast: &Cast<'_>) {
    let _turn = take_turn();
    eprintln!("{} with {:?} in Python", pattern.name, cast.0);
    let mut stage = Stage::set(pattern, cast);
    match stage.client(CLIENT_LIMIT) {
        Ok(_) => stage.close(),
        Err(failure) => panic!("{failure}"),
    }
}

fn play(pattern: &Pattern, cast: &Cast<'_>, words: &[&str]) -> Player {
    let label = format!("{} {}", pattern.name, words.join(" "));
    if cast.is_python(words) {
        let python = python::interpreter().expect("a cast with Python has an interpreter");
        let mut command = Command::new(python);
        command.arg("-u");
        if pattern.name == "applications" {
            command.arg(script("application.py"));
        } else {
            command.arg(script("peer.py")).arg(pattern.name);
        }
        command.args(words);
        Player::start(format!("{label} (Python)"), false, command)
    } else {
        let mut command = Command::new(example(pattern.name));
        command.args(words);
        Player::start(format!("{label} (Rust)"), true, command)
    }
}

/// One of the scripts beside this file.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts").join(name)
}

/// Cargo builds the examples for `cargo test`, next to the directory of the tests, unless a target was picked.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test knows its own path");
    let profile = test.ancestors().nth(2).expect("a test lies in deps");
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is not there; `cargo build --examples` makes it", path.display());
    path
}

fn binds(pattern: &'static Pattern) -> impl Iterator<Item = u16> {
    pattern.roles.iter().flat_map(|role| role.binds).copied()
}

/// Whether the classic connections stand. Peers of ours use the link in place of them, and lose nothing meanwhile.
fn wired(pattern: &Pattern, cast: &Cast<'_>) -> bool {
    let is_python = |role: &Role| cast.is_python(role.words);
    let binder = |port: &u16| pattern.roles.iter().any(|role| role.binds.contains(port) && is_python(role));
    let wanted = |port: &u16| {
        let connects = pattern.roles.iter().filter(|role| role.connects.contains(port));
        connects.filter(|role| binder(port) || is_python(role)).count()
    };
    let mut connections = pattern.roles.iter().flat_map(|role: &Role| role.connects);
    connections.all(|port| ports::established(*port) >= wanted(port))
}

fn answer_lines(output: &str) -> Vec<String> {
    output.lines().filter(|line| line.starts_with("b'") || line.starts_with("Client got")).map(str::to_owned).collect()
}

fn check(answers: &Answers, cast: &Cast<'_>, pattern: &Pattern, lines: &[String]) -> Result<(), String> {
    let lines: Vec<String> =
        lines.iter().map(|line| line.replace("worker1", "worker").replace("worker2", "worker")).collect();
    let good = match answers {
        Answers::Lines(expected) => {
            let total: usize = expected.iter().map(|(count, _)| count).sum();
            lines.len() == total
                && expected.iter().all(|(count, text)| lines.iter().filter(|line| line == text).count() == *count)
        }
        Answers::Among(count, texts) => {
            lines.len() == *count
                && lines.iter().all(|line| texts.contains(&line.as_str()))
                && texts.iter().all(|text| lines.iter().any(|line| line == text))
        }
        Answers::Failure => {
            let classic = cast.is_python(pattern.client) || cast.is_python(&["server"]);
            let expected = if classic { "Client got:  b'0'" } else { "Client got an error: " };
            lines.first().is_some_and(|line| line.starts_with(expected))
        }
    };
    if good { Ok(()) } else { Err(format!("the client printed {lines:#?}\nin place of {answers:#?}")) }
}

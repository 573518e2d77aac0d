//! `palm cluster` and `palm top` against the registry itself.

use std::io::{BufRead as _, BufReader, Read};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use palm_registry::Settings;
use palm_registry::api::{Assignment, NodeJoin};
use palm_registry::logs::{LogMessages, LogOrigin, Stream};
use prost::Message as _;
use serde_json::json;

use crate::in_process::InProcess;
use crate::program::{fails, outcome, outcome_of_input, palm, prints, prints_json, spawn};

const FILE: &[u8] = b"[Master]\nScript = master\n--db = _db\n\n[Worker]\nScript = worker\nConnected = Master\nReplicas = 1\n--db = _db\n";

/// How long a line is waited for.
const LIMIT: Duration = Duration::from_secs(20);

/// A registry with a file of its own.
struct Registry {
    service: InProcess,
    _directory: tempfile::TempDir,
}

impl Registry {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("palm.db").display().to_string();
        let settings = Settings { listen: ([127, 0, 0, 1], 0).into(), database, ..Settings::default() };
        Self { service: InProcess::start(settings), _directory: directory }
    }

    fn palm(&self, words: &[&str]) -> Command {
        let mut command = palm(words);
        command.env("PALM_REGISTRY", self.service.url()).env("PALM_API_KEY", &self.service.key);
        command
    }

    /// A node joins, and its components say something.
    fn run(&self, cluster: &str) -> Assignment {
        let join = NodeJoin {
            id: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
            ip: "127.0.0.1".to_owned(),
            processors: 4,
            ports_from: 5555,
            name: Some("one".to_owned()),
            runner: "0.1.0".to_owned(),
            host: None,
        };
        let url = format!("{}/api/v1/clusters/{cluster}/nodes", self.service.url());
        let mut answer = ureq::post(&url).send_json(&join).unwrap();
        let assignment: Assignment = answer.body_mut().read_json().unwrap();
        let origin = |sequence: u64| LogOrigin {
            component: "Worker".to_owned(),
            instance: "Worker 1".to_owned(),
            node: join.id.to_string(),
            stream: Stream::Stderr.into(),
            sequence,
            ..LogOrigin::default()
        };
        let said: Vec<_> = (1..=250).map(|number| format!("line {number} \u{1b}[2J<b>\0")).collect();
        let body = LogMessages { messages: said, origins: (1..=250).map(origin).collect() }.encode_to_vec();
        ureq::post(format!("{}/logs?cluster={cluster}", self.service.url())).send(&body[..]).unwrap();
        assignment
    }
}

#[test]
fn a_cluster_from_its_file_to_its_end() {
    let registry = Registry::start();
    let made = outcome_of_input(&mut registry.palm(&["cluster", "new", "-", "--key", "k", "--alias", "Two"]), FILE);
    assert_eq!((made.code, made.out.as_str(), made.err.as_str()), (0, "k\n", ""));
    let again = outcome_of_input(&mut registry.palm(&["cluster", "new", "-", "--key", "k"]), FILE);
    assert_eq!((again.code, again.out.as_str()), (1, ""), "{}", again.err);
    let list = prints(&mut registry.palm(&["cluster", "list"]));
    assert!(list.lines().nth(1).unwrap().starts_with("k    empty        0       0       3      0  "), "{list}");

    assert_eq!(registry.run("k").instances.len(), 3);
    let status = prints(&mut registry.palm(&["cluster", "status", "k"]));
    assert!(status.starts_with("Two: "), "{status}");
    assert!(status.contains("_db = tcp://127.0.0.1:5555\n") && status.contains("\nWorker 2  127.0.0.1  "), "{status}");
    let status = prints_json(&mut registry.palm(&["cluster", "status", "k", "--json"]));
    assert_eq!((&status["cluster"]["placed"], &status["nodes"][0]["name"]), (&json!(3), &json!("one")));

    let table = prints(&mut registry.palm(&["top", "--cluster", "k"]));
    assert_eq!(table.lines().count(), 4, "{table}");

    for command in ["reset", "delete"] {
        assert_eq!(prints(&mut registry.palm(&["cluster", command, "k"])), "");
    }
    fails(&mut registry.palm(&["cluster", "status", "k"]), 3, &["error: "]);
    assert_eq!(prints_json(&mut registry.palm(&["cluster", "list", "--json"])), json!([]));
}

#[test]
fn what_components_said_is_read_as_they_said_it() {
    let registry = Registry::start();
    outcome_of_input(&mut registry.palm(&["cluster", "new", "-", "--key", "k"]), FILE);
    registry.run("k");
    let logs = prints(&mut registry.palm(&["cluster", "logs", "k", "--component", "Worker", "--stream", "STDERR"]));
    let said: Vec<_> = logs.lines().map(|line| line.split_once(" [Worker 1] ").unwrap().1).collect();
    let expected: Vec<_> = (1..=250).map(|number| format!("line {number} \u{1b}[2J<b>\0")).collect();
    assert_eq!(said, expected);
    let tail = prints(&mut registry.palm(&["cluster", "logs", "k", "--tail", "2"]));
    assert_eq!(tail.lines().count(), 2);
    assert!(tail.lines().next().unwrap().contains("line 249 ") && tail.contains("line 250 "), "{tail}");
    assert_eq!(prints(&mut registry.palm(&["cluster", "logs", "k", "--component", "Master"])), "");
    fails(&mut registry.palm(&["cluster", "logs", "k", "--from", "yesterday"]), 1, &["`from` is a time"]);
}

#[test]
fn what_the_registry_refuses_is_told() {
    let registry = Registry::start();
    let bad = outcome_of_input(&mut registry.palm(&["cluster", "new", "-"]), b"[Master]\nReplicas = many\n");
    assert_eq!((bad.code, bad.out.as_str()), (1, ""), "{}", bad.err);
    assert!(bad.err.contains("(line "), "{}", bad.err);
    let stranger = outcome(palm(["cluster", "list"]).env("PALM_REGISTRY", registry.service.url()));
    assert_eq!((stranger.code, stranger.out.as_str()), (1, ""), "{}", stranger.err);
    assert!(stranger.err.contains("PALM_API_KEY"), "{}", stranger.err);
    fails(&mut registry.palm(&["cluster", "delete", "../x"]), 3, &["error: "]);
}

#[test]
fn a_registry_that_is_away_for_a_while_ends_nothing() {
    let mut registry = Registry::start();
    outcome_of_input(&mut registry.palm(&["cluster", "new", "-", "--key", "k"]), FILE);
    let follow = Child::of(&mut registry.palm(&["cluster", "logs", "k", "--follow"]));
    let top =
        Child::of(&mut registry.palm(&["top", "--cluster", "k", "--interval", "0.05", "--count", "1000", "--json"]));
    top.line_with("\"instances\":[]");
    registry.run("k");
    follow.line_with("line 250 ");
    registry.service.stop();
    top.line_with("cannot be reached");
    follow.note_with("trying again");
    registry.service.start_again();
    top.line_with("\"instances\":[{");
    let body = LogMessages { messages: vec!["it is back".to_owned()], origins: Vec::new() }.encode_to_vec();
    ureq::post(format!("{}/logs?cluster=k", registry.service.url())).send(&body[..]).unwrap();
    follow.line_with("it is back");
}

/// A process whose lines are waited for. Dropping it ends it.
struct Child {
    process: std::process::Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Child {
    fn of(command: &mut Command) -> Self {
        let mut process = spawn(command);
        let (out, err) = (lines_of(process.stdout.take().unwrap()), lines_of(process.stderr.take().unwrap()));
        Self { process, out, err }
    }

    /// Waits for a line with that text on stdout.
    #[track_caller]
    fn line_with(&self, text: &str) {
        wait_for(&self.out, text);
    }

    /// The same on stderr.
    #[track_caller]
    fn note_with(&self, text: &str) {
        wait_for(&self.err, text);
    }
}

fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        lines.map(|line| sender.send(line)).find(Result::is_err)
    });
    lines
}

#[track_caller]
fn wait_for(lines: &Receiver<String>, text: &str) {
    let end = Instant::now() + LIMIT;
    while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
        if line.contains(text) {
            return;
        }
    }
    panic!("nothing said `{text}`");
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! Killed again and again while a crowd of nodes asks and sends: no port is given twice, and no line is lost or kept twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use palm_registry::logs::{LogMessages, LogOrigin};
use prost::Message as _;
use serde_json::{Value, json};

use crate::process::{Registry, add_user, request};

const LINES: u64 = 20;
/// Of one node: two that ask what to run, and its lines.
const CALLS: usize = 6;
/// How long one node tries in all: far longer than it takes, so that a hang is a failure.
const PATIENCE: Duration = Duration::from_secs(900);

/// One that tries until it is answered, as runners do.
struct Caller<'a> {
    agent: ureq::Agent,
    address: &'a str,
    /// How many were answered.
    answered: &'a AtomicUsize,
    end: Instant,
}

impl<'a> Caller<'a> {
    fn new(address: &'a str, answered: &'a AtomicUsize) -> Self {
        // A crowd waits for one another.
        let timeout = Some(PATIENCE);
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(timeout);
        Self { agent: config.build().into(), address, answered, end: Instant::now() + PATIENCE }
    }

    fn until_answered(&self, method: &str, path: &str, body: &[u8]) -> String {
        loop {
            assert!(Instant::now() < self.end, "{path} was not answered");
            match request(&self.agent, self.address, (method, path), "", body) {
                Ok((200, text)) => {
                    self.answered.fetch_add(1, Ordering::SeqCst);
                    return text;
                }
                Ok((status, text)) => panic!("{path}: {status} {text}"),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

fn id(node: usize) -> String {
    format!("67e55044-10b1-426f-9247-{node:012x}")
}

fn join(caller: &Caller<'_>, node: usize) -> Vec<String> {
    let join = json!({"id": id(node), "ip": "127.0.0.1", "processors": 1, "ports_from": 5555});
    let answer = caller.until_answered("POST", "/api/v1/clusters/c/nodes", join.to_string().as_bytes());
    let assignment: Value = serde_json::from_str(&answer).unwrap();
    let instances = assignment["instances"].as_array().unwrap();
    instances.iter().map(|instance| instance["command"].as_str().unwrap().to_owned()).collect()
}

/// Sends the lines of a node in batches; each until it is answered, whether it came in before or not.
fn send(caller: &Caller<'_>, node: usize) {
    for first in (1..=LINES).step_by(5) {
        let numbers = first..first + 5;
        let origin = |sequence| LogOrigin { node: id(node), sequence, ..LogOrigin::default() };
        let batch = LogMessages {
            messages: numbers.clone().map(|number| format!("{node} {number}")).collect(),
            origins: numbers.map(origin).collect(),
        };
        caller.until_answered("POST", "/logs?cluster=c", &batch.encode_to_vec());
    }
}

/// What an old runner asks, which does not say who it is: each time it gets more. What it gets is what no other gets.
fn node_config(caller: &Caller<'_>) -> Vec<String> {
    let node = "%5BDEFAULT%5D%0AIp%3D127.0.0.1%0AProcessors%3D1%0APorts_from%3D5555";
    let answer = caller.until_answered("GET", &format!("/cluster?method=node_config&cluster=old&node={node}"), b"");
    serde_json::from_str(&answer).unwrap()
}

/// Components with two addresses each.
fn file(components: usize) -> String {
    let mut file = String::new();
    for component in 0..components {
        write!(file, "[C{component}]\nScript = c{component}\n--a = _a{component}\n--b = _b{component}\n").unwrap();
    }
    file
}

fn addresses<'a>(commands: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    commands.flat_map(|command| command.split(' ').filter(|word| word.starts_with("tcp://"))).collect()
}

/// As many nodes as there are components, `crowd` of them at a time, while the registry is killed so often.
fn killed_again_and_again(kills: usize, nodes: usize, crowd: usize) {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("registry.db");
    let key = String::from_utf8(add_user(&database, &["ann", "--password-stdin"], "correct horse").stdout).unwrap();
    let key = key.trim();
    let mut registry = Registry::start(&database, "127.0.0.1:0");
    // An old runner whose answer got lost asks again, and gets something else: there has to be enough for all.
    for (name, components) in [("c", nodes), ("old", 2 * nodes)] {
        let new = json!({"file": file(components), "key": name}).to_string();
        assert_eq!(registry.request("POST", "/api/v1/clusters", key, new.as_bytes()).unwrap().0, 201);
    }
    let address = registry.address.clone();
    let (answers, next, answered) = (Mutex::new(BTreeMap::new()), AtomicUsize::new(0), AtomicUsize::new(0));
    let old = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..crowd {
            scope.spawn(|| {
                let caller = Caller::new(&address, &answered);
                loop {
                    let node = next.fetch_add(1, Ordering::SeqCst);
                    if node >= nodes {
                        break;
                    }
                    let commands = join(&caller, node);
                    answers.lock().unwrap().insert(node, commands);
                    let commands = node_config(&caller);
                    old.lock().unwrap().extend(commands);
                    send(&caller, node);
                }
            });
        }
        for kill in 0..kills {
            let end = Instant::now() + PATIENCE;
            while answered.load(Ordering::SeqCst) < kill * nodes * CALLS / (kills + 1) {
                assert!(Instant::now() < end, "the nodes get no further");
                std::thread::sleep(Duration::from_millis(5));
            }
            registry.kill();
            registry = Registry::start(&database, &address);
        }
    });
    let (answers, old) = (answers.into_inner().unwrap(), old.into_inner().unwrap());
    for (given, nodes) in [(addresses(answers.values().flatten()), nodes), (addresses(old.iter()), nodes)] {
        let distinct: BTreeSet<&str> = given.iter().copied().collect();
        assert_eq!((given.len(), distinct.len()), (2 * nodes, 2 * nodes), "a port is given twice");
    }
    let caller = Caller::new(&address, &answered);
    for (node, commands) in &answers {
        assert_eq!(&join(&caller, *node), commands, "node {node} gets its own again");
    }
    // What was answered to whom asked the old way is what is placed.
    let placed: Value =
        serde_json::from_str(&registry.request("GET", "/api/v1/clusters/old/instances", key, b"").unwrap().1).unwrap();
    let placed: BTreeSet<&str> =
        placed.as_array().unwrap().iter().map(|instance| instance["command"].as_str().unwrap()).collect();
    assert!(old.iter().all(|command| placed.contains(command.as_str())));
    let lines: Value = serde_json::from_str(&registry.request("GET", "/logs?cluster=c", "", b"").unwrap().1).unwrap();
    let mut lines: Vec<&str> = lines.as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(lines.len() as u64, nodes as u64 * LINES);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len() as u64, nodes as u64 * LINES, "a line is kept twice");
    eprintln!(
        "{kills} kills, {nodes} nodes, {} lines, {} answered the old way: nothing twice, nothing lost",
        lines.len(),
        old.len()
    );
}

#[test]
fn answers_and_lines_survive_it() {
    killed_again_and_again(5, 40, 8);
}

#[test]
#[ignore = "takes minutes: for `--ignored full`"]
fn full_fifty_kills_in_a_crowd_of_a_thousand() {
    killed_again_and_again(50, 1_000, 1_000);
}

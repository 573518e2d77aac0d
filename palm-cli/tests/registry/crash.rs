//! Killed again and again while a crowd of nodes asks and sends: no port is given twice, and no line is lost or kept twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use palm_registry::logs::{LogMessages, LogOrigin};
use prost::Message as _;
use serde_json::{Value, json};

use crate::process::{Registry, add_user, request};

const NODES: usize = 40;
const LINES: u64 = 20;
const KILLS: usize = 5;
/// How long one node tries in all: far longer than it takes, so that a hang is a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// One that tries until it is answered, as runners do.
struct Caller<'a> {
    agent: ureq::Agent,
    address: &'a str,
    end: Instant,
}

impl<'a> Caller<'a> {
    fn new(address: &'a str) -> Self {
        let timeout = Some(Duration::from_secs(10));
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(timeout);
        Self { agent: config.build().into(), address, end: Instant::now() + PATIENCE }
    }

    fn until_answered(&self, path: &str, body: &[u8]) -> String {
        loop {
            assert!(Instant::now() < self.end, "{path} was not answered");
            match request(&self.agent, self.address, ("POST", path), "", body) {
                Ok((200, text)) => return text,
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
    let answer = caller.until_answered("/api/v1/clusters/c/nodes", join.to_string().as_bytes());
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
        caller.until_answered("/logs?cluster=c", &batch.encode_to_vec());
    }
}

fn cluster(database: &Path) -> String {
    let key = String::from_utf8(add_user(database, &["ann", "--password-stdin"], "correct horse").stdout).unwrap();
    key.trim().to_owned()
}

#[test]
fn answers_and_lines_survive_it() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("registry.db");
    let key = cluster(&database);
    let mut registry = Registry::start(&database, "127.0.0.1:0");
    let mut file = String::new();
    for component in 0..NODES {
        write!(file, "[C{component}]\nScript = c{component}\n--a = _a{component}\n--b = _b{component}\n").unwrap();
    }
    let new = json!({"file": file, "key": "c"}).to_string();
    assert_eq!(registry.request("POST", "/api/v1/clusters", &key, new.as_bytes()).unwrap().0, 201);
    let address = registry.address.clone();
    let (answers, next, done) = (Mutex::new(BTreeMap::new()), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let caller = Caller::new(&address);
                loop {
                    let node = next.fetch_add(1, Ordering::SeqCst);
                    if node >= NODES {
                        break;
                    }
                    let commands = join(&caller, node);
                    answers.lock().unwrap().insert(node, commands);
                    send(&caller, node);
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for kill in 1..=KILLS {
            let end = Instant::now() + PATIENCE;
            while done.load(Ordering::SeqCst) < kill * NODES / (KILLS + 1) {
                assert!(Instant::now() < end, "the nodes get no further");
                std::thread::sleep(Duration::from_millis(5));
            }
            registry.kill();
            registry = Registry::start(&database, &address);
        }
    });
    let answers = answers.into_inner().unwrap();
    let addresses: Vec<&str> = answers
        .values()
        .flatten()
        .flat_map(|command| command.split(' ').filter(|word| word.starts_with("tcp://")))
        .collect();
    let distinct: BTreeSet<&str> = addresses.iter().copied().collect();
    assert_eq!((answers.len(), addresses.len(), distinct.len()), (NODES, 2 * NODES, 2 * NODES));
    let caller = Caller::new(&address);
    for (node, commands) in &answers {
        assert_eq!(&join(&caller, *node), commands, "node {node} gets its own again");
    }
    let lines: Value = serde_json::from_str(&registry.request("GET", "/logs?cluster=c", "", b"").unwrap().1).unwrap();
    let mut lines: Vec<&str> = lines.as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(lines.len() as u64, NODES as u64 * LINES);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len() as u64, NODES as u64 * LINES, "a line is kept twice");
}

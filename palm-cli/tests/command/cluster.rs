use std::io::{BufRead as _, BufReader};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::program::{fails, interrupt, outcome, outcome_of_input, palm, prints, prints_json, spawn};
use crate::registry::{StandIn, problem};

const NODE: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

fn cluster(state: &str) -> Value {
    json!({
        "key": "a key", "alias": "Valuation", "created": "2026-11-25T15:00:00Z", "state": state, "wanted": 3, "placed": 3,
        "running": 2, "nodes": 1, "addresses": { "_1": "tcp://127.0.0.1:5555" },
    })
}

fn node() -> Value {
    json!({
        "id": NODE, "ip": "127.0.0.1", "processors": 3, "ports_from": 5555, "name": "one", "runner": "0.1.0",
        "joined": "2026-11-25T15:00:00Z", "last_seen": "2026-11-25T15:00:10Z", "alive": true, "instances": 3,
    })
}

fn instances() -> Value {
    let placed = |name: &str, report: Value| {
        json!({
            "name": name, "component": "Worker", "node": NODE, "ip": "127.0.0.1", "command": "worker", "report": report,
        })
    };
    json!([
        placed(
            "Worker 1",
            json!({
                "name": "Worker 1", "state": "RUNNING", "since": "2026-11-25T15:00:00Z", "pid": 4711, "cpu_percent": 12.345,
                "rss_bytes": 1536, "stats": { "received": 70, "sent": 60, "errors": 5, "in_flight": 2 },
            })
        ),
        placed(
            "Worker 2",
            json!({
                "name": "Worker 2", "state": "BACKOFF", "since": "2026-11-25T15:00:00Z", "restarts": 3, "exit_code": 1,
                "reason": "it ended\u{1b}[2J",
            })
        ),
        placed("Old", Value::Null),
    ])
}

/// A registry with one cluster.
fn registry() -> StandIn {
    StandIn::start(|request| match request.what.as_str() {
        "GET /api/v1/clusters" => (200, json!([cluster("degraded")])),
        "POST /api/v1/clusters" => (201, cluster("empty")),
        "GET /api/v1/clusters/a%20key" => (200, cluster("degraded")),
        "GET /api/v1/clusters/a%20key/nodes" => (200, json!([node()])),
        "GET /api/v1/clusters/a%20key/instances" => (200, instances()),
        "POST /api/v1/clusters/a%20key/reset" | "DELETE /api/v1/clusters/a%20key" => (204, Value::Null),
        _ => (404, problem("not_found", "no cluster has this key", None)),
    })
}

#[test]
fn a_cluster_is_made_out_of_a_file() {
    let registry = registry();
    let words = ["cluster", "new", "-", "--alias", "Valuation", "--registry", &registry.url, "--api-key", "a-secret"];
    let made = outcome_of_input(&mut palm(words), b"[Worker]\nScript = worker\n");
    assert_eq!((made.code, made.out.as_str(), made.err.as_str()), (0, "a key\n", ""));
    let asked = registry.asked();
    assert_eq!(asked[0].credential.as_deref(), Some("Bearer a-secret"));
    let body: Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(body, json!({ "file": "[Worker]\nScript = worker\n", "key": null, "alias": "Valuation" }));
    let made = outcome_of_input(palm(words).arg("--json"), b"[Worker]\nScript = worker\n");
    assert_eq!(serde_json::from_str::<Value>(&made.out).unwrap()["key"], "a key");
}

#[test]
fn a_bad_file_is_told_with_its_line() {
    let registry = StandIn::start(|_| (422, problem("bad_file", "`Script` is missing", Some(3))));
    let words = ["cluster", "new", "-", "--registry", &registry.url];
    let made = outcome_of_input(&mut palm(words), b"[Worker]\n");
    assert_eq!((made.code, made.err.as_str()), (1, "error: `Script` is missing (line 3)\n"));
}

#[test]
fn clusters_are_listed() {
    let registry = registry();
    let list =
        prints(palm(["cluster", "list"]).env("PALM_REGISTRY", &registry.url).env("PALM_API_KEY", "k").env("TZ", "UTC"));
    assert_eq!(
        list,
        "KEY    STATE     RUNNING  PLACED  WANTED  NODES  CREATED              NAME\n\
         a key  degraded        2       3       3      1  2026-11-25 15:00:00  Valuation\n"
    );
    assert_eq!(registry.asked()[0].credential.as_deref(), Some("Bearer k"));
    let json = prints_json(palm(["cluster", "list", "--json"]).env("PALM_REGISTRY", &registry.url));
    assert_eq!(json[0]["key"], "a key");
}

#[test]
fn the_status_tells_why_something_does_not_run() {
    let registry = registry();
    let status = prints(palm(["cluster", "status", "a key", "--registry", &registry.url]).env("TZ", "UTC"));
    insta::assert_snapshot!(status);
    let json = prints_json(&mut palm(["cluster", "status", "a key", "--registry", &registry.url, "--json"]));
    assert_eq!(json["instances"][1]["report"]["reason"], "it ended\u{1b}[2J");
    assert_eq!(json["nodes"][0]["id"], NODE);
}

#[test]
fn the_table_of_a_cluster_is_live() {
    let registry = registry();
    let words = ["top", "--cluster", "a key", "--registry", &registry.url, "--interval", "0.01", "--count", "2"];
    let tables = prints(&mut palm(words));
    let (one, other) = tables.split_at(tables.len() / 2);
    assert_eq!(one, other);
    insta::assert_snapshot!(one);
    let json = prints(palm(words).arg("--json"));
    assert_eq!(json.lines().count(), 2);
}

#[test]
fn a_cluster_is_reset_and_removed() {
    let registry = registry();
    for command in ["reset", "delete"] {
        assert_eq!(prints(&mut palm(["cluster", command, "a key", "--registry", &registry.url])), "");
    }
    let asked: Vec<_> = registry.asked().into_iter().map(|request| request.what).collect();
    assert_eq!(asked, ["POST /api/v1/clusters/a%20key/reset", "DELETE /api/v1/clusters/a%20key"]);
}

#[test]
fn unknown_clusters_and_registries_are_nobody() {
    let registry = registry();
    for command in ["status", "logs", "reset", "delete"] {
        fails(&mut palm(["cluster", command, "other", "--registry", &registry.url]), 3, &["no cluster has this key"]);
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fails(&mut palm(["cluster", "list", "--registry", &format!("http://{closed}")]), 3, &["cannot be reached"]);
    let other = StandIn::start(|_| (200, json!("hello")));
    fails(&mut palm(["cluster", "list", "--registry", &other.url]), 1, &["is it a PALM registry?"]);
    let locked = StandIn::start(|_| (401, problem("no_key", "an API key is needed", None)));
    fails(&mut palm(["cluster", "list", "--registry", &locked.url]), 1, &["PALM_API_KEY"]);
}

/// A log of so many lines, given out as it is asked for.
pub(crate) fn log(lines: u32) -> StandIn {
    let written = AtomicU32::new(lines);
    StandIn::start(move |request| {
        let (path, query) = request.what.split_once('?').unwrap();
        assert_eq!(path, "GET /api/v1/clusters/k/logs");
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('=')).unwrap();
        let (after, limit): (u32, u32) = (value("after").parse().unwrap(), value("limit").parse().unwrap());
        let written = written.load(Ordering::SeqCst).max(after);
        let line = |id: u32| {
            json!({
                "id": id, "at": "2026-11-25T15:00:00.25Z", "text": format!("line {id} \u{1b}[31m<b>\u{0}"),
                "component": "Worker", "instance": "Worker 1", "stream": "STDERR",
            })
        };
        (200, (after + 1..=written.min(after + limit)).map(line).collect())
    })
}

#[test]
fn logs_are_read_to_their_end_and_are_intact() {
    let registry = log(250);
    let out = prints(palm(["cluster", "logs", "k", "--registry", &registry.url]).env("TZ", "UTC"));
    let expected: String =
        (1..=250).map(|id| format!("2026-11-25 15:00:00,250 [Worker 1] line {id} \u{1b}[31m<b>\0\n")).collect();
    assert_eq!(out, expected);
    let words = ["cluster", "logs", "k", "--component", "A&B", "--registry", &registry.url, "--json"];
    let lines = prints(&mut palm(words));
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&last["id"], &last["text"]), (&250.into(), &"line 250 \u{1b}[31m<b>\0".into()));
    assert!(registry.asked().last().unwrap().what.contains("component=A%26B"));
}

#[test]
fn a_log_is_followed_until_ctrl_c() {
    let registry = log(2);
    let mut child = spawn(&mut palm(["cluster", "logs", "k", "--follow", "--registry", &registry.url]));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("line 1"));
    assert!(lines.next().unwrap().unwrap().contains("line 2"));
    // It asks again although there is nothing new.
    while registry.asked().len() < 3 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    interrupt(&child);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(130), &b""[..]));
}

#[test]
fn a_reader_of_a_log_may_have_seen_enough() {
    let registry = log(1_000_000);
    let mut child = spawn(&mut palm(["cluster", "logs", "k", "--registry", &registry.url]));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(outcome(&mut palm(["cluster"])).code, 2);
}

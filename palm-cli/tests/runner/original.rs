//! A registry of the original kind: no identities, no states, commands in lines and log lines without origins.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use palm_registry::logs::LogMessages;
use prost::Message as _;
use serde_json::Value;

use crate::environment;
use crate::rig::{Rig, Runner, until};
use crate::skip::skip;

/// Answers as the original does; lines that come in are handed on.
fn original(commands: &'static str) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (lines, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            loop {
                let mut request = String::new();
                if stream.read_line(&mut request).unwrap_or(0) == 0 {
                    break;
                }
                let mut length = 0;
                loop {
                    let mut header = String::new();
                    stream.read_line(&mut header).unwrap();
                    let header = header.trim().to_lowercase();
                    if header.is_empty() {
                        break;
                    }
                    if let Some(value) = header.strip_prefix("content-length: ") {
                        length = value.parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                let (status, answer) = match request.split(' ').nth(1).unwrap() {
                    path if path.starts_with("/cluster?method=node_config&cluster=k&node=") => ("200 OK", commands),
                    "/logs?cluster=k" => {
                        let batch = LogMessages::decode(&body[..]).unwrap();
                        batch.messages.into_iter().for_each(|line| drop(lines.send(line)));
                        ("200 OK", "")
                    }
                    _ => ("404 Not Found", "<html><title>404: Not Found</title></html>"),
                };
                let head =
                    format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", answer.len());
                stream.get_mut().write_all(format!("{head}{answer}").as_bytes()).unwrap();
            }
        }
    });
    (format!("http://{address}"), received)
}

#[test]
fn commands_are_run_and_their_lines_are_sent() {
    let rig = Rig::new("[Unused]\nScript = true\n");
    let (url, lines) = original(r#"["echo one 'two  three'", "false"]"#);
    let mut runner = Runner::start(rig.runner_at(&url, &["--once"]), &rig.path("runner.log"));
    assert_eq!(runner.ended().code(), Some(1));
    assert_eq!(lines.iter().next().unwrap(), "one two  three");
    assert!(runner.log().contains("command 2: it ended with exit code 1"), "{}", runner.log());
}

#[test]
fn no_command_is_the_end() {
    let rig = Rig::new("[Unused]\nScript = true\n");
    let (url, _lines) = original("[]");
    let mut runner = Runner::start(rig.runner_at(&url, &[]), &rig.path("runner.log"));
    assert!(runner.ended().success());
    assert!(runner.log().contains("no command issued"), "{}", runner.log());
}

/// The registry of pylm-registry 0.4.14; dropping it ends it.
struct Pylm(Child);

impl Drop for Pylm {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Pylm {
    /// Starts it with a user whose key is `KEY`. It says no port of the system's choice, so it gets one that was free.
    fn start(environment: &Path, rig: &Rig) -> (Self, String) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let database = rig.path("pylm.sqlite");
        let command = || {
            let mut command = Command::new(environment.join("bin/pylm-registry"));
            command.arg("--db").arg(format!("sqlite:///{}", database.display())).args(["--port", &port.to_string()]);
            command.current_dir(rig.path("state").parent().unwrap());
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        // It makes the tables, and ends for want of a terminal to ask for a password at.
        command().arg("--sync").status().unwrap();
        let user = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\n\
                    c.execute(\"insert into users(name, key, active, admin) values ('ann', 'KEY', 1, 1)\")\nc.commit()\n";
        let made = Command::new(environment.join("bin/python")).args(["-c", user]).arg(&database).status().unwrap();
        assert!(made.success());
        let pylm = Self(command().spawn().unwrap());
        let url = format!("http://127.0.0.1:{port}");
        until("pylm-registry", || ureq::get(&url).call().ok());
        (pylm, url)
    }
}

/// Makes a cluster the old way.
fn new_cluster(registry: &str, user: &str, key: &str, file: &str) {
    let made = ureq::get(format!("{registry}/cluster"))
        .query_pairs([("method", "new_cluster"), ("key", key), ("alias", "a"), ("description", file)])
        .header("Key", user)
        .call();
    assert_eq!(made.unwrap().body_mut().read_to_string().unwrap(), key);
}

#[test]
fn the_original_itself() {
    let environment = match environment::made() {
        Ok(environment) => environment,
        Err(reason) => return skip("the original registry", reason),
    };
    let rig = Rig::new("[Unused]\nScript = true\n");
    let (_pylm, url) = Pylm::start(environment, &rig);
    rig.script("teller.sh", "echo told \"$@\"\necho err >&2\nexec sleep 1000\n");
    let file = format!("[Teller]\nScript = sh {}\n--db = _1\n", rig.path("teller.sh").display());
    new_cluster(&url, "KEY", "k", &file);
    let mut runner = Runner::start(rig.runner_at(&url, &[]), &rig.path("runner.log"));
    let lines = || -> Vec<String> {
        let stored: Value = ureq::get(format!("{url}/logs?cluster=k")).call().unwrap().body_mut().read_json().unwrap();
        stored.as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect()
    };
    let mut found = until("two lines", || Some(lines()).filter(|lines| lines.len() == 2));
    found.sort();
    assert_eq!(found, ["err", "told --db tcp://127.0.0.1:5555"]);
    runner.terminate();
    assert!(runner.ended().success());
}

/// How long a batch of so many lines takes to be stored, and all of them to be read, by the addresses of the original.
fn stored_and_read(registry: &str, user: &str, key: &str, lines: &[String]) -> [Duration; 2] {
    new_cluster(registry, user, key, "[A]\nScript = a\n");
    let body = LogMessages { messages: lines.to_vec(), origins: Vec::new() }.encode_to_vec();
    let url = format!("{registry}/logs?cluster={key}");
    let start = Instant::now();
    ureq::post(&url).send(&body[..]).unwrap();
    let stored = start.elapsed();
    let start = Instant::now();
    let read = ureq::get(&url).call().unwrap().body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
    let took = start.elapsed();
    let read: Value = serde_json::from_slice(&read).unwrap();
    assert!(read.as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).eq(lines));
    [stored, took]
}

#[test]
#[ignore = "measures: for `--ignored full`"]
fn full_ten_thousand_lines_beside_the_original() {
    let environment = match environment::made() {
        Ok(environment) => environment,
        Err(reason) => return skip("the original registry", reason),
    };
    let rig = Rig::new("[Unused]\nScript = true\n");
    let (_pylm, url) = Pylm::start(environment, &rig);
    let lines: Vec<_> = (0..10_000).map(|number| format!("{number:06} - server - INFO - {}", "x".repeat(80))).collect();
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for round in 0..7 {
        let key = format!("round{round}");
        theirs.push(stored_and_read(&url, "KEY", &key, &lines));
        ours.push(stored_and_read(&rig.url(), rig.user(), &key, &lines));
    }
    for (whose, rounds) in [("pylm-registry", theirs), ("palm registry", ours)] {
        let median = |which: usize| {
            let mut times: Vec<_> = rounds.iter().map(|times| times[which]).collect();
            times.sort();
            (times[times.len() / 2], times[0], times[times.len() - 1])
        };
        eprintln!("{whose}: 10,000 lines stored in {:?}, read in {:?} (median, least, most)", median(0), median(1));
    }
}

//! A registry of the original kind: no identities, no states, commands in lines and log lines without origins.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use palm_registry::logs::LogMessages;
use prost::Message as _;
use serde_json::Value;

use crate::environment;
use crate::rig::{Rig, Runner, until};

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

#[test]
fn the_original_itself() {
    let environment = match environment::made() {
        Ok(environment) => environment,
        Err(reason) => {
            let line = format!("skipped: the original registry, since {reason}");
            assert!(std::env::var_os("PALM_TEST_ALL").is_none_or(|all| all != "1"), "{line}");
            let _ = writeln!(std::io::stderr(), "{line}");
            return;
        }
    };
    let rig = Rig::new("[Unused]\nScript = true\n");
    let (_pylm, url) = Pylm::start(environment, &rig);
    rig.script("teller.sh", "echo told \"$@\"\necho err >&2\nexec sleep 1000\n");
    let file = format!("[Teller]\nScript = sh {}\n--db = _1\n", rig.path("teller.sh").display());
    let cluster = ureq::get(format!("{url}/cluster"))
        .query_pairs([("method", "new_cluster"), ("key", "k"), ("alias", "a"), ("description", &file)])
        .header("Key", "KEY")
        .call();
    assert_eq!(cluster.unwrap().body_mut().read_to_string().unwrap(), "k");
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

//! A registry of the original kind: no identities, no states, commands in lines and log lines without origins.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use palm_registry::logs::LogMessages;
use prost::Message as _;

use crate::rig::{Rig, Runner};

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

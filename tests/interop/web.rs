//! Each HTTP part beside its counterpart in pylm: service, connection, web worker and caller, in every mix.

use std::process::Command;
use std::time::{Duration, Instant};

use palm::http::{HttpConnection, HttpService, HttpWorker};
use palm::topology::Route;
use palm::wire::Code;
use palm::{Handle, ServerTemplate};

use crate::run::{Player, script, take_turn};
use crate::{ports, python};

const WORKER: u16 = 8888;
const SERVICE: u16 = 8889;
const LIMIT: Duration = Duration::from_secs(30);

struct Online;

#[palm::worker]
impl Online {
    fn foo(&mut self, payload: &[u8]) -> Vec<u8> {
        [payload, b" processed online"].concat()
    }

    fn fail(&mut self, _payload: &[u8]) -> Result<String, &'static str> {
        Err("this method fails on purpose")
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Somebody who plays a part until dropped.
enum Peer {
    Rust { _handle: Handle },
    Python { _player: Player },
}

fn python(words: &[&str]) -> Player {
    let mut command = Command::new(python::interpreter().expect("the test has asked"));
    command.arg("-u").arg(script("web.py")).args(words);
    Player::start(format!("web {}", words[..words.len().min(2)].join(" ")), false, command)
}

fn up(port: u16, start: impl FnOnce() -> Peer) -> Peer {
    assert!(!ports::listens(port), "port {port} is in use by somebody else");
    let (peer, end) = (start(), Instant::now() + LIMIT);
    while !ports::listens(port) {
        assert!(Instant::now() < end, "nobody listens at {port}");
        std::thread::sleep(Duration::from_millis(10));
    }
    peer
}

fn worker(in_python: bool) -> Peer {
    up(WORKER, || match in_python {
        true => Peer::Python { _player: python(&["worker", "8888"]) },
        false => {
            let worker = HttpWorker::new("web_worker", Online).address(url(WORKER));
            Peer::Rust { _handle: worker.start().expect("the port is free") }
        }
    })
}

/// HTTP in, and out to `to`.
fn bridge(port: u16, to: u16) -> Handle {
    ServerTemplate::new("bridge")
        .register_inbound("Http", HttpService::new(url(port)), Route::to("Web").blocking())
        .register_outbound("Web", HttpConnection::new(url(to)), Route::exterior())
        .start()
        .expect("the port is free")
}

fn service(in_python: bool) -> Peer {
    up(SERVICE, || match in_python {
        true => Peer::Python { _player: python(&["service", "8889", &url(WORKER)]) },
        false => Peer::Rust { _handle: bridge(SERVICE, WORKER) },
    })
}

#[test]
fn services_connections_and_web_workers() {
    if python::interpreter().is_none() {
        return;
    }
    for mix in 0..4 {
        let (worker_in_python, service_in_python) = (mix & 1 == 1, mix & 2 == 2);
        let _turn = take_turn();
        let _peers = (worker(worker_in_python), service(service_in_python));
        let mut caller = python(&["call", &url(SERVICE)]);
        let ended = caller.wait(LIMIT).is_some_and(|status| status.success());
        assert!(ended, "{mix}: {}", caller.report());
        assert_eq!(caller.stdout().trim(), "b'a message processed online'", "{mix}");
        // The caller in Rust: a connection behind a service of its own.
        let ours = bridge(0, SERVICE);
        let answer = call(&ours, "server.foo");
        assert_eq!((answer.payload(), answer.error()), (&"a message processed online".into(), None), "{mix}");
        if !service_in_python {
            // What fails at a worker is an error to us, and is told on to whoever is ours.
            let error = call(&ours, "server.fail").error().expect("an error");
            assert_eq!(Code::from(error.code), Code::MethodFailed, "{mix}: {}", error.text);
        }
    }
}

/// Calls by hand.
fn call(service: &Handle, function: &str) -> palm::Message {
    let url = service.address("http_address").expect("it listens");
    let body = palm::Message::new(function, "a message").encode();
    let mut response = ureq::post(url).send(&body[..]).expect("an answer");
    let body = response.body_mut().read_to_vec().expect("a body");
    palm::Message::decode(body.into()).expect("a message")
}

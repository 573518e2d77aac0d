//! The parts of pylm as peers of ours.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use palm::part::{CacheService, Methods, PullService, PushPullService, PushService, RepService, ReqConnection};
use palm::topology::Route;
use palm::{Handle, ServerTemplate};

use crate::peers::{ask, ask_raw, connected, decode, message, text};
use crate::python;
use crate::support::{address, guarded};

/// A peer in Python; dropping it ends it.
struct Peer {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    fn start(arguments: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parts/scripts/peer.py");
        let mut child = Command::new(python::interpreter().unwrap())
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A test with a Python peer. The environment for it is made first, however long that takes.
fn beside_pylm(test: impl FnOnce() + Send + 'static) {
    if python::interpreter().is_some() {
        guarded(test);
    }
}

#[derive(Default)]
struct Shout;

#[palm::server]
impl Shout {
    fn shout(&mut self, text: &str) -> String {
        text.to_uppercase()
    }
}

fn front(back: &str) -> Handle {
    ServerTemplate::new("front")
        .register_inbound("Rep", RepService::new("tcp://127.0.0.1:*"), Route::to("Req").blocking())
        .register_outbound("Req", ReqConnection::new(back), Route::exterior())
        .start()
        .unwrap()
}

#[test]
fn its_rep_service_answers_our_connection() {
    beside_pylm(|| {
        let mut peer = Peer::start(&["rep"]);
        let handle = front(&peer.line());
        let address = address(&handle, "rep_address");
        let callers: Vec<_> = (0..5).map(|_| connected(zmq::REQ, &address)).collect();
        for round in 0..4 {
            for (number, caller) in callers.iter().enumerate() {
                caller.send(message("any.thing", &format!("a{number} {round}")), 0).unwrap();
            }
            for (number, caller) in callers.iter().enumerate() {
                assert_eq!(text(&decode(caller.recv_bytes(0).unwrap())), format!("A{number} {round}"));
            }
        }
    });
}

#[test]
fn its_rep_service_that_does_not_block_has_no_result() {
    beside_pylm(|| {
        let mut peer = Peer::start(&["rep_at_once"]);
        let handle = front(&peer.line());
        let caller = connected(zmq::REQ, &address(&handle, "rep_address"));
        assert_eq!(ask_raw(&caller, &message("any.thing", "a")), b"");
    });
}

#[test]
fn a_python_caller_is_answered() {
    beside_pylm(|| {
        let handle = ServerTemplate::new("answers")
            .register_inbound("Rep", RepService::new("tcp://127.0.0.1:*"), Route::to("Methods").blocking())
            .register_outbound("Methods", Methods::default(), Route::exterior())
            .service(Shout)
            .start()
            .unwrap();
        let mut peer = Peer::start(&["ask", &address(&handle, "rep_address")]);
        for number in 0..5 {
            assert_eq!(peer.line(), format!("A{number} me True"));
        }
    });
}

#[test]
fn its_push_beside_the_router_reaches_our_pull() {
    beside_pylm(|| {
        let handle = ServerTemplate::new("metrics")
            .register_inbound("Pull", PullService::new("tcp://127.0.0.1:*"), "Push")
            .register_outbound("Push", PushService::new("tcp://127.0.0.1:*"), Route::exterior())
            .start()
            .unwrap();
        let pull = connected(zmq::PULL, &address(&handle, "push_address"));
        let _peer = Peer::start(&["metrics", &address(&handle, "pull_address")]);
        for number in 0..5 {
            assert_eq!(text(&decode(pull.recv_bytes(0).unwrap())), format!("metric {number}"));
        }
    });
}

#[test]
fn its_worker_finds_our_pool_and_brings_the_mark_back() {
    beside_pylm(|| {
        let part = PushPullService::new("tcp://127.0.0.1:*", "tcp://127.0.0.1:*");
        let pool = ServerTemplate::new("pool")
            .register_inbound("Rep", RepService::new("tcp://127.0.0.1:*"), Route::to("Workers").blocking())
            .register_outbound("Workers", part, Route::exterior())
            .register_bypass("Cache", CacheService::new("tcp://127.0.0.1:*"))
            .start()
            .unwrap();
        let _peer = Peer::start(&["worker", &address(&pool, "db_address")]);
        let caller = connected(zmq::REQ, &address(&pool, "rep_address"));
        for number in 0..5 {
            assert_eq!(text(&ask(&caller, "pool.foo", &number.to_string())), format!("worker1 processed {number}"));
        }
    });
}

//! The cache service, as peers of any kind meet it: one answer to each request, whatever it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use palm::cache::{Cache, MemoryCache};
use palm::stats::Counter;
use palm::{Bytes, Error, Message, Result, Server};

use crate::support::{address, client, guarded, logged, until};

struct Echo;

#[palm::server]
impl Echo {
    fn foo(&mut self, text: String) -> String {
        text
    }
}

fn connected(kind: zmq::SocketType, server: &palm::Handle) -> zmq::Socket {
    let socket = zmq::Context::new().socket(kind).unwrap();
    socket.set_rcvtimeo(20_000).unwrap();
    socket.set_linger(0).unwrap();
    socket.connect(&address(server, "db_address")).unwrap();
    socket
}

fn request(function: &str, key: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = Message::new(function, payload.to_vec());
    message.set_cache(key);
    message.encode()
}

#[test]
fn every_request_has_one_answer() {
    guarded(|| {
        let server = Server::new("answers", Echo).cache(MemoryCache::with_limit(2_000)).start().unwrap();
        let socket = connected(zmq::REQ, &server);
        let ask = |frames: &[Vec<u8>]| {
            socket.send_multipart(frames, 0).unwrap();
            let answer = socket.recv_multipart(0).unwrap();
            assert_eq!(answer.len(), 1);
            answer.into_iter().next().unwrap()
        };
        let large = vec![0; 2_000];
        let db = address(&server, "db_address").into_bytes();
        let served: [(Vec<u8>, &[u8]); 9] = [
            (request("answers.get", "", b"missing"), b""),
            (request("answers.delete", "", b"missing"), b""),
            (request("answers.set", "key", b"value"), b"key"),
            (request("anything.get", "", b"key"), b"value"),
            (request("answers.set", "key", b""), b"key"),
            (request("answers.get", "", b"key"), b""),
            (request("answers.delete", "", b"key"), b"key"),
            (request("answers.delete", "", b"key"), b""),
            (request("answers.get", "", b"db_address"), &db),
        ];
        let refused = [
            request("answers.set", "large", &large),
            request("answers.set", "name", b"mine"),
            request("answers.set", "db_address", b"tcp://elsewhere"),
            request("answers.set", "_palm.anything", b"mine"),
            request("answers.delete", "", b"pull_address"),
            request("answers.delete", "", b"_palm.features"),
            request("answers.get", "", b"\xff"),
            request("answers.drop", "", b"key"),
            request("get", "", b"name"),
            Vec::new(),
        ];
        let nonsense = [vec![vec![0xff; 9]], vec![b"two".to_vec(), b"frames".to_vec()], vec![Vec::new(), Vec::new()]];
        for round in 1..=3 {
            for (request, expected) in &served {
                assert_eq!(ask(std::slice::from_ref(request)), *expected);
            }
            for request in &refused {
                assert_eq!(ask(std::slice::from_ref(request)), b"");
            }
            for frames in &nonsense {
                assert_eq!(ask(frames), b"");
            }
            let stats = server.stats();
            assert_eq!(stats.get(Counter::Refused), round * refused.len() as u64);
            assert_eq!(stats.get(Counter::Undecodable), round * nonsense.len() as u64);
        }
        // Our own client tells a refusal from a value.
        let client = client(&server);
        assert!(matches!(client.set(&large, "large"), Err(Error::Cache { key, .. }) if key == "large"));
        assert!(matches!(client.set("mine", "name"), Err(Error::Cache { key, .. }) if key == "name"));
        assert!(!client.delete("name").unwrap());
        assert_eq!(client.get("name").unwrap().unwrap(), "answers");
        assert_eq!(logged(&["answers", "a cache request failed"]), 3 * refused.len() + 3);
    });
}

/// A peer that sends on without waiting has its answers too, in order.
#[test]
fn requests_in_a_row_are_answered_in_a_row() {
    guarded(|| {
        let server = Server::new("rows", Echo).start().unwrap();
        let socket = connected(zmq::DEALER, &server);
        for number in 0..500 {
            let frames = match number % 5 {
                0 => vec![b"no".to_vec(), b"message".to_vec()],
                _ => vec![request("rows.set", &number.to_string(), b"x")],
            };
            // Half of them as a REQ peer does it, with an empty frame before them.
            let empty = (number % 2 == 0).then(Vec::new);
            socket.send_multipart(empty.into_iter().chain(frames), 0).unwrap();
        }
        for number in 0..500 {
            let expected = if number % 5 == 0 { String::new() } else { number.to_string() };
            let answer = socket.recv_multipart(0).unwrap();
            assert_eq!(answer.len(), if number % 2 == 0 { 2 } else { 1 });
            assert_eq!(answer.last().unwrap(), expected.as_bytes());
        }
    });
}

/// A store that waits for its gate before it gives one of its values.
struct Gated {
    store: MemoryCache,
    at_gate: Arc<AtomicBool>,
    gate: Mutex<Receiver<()>>,
}

impl Cache for Gated {
    fn get(&self, key: &str) -> Result<Option<Bytes>> {
        if key == "gate" {
            self.at_gate.store(true, Ordering::SeqCst);
            let _ = self.gate.lock().unwrap().recv();
        }
        self.store.get(key)
    }

    fn set(&self, key: &str, value: Bytes) -> Result<()> {
        self.store.set(key, value)
    }

    fn delete(&self, key: &str) -> Result<bool> {
        self.store.delete(key)
    }

    fn clean(&self, prefix: &str) -> Result<usize> {
        self.store.clean(prefix)
    }
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    guarded(|| {
        let (open, gate) = channel();
        let at_gate = Arc::<AtomicBool>::default();
        let store = Gated { store: MemoryCache::new(), at_gate: at_gate.clone(), gate: Mutex::new(gate) };
        let server = Server::new("last", Echo).cache(store).start().unwrap();
        let caller = client(&server);
        let socket = connected(zmq::DEALER, &server);
        for key in ["gate", "name", "name"] {
            socket.send(request("last.get", "", key.as_bytes()), 0).unwrap();
        }
        until("the first request", || at_gate.load(Ordering::SeqCst));
        // When this has come back, so have the requests behind the first one.
        assert_eq!(caller.eval("last.foo", "x").unwrap(), "x");
        server.shutdown();
        until("the end", || server.has_ended());
        drop(open);
        for expected in ["", "last", "last"] {
            assert_eq!(socket.recv_bytes(0).unwrap(), expected.as_bytes());
        }
        server.join().unwrap();
    });
}

//! A server that speaks the wire and nothing else: its methods are one closure.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use palm::client::ClientBuilder;
use palm::{Client, Message};

type Methods = Box<dyn FnMut(Message, &mut Vec<Message>) + Send>;

pub(crate) struct Fake {
    pub(crate) db_address: String,
    pub(crate) pub_address: String,
    pub(crate) pull_address: String,
    pub(crate) seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

/// What the server was asked, and switches for its manners.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) messages: Mutex<Vec<Message>>,
    pub(crate) topics: Mutex<Vec<Vec<u8>>>,
    pub(crate) cache_requests: AtomicUsize,
    /// Takes no messages while it is set.
    pub(crate) paused: AtomicBool,
    stopped: AtomicBool,
}

pub(crate) struct Setup {
    name: &'static str,
    /// Answers the subscription to `_palm.link` after that time; `None`: a classic publisher.
    link_after: Option<Duration>,
    has_pull: bool,
    methods: Methods,
}

/// A server of this library that answers each message with its own payload.
pub(crate) fn echo() -> Setup {
    answering(|message, out| out.push(message))
}

pub(crate) fn answering(methods: impl FnMut(Message, &mut Vec<Message>) + Send + 'static) -> Setup {
    Setup { name: "server", link_after: Some(Duration::ZERO), has_pull: true, methods: Box::new(methods) }
}

impl Setup {
    pub(crate) fn name(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    pub(crate) fn classic(mut self) -> Self {
        self.link_after = None;
        self
    }

    pub(crate) fn link_after(mut self, delay: Duration) -> Self {
        self.link_after = Some(delay);
        self
    }

    pub(crate) fn without_pull_address(mut self) -> Self {
        self.has_pull = false;
        self
    }

    pub(crate) fn start(self) -> Fake {
        let context = zmq::Context::new();
        let bind = |kind| {
            let socket = context.socket(kind).unwrap();
            socket.set_linger(0).unwrap();
            socket.bind("tcp://127.0.0.1:*").unwrap();
            let address = socket.get_last_endpoint().unwrap().unwrap();
            (socket, address)
        };
        let (cache, db_address) = bind(zmq::ROUTER);
        let (pull, pull_address) = bind(zmq::PULL);
        let publisher = context.socket(zmq::XPUB).unwrap();
        publisher.set_linger(0).unwrap();
        publisher.set_sndhwm(0).unwrap();
        publisher.set_xpub_verbose(true).unwrap();
        publisher.bind("tcp://127.0.0.1:*").unwrap();
        let pub_address = publisher.get_last_endpoint().unwrap().unwrap();
        let seen = Arc::new(Seen::default());
        let mut values = HashMap::from([
            ("name".to_owned(), self.name.as_bytes().to_vec()),
            ("pub_address".to_owned(), pub_address.clone().into_bytes()),
        ]);
        if self.has_pull {
            values.insert("pull_address".to_owned(), pull_address.clone().into_bytes());
        }
        let running = Running { setup: self, cache, pull, publisher, values, seen: seen.clone(), link_due: None };
        let thread = thread::spawn(move || running.run());
        Fake { db_address, pub_address, pull_address, seen, thread: Some(thread) }
    }
}

struct Running {
    setup: Setup,
    cache: zmq::Socket,
    pull: zmq::Socket,
    publisher: zmq::Socket,
    values: HashMap<String, Vec<u8>>,
    seen: Arc<Seen>,
    link_due: Option<Instant>,
}

impl Running {
    fn run(mut self) {
        while !self.seen.stopped.load(Ordering::Relaxed) {
            let paused = self.seen.paused.load(Ordering::Relaxed);
            let mut items = [
                self.cache.as_poll_item(zmq::POLLIN),
                self.publisher.as_poll_item(zmq::POLLIN),
                self.pull.as_poll_item(zmq::POLLIN),
            ];
            zmq::poll(&mut items[..if paused { 2 } else { 3 }], 10).unwrap();
            while let Ok(frames) = self.cache.recv_multipart(zmq::DONTWAIT) {
                self.serve(frames);
            }
            while let Ok(frame) = self.publisher.recv_bytes(zmq::DONTWAIT) {
                if frame[0] == 1 {
                    self.subscribed(frame[1..].to_vec());
                }
            }
            if self.link_due.is_some_and(|due| Instant::now() >= due) {
                self.link_due = None;
                self.publisher.send_multipart([&b"_palm.link"[..], b"{}"], 0).unwrap();
            }
            while !paused && let Ok(frame) = self.pull.recv_bytes(zmq::DONTWAIT) {
                let message = Message::decode(frame.into()).unwrap();
                let mut answers = Vec::new();
                {
                    let mut messages = self.seen.messages.lock().unwrap();
                    if messages.len() < 10_000 {
                        messages.push(message.clone());
                    }
                }
                (self.setup.methods)(message, &mut answers);
                for answer in answers {
                    self.publisher.send_multipart([answer.client().as_bytes(), &answer.encode()], 0).unwrap();
                }
            }
        }
    }

    fn subscribed(&mut self, topic: Vec<u8>) {
        if let Some(delay) = self.setup.link_after
            && topic == b"_palm.link"
        {
            self.link_due = Some(Instant::now() + delay);
        }
        self.seen.topics.lock().unwrap().push(topic);
    }

    fn serve(&mut self, frames: Vec<Vec<u8>>) {
        let [identity, delimiter, body] = frames.try_into().unwrap();
        assert!(delimiter.is_empty());
        self.seen.cache_requests.fetch_add(1, Ordering::Relaxed);
        let request = Message::decode(body.into()).unwrap();
        let (server, action) = request.function().split_once('.').unwrap();
        assert!(!server.is_empty() && !request.client().is_empty());
        let key = String::from_utf8_lossy(request.payload()).into_owned();
        let answer = match action {
            "get" => self.values.get(&key).cloned().unwrap_or_default(),
            "set" if request.cache() == "name" => Vec::new(),
            "set" => {
                self.values.insert(request.cache().to_owned(), request.payload().to_vec());
                request.cache().as_bytes().to_vec()
            }
            "delete" => self.values.remove(&key).map(|_| key.into_bytes()).unwrap_or_default(),
            other => panic!("{other}"),
        };
        self.cache.send_multipart([identity, delimiter, answer], 0).unwrap();
    }
}

impl Fake {
    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder("server", &*self.db_address).timeout(Duration::from_secs(10))
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().connect().unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.seen.stopped.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || thread::panicking());
    }
}

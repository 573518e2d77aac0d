//! Stands before a cache or a publisher, and names another address for its link.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};

use palm::Message;

use crate::raw;

const TICK_MS: i64 = 20;

pub(crate) struct Relay {
    pub(crate) address: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Before a component's cache.
    pub(crate) fn of_cache(db: &str, link: &str, instead: &str) -> Self {
        let (db, link, instead) = (db.to_owned(), link.to_owned(), instead.to_owned());
        let front = bound(zmq::ROUTER);
        Self::start(front.1, move || {
            if front.0.poll(zmq::POLLIN, TICK_MS).unwrap() == 0 {
                return;
            }
            // Asked anew, so that the cache sees one peer behind each connection.
            let mut frames = front.0.recv_multipart(0).unwrap();
            let Some(answer) = raw::ask(&db, frames.pop().unwrap_or_default()) else { return };
            frames.push(match Message::decode(answer.clone().into()) {
                Ok(message) if message.payload() == link.as_bytes() => message.with_payload(instead.clone()).encode(),
                _ if answer == link.as_bytes() => instead.clone().into_bytes(),
                _ => answer,
            });
            front.0.send_multipart(frames, 0).unwrap();
        })
    }

    /// Before a component's publisher.
    pub(crate) fn of_publisher(publisher: &str, link: &str, instead: &str) -> Self {
        let (link, instead) = (link.to_owned(), instead.to_owned());
        let (front, address) = bound(zmq::XPUB);
        front.set_xpub_verbose(true).unwrap();
        let back = zmq::Context::new().socket(zmq::XSUB).unwrap();
        back.connect(publisher).unwrap();
        Self::start(address, move || {
            let mut items = [front.as_poll_item(zmq::POLLIN), back.as_poll_item(zmq::POLLIN)];
            zmq::poll(&mut items, TICK_MS).unwrap();
            let [subscription, message] = items.map(|item| item.is_readable());
            if subscription {
                back.send_multipart(front.recv_multipart(0).unwrap(), 0).unwrap();
            }
            if message {
                let mut frames = back.recv_multipart(0).unwrap();
                if frames.first().is_some_and(|topic| topic == b"_palm.link") {
                    let features = String::from_utf8(frames.pop().unwrap_or_default()).unwrap();
                    frames.push(features.replace(&link, &instead).into_bytes());
                }
                front.send_multipart(frames, 0).unwrap();
            }
        })
    }

    fn start(address: String, turn: impl Fn() + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            while !stopped.load(SeqCst) {
                turn();
            }
        });
        Self { address, stop, thread: Some(thread) }
    }
}

fn bound(kind: zmq::SocketType) -> (zmq::Socket, String) {
    let socket = zmq::Context::new().socket(kind).unwrap();
    socket.bind("tcp://127.0.0.1:*").unwrap();
    let address = socket.get_last_endpoint().unwrap().unwrap();
    (socket, address)
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

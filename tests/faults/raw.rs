//! Sockets as a classic client, or somebody who means harm, has them.

use std::time::Duration;

use palm::Message;

use crate::history::{Event, History};
use crate::payload;

fn socket(kind: zmq::SocketType, address: &str) -> zmq::Socket {
    let socket = zmq::Context::new().socket(kind).unwrap();
    socket.set_linger(0).unwrap();
    socket.set_rcvtimeo(2_000).unwrap();
    socket.connect(address).unwrap();
    socket
}

/// What the cache says; `None` if it does not.
pub(crate) fn get(db: &str, key: &str) -> Option<Vec<u8>> {
    ask(db, Message::new("server.get", key.to_owned()).encode())
}

/// A cache's answer to a request.
pub(crate) fn ask(db: &str, request: Vec<u8>) -> Option<Vec<u8>> {
    let socket = socket(zmq::REQ, db);
    socket.send(request, 0).ok()?;
    socket.recv_bytes(0).ok()
}

/// An address from the cache.
pub(crate) fn address(db: &str, key: &str) -> String {
    String::from_utf8(get(db, key).unwrap()).unwrap()
}

pub(crate) fn push(address: &str) -> zmq::Socket {
    let socket = socket(zmq::PUSH, address);
    socket.set_linger(10_000).unwrap();
    socket
}

pub(crate) fn subscriber(address: &str, topic: &str) -> zmq::Socket {
    let socket = socket(zmq::SUB, address);
    socket.set_subscribe(topic.as_bytes()).unwrap();
    socket
}

/// A subscriber whose subscription is known to have arrived.
pub(crate) fn ready_subscriber(address: &str, topic: &str) -> zmq::Socket {
    let socket = subscriber(address, topic);
    socket.set_subscribe(b"_palm.link").unwrap();
    socket.recv_multipart(0).expect("our publisher answers this subscription");
    socket.set_unsubscribe(b"_palm.link").unwrap();
    socket
}

/// A message as a classic client sends it.
pub(crate) fn classic(client: &str, function: &str, payload: Vec<u8>) -> Message {
    let mut message = Message::new(function, payload);
    message.set_pipeline("pipeline");
    message.set_client(client);
    message
}

/// The next result, if one comes in time.
pub(crate) fn result(subscriber: &zmq::Socket, patience: Duration) -> Option<Message> {
    subscriber.set_rcvtimeo(i32::try_from(patience.as_millis()).unwrap()).unwrap();
    let frames = subscriber.recv_multipart(0).ok()?;
    Message::decode(frames.into_iter().nth(1)?.into()).ok()
}

pub(crate) fn result_event(message: &Message) -> Event {
    match (message.error(), payload::read(payload::ANSWER, message.payload())) {
        (Some(error), _) => Event::Error { code: error.code },
        (None, Some(seq)) => Event::Result { seq },
        (None, None) => Event::Corrupt { who: "classic client".to_owned() },
    }
}

/// Looks on at the results for a client, until it is dropped.
pub(crate) struct Spy {
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Spy {
    pub(crate) fn on(db: &str, client: &str, history: &std::path::Path) -> Self {
        use std::sync::atomic::Ordering::SeqCst;
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let socket = ready_subscriber(&address(db, "pub_address"), client);
        let (history, stopped) = (History::at(history), stop.clone());
        let thread = std::thread::spawn(move || {
            loop {
                match result(&socket, Duration::from_millis(50)) {
                    Some(message) => {
                        history.write(&match result_event(&message) {
                            Event::Result { seq } => Event::Published { seq },
                            Event::Error { code } => Event::Fault { what: format!("error {code} published") },
                            other => other,
                        });
                    }
                    None if stopped.load(SeqCst) => break,
                    None => {}
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Spy {
    fn drop(&mut self) {
        self.stop.store(true, std::sync::atomic::Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

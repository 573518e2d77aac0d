//! The steps that a message takes inside one process, each alone and repeatable.

use palm::bench::{Asker, Decoder, Engine};
use palm::part::{Incoming, Peer, Port, PullService, PushService};
use palm::service::{Call, Component, Replies, Service};
use palm::topology::Route;
use palm::{Bytes, Master, Message, Server, ServerTemplate, Worker};

/// Bytes of a payload.
const SIZE: usize = 150;
/// Messages that come in at a time, as under load.
const BATCH: u64 = 64;

const ANY: &str = "tcp://127.0.0.1:*";
const CLIENT: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// Something that is done to so many messages at a time.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) messages: u64,
    pub(crate) run: Box<dyn FnMut()>,
}

fn one<T>(name: &'static str, mut run: impl FnMut() -> T + 'static) -> Step {
    let run = move || {
        std::hint::black_box(run());
    };
    Step { name, messages: 1, run: Box::new(run) }
}

fn batch(name: &'static str, run: impl FnMut() + 'static) -> Step {
    Step { name, messages: BATCH, run: Box::new(run) }
}

struct Echo;

#[palm::server]
impl Echo {
    fn bar(&mut self, message: Bytes) -> Bytes {
        message
    }

    fn foo(&mut self, message: Bytes) -> Bytes {
        message
    }
}

struct Work;

#[palm::worker]
impl Work {
    fn foo(&mut self, message: Bytes) -> Bytes {
        message
    }
}

pub(crate) fn all() -> [Step; 11] {
    [
        decode(),
        decode_a_new_stream(),
        patch(),
        forward(),
        dispatch(),
        route(),
        server(),
        master(),
        linked(),
        linked_server(),
        all_linked(),
    ]
}

/// A message as a client of this library sends it.
fn message() -> Message {
    let mut message = Message::new("server.foo", vec![b'x'; SIZE]);
    message.set_pipeline("fedcba98-7654-3210-fedc-ba9876543210");
    message.set_client(CLIENT);
    message.set_id([7; 16]);
    message
}

fn frame() -> Bytes {
    message().encode().into()
}

fn incoming(body: impl Into<Bytes>) -> Incoming {
    Incoming { body: body.into(), ..Incoming::default() }
}

fn decode() -> Step {
    let (mut decoder, frame) = (Decoder::default(), frame());
    one("decode", move || decoder.decode(frame.clone()))
}

fn decode_a_new_stream() -> Step {
    let frame = frame();
    one("decode, new stream", move || Message::decode(frame.clone()))
}

/// What a pipelined hop does to the header.
fn patch() -> Step {
    let message = message();
    one("next stage, encode", move || {
        let mut message = message.clone();
        message.next_stage();
        message.encode()
    })
}

fn forward() -> Step {
    let (mut decoder, frame) = (Decoder::default(), frame());
    one("decode, encode", move || decoder.decode(frame.clone()).map(|message| message.encode()))
}

fn dispatch() -> Step {
    let (message, component) = (message(), Component::new("server"));
    let method = Echo.resolve("foo").unwrap();
    one("call of a method", move || {
        let mut answers = 0;
        let mut sink = |_| answers += 1;
        Echo.call(method, &Call::new(&message, &component), &mut Replies::new(&mut sink)).unwrap();
        answers
    })
}

/// Through a component without user code: read, route, send.
fn route() -> Step {
    let template = ServerTemplate::new("server")
        .register_inbound("Pull", PullService::new(ANY), "Push")
        .register_outbound("Push", PushService::new(ANY), Route::exterior());
    let mut engine = Engine::new(template.plan()).unwrap();
    let (pull, frame) = (engine.port("Pull").unwrap(), frame());
    batch("route", move || {
        receive(&mut engine, pull, &frame);
        assert_eq!(engine.sent().len() as u64, BATCH);
    })
}

/// Through a server, its method and its publisher.
fn server() -> Step {
    let mut engine = Engine::new(Server::new("server", Echo).classic().plan()).unwrap();
    subscribe(&mut engine);
    let (pull, frame) = (engine.port("Pull").unwrap(), frame());
    batch("server", move || {
        receive(&mut engine, pull, &frame);
        assert_eq!(engine.sent().len() as u64, BATCH);
    })
}

/// Through a master, out to a worker on a classic socket, and back from it.
fn master() -> Step {
    let mut engine = Engine::new(Master::new("server").classic().plan()).unwrap();
    subscribe(&mut engine);
    let [pull, push, results] = ["Pull", "WorkerPush", "WorkerPull"].map(|part| engine.port(part).unwrap());
    engine.joined(push, Peer::new(1));
    let frame = frame();
    batch("master, classic", move || {
        receive(&mut engine, pull, &frame);
        let mut answers = 0;
        while answers < BATCH {
            for frame in engine.sent() {
                if frame.port == push {
                    engine.receive(results, incoming(frame.body));
                } else {
                    answers += 1;
                }
            }
            engine.work();
        }
    })
}

/// Through a master, over the link to a worker, its method, and back.
fn linked() -> Step {
    let mut master = Engine::new(Master::new("server").plan()).unwrap();
    let mut worker = Engine::linked(Worker::new("worker", Work).plan()).unwrap();
    subscribe(&mut master);
    let [pull, link] = ["Pull", "Link"].map(|part| master.port(part).unwrap());
    let dealer = worker.port("Link").unwrap();
    worker.connected(dealer);
    let mut exchange = move |master: &mut Engine| {
        let mut answers = 0;
        loop {
            let (said, heard) = (worker.sent(), master.sent());
            if said.is_empty() && heard.is_empty() {
                return answers;
            }
            for frame in said {
                master.receive(link, from("worker", frame.body));
            }
            for frame in heard {
                if frame.port == link {
                    worker.receive(dealer, incoming(frame.body));
                } else {
                    answers += 1;
                }
            }
            worker.work();
            master.work();
        }
    };
    exchange(&mut master);
    let frame = frame();
    batch("master and worker, linked", move || {
        receive(&mut master, pull, &frame);
        assert_eq!(exchange(&mut master), BATCH);
    })
}

/// Through a server, over the link from its client and back.
fn linked_server() -> Step {
    let mut server = Engine::new(Server::new("server", Echo).plan()).unwrap();
    let mut client = client(&mut server);
    let link = server.port("Link").unwrap();
    batch("server, linked", move || {
        let mut answers = 0;
        for body in client.ask(BATCH) {
            server.receive(link, from("client", body));
        }
        server.work();
        for frame in server.sent() {
            answers += client.hear(frame.body);
        }
        assert_eq!(answers, BATCH);
        if let Some(ack) = client.ack() {
            server.receive(link, from("client", ack));
        }
    })
}

/// Through a master, with links to its client and its worker.
fn all_linked() -> Step {
    let mut master = Engine::new(Master::new("server").plan()).unwrap();
    let mut worker = Engine::linked(Worker::new("worker", Work).plan()).unwrap();
    let mut client = client(&mut master);
    let link = master.port("Link").unwrap();
    let dealer = worker.port("Link").unwrap();
    worker.connected(dealer);
    batch("master, client and worker, linked", move || {
        let mut answers = 0;
        for body in client.ask(BATCH) {
            master.receive(link, from("client", body));
        }
        master.work();
        while answers < BATCH {
            for frame in worker.sent() {
                master.receive(link, from("worker", frame.body));
            }
            master.work();
            for frame in master.sent() {
                if frame.head == Some(b'c') {
                    answers += client.hear(frame.body);
                } else {
                    worker.receive(dealer, incoming(frame.body));
                }
            }
            worker.work();
        }
        if let Some(ack) = client.ack() {
            master.receive(link, from("client", ack));
        }
    })
}

/// A client that is linked.
fn client(engine: &mut Engine) -> Asker {
    let client = Asker::new(message());
    let link = engine.port("Link").unwrap();
    engine.receive(link, from("client", client.hello()));
    engine.work();
    engine.sent();
    client
}

fn from(peer: &'static str, body: impl Into<Bytes>) -> Incoming {
    let number = peer.len() as u64;
    Incoming { head: peer.into(), body: body.into(), peer: Some(Peer::new(number)), ..Incoming::default() }
}

/// The client's subscription.
fn subscribe(engine: &mut Engine) {
    let publisher = engine.port("Pub").unwrap();
    engine.receive(publisher, incoming([b"\x01", CLIENT.as_bytes()].concat()));
}

fn receive(engine: &mut Engine, port: Port, frame: &Bytes) {
    for _ in 0..BATCH {
        engine.receive(port, incoming(frame.clone()));
    }
    engine.work();
}

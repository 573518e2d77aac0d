//! Every kind of failure, as a caller of this library sees it, and as one that knows nothing of errors does.

use std::fmt;
use std::time::Duration;

use palm::part::{CacheService, PubService, PullService, WorkerPullService, WorkerPushService};
use palm::wire::Code;
use palm::{Client, Error, Handle, Message};

/// What a call comes to at an ordinary caller, and at one that reads the payload alone.
fn failure(component: &Handle, name: &str, function: &str, payload: &'static [u8]) -> (String, Code, String) {
    assert_eq!(raw(component, function, payload), "0", "{function}");
    let client = Client::connect(name, component.address("db_address").unwrap()).unwrap();
    let error = client.eval(function, payload).unwrap_err();
    let Error::Remote { component, method, code, text, .. } = error else { panic!("{error}") };
    assert_eq!(component, name);
    (method, code, text)
}

fn raw(component: &Handle, function: &str, payload: &'static [u8]) -> palm::Bytes {
    let context = zmq::Context::new();
    let (push, sub) = (context.socket(zmq::PUSH).unwrap(), context.socket(zmq::SUB).unwrap());
    sub.set_subscribe(b"raw").unwrap();
    sub.set_rcvtimeo(10_000).unwrap();
    sub.connect(&component.address("pub_address").unwrap()).unwrap();
    push.connect(&component.address("pull_address").unwrap()).unwrap();
    let mut message = Message::new(function, payload);
    message.set_client("raw");
    // With an identifier, so that the answer does not wait for a second subscription, or without end for a worker.
    message.set_id([7; 16]);
    push.send(message.encode(), 0).unwrap();
    let frames = sub.recv_multipart(0).unwrap();
    Message::decode(frames[1].clone().into()).unwrap().payload().clone()
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no order can be made of it")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

struct Failing;

macro_rules! methods {
    ($kind:ident, $type:ident) => {
        #[palm::$kind]
        impl $type {
            fn order(&mut self, number: &[u8]) -> Result<String, Outer> {
                let number: i32 = String::from_utf8_lossy(number).parse().map_err(Outer)?;
                Ok(number.to_string())
            }

            fn panic(&mut self) -> String {
                panic!("the oven is on fire")
            }

            fn text(&mut self, text: &str) -> String {
                text.to_owned()
            }
        }
    };
}

struct FailingWorker;

methods!(server, Failing);
methods!(worker, FailingWorker);

/// What methods themselves do wrong, wherever they run.
fn check_methods(component: &Handle, name: &str, reporter: &str) {
    let fails = |method: &str, payload: &'static [u8]| {
        let function = format!("server.{method}");
        assert_eq!(raw(component, &function, payload), "0");
        let client = Client::connect(name, component.address("db_address").unwrap()).unwrap();
        let error = client.eval(function, payload).unwrap_err();
        let Error::Remote { component, method: of, code, text, retryable } = error else { panic!("{error}") };
        assert_eq!((&*component, &*of, retryable), (reporter, method, false));
        (code, text)
    };
    let chain = "no order can be made of it: invalid digit found in string".to_owned();
    assert_eq!(fails("order", b"two"), (Code::MethodFailed, chain));
    assert_eq!(fails("panic", b""), (Code::MethodPanicked, "the oven is on fire".to_owned()));
    let (code, text) = fails("text", b"\xff");
    assert!(code == Code::PayloadRefused && text.contains("UTF-8"), "{code} {text}");
    let (code, text) = fails("other", b"");
    assert_eq!(code, Code::UnknownMethod);
    assert!(text.contains("`other`") && text.contains("order, panic, text"), "{text}");
}

#[test]
fn what_a_servers_method_does_wrong_reaches_the_caller() {
    let server = palm::Server::new("server", Failing).start().unwrap();
    check_methods(&server, "server", "server");
}

#[test]
fn what_a_workers_method_does_wrong_reaches_the_caller() {
    let master = palm::Master::new("server").start().unwrap();
    let worker = palm::Worker::new("worker", FailingWorker).db_address(master.address("db_address").unwrap());
    let _worker = worker.start().unwrap();
    check_methods(&master, "server", "worker");
}

#[test]
fn what_cannot_be_called_is_an_error() {
    let server = palm::Server::new("server", Failing).start().unwrap();
    let (method, code, text) = failure(&server, "server", "other.text", b"");
    assert_eq!((&*method, code), ("text", Code::WrongServer));
    assert!(text.contains("`other.text`") && text.contains("`server`"), "{text}");
    let (_, code, text) = failure(&server, "server", "text", b"");
    assert!(code == Code::UnknownMethod && text.contains("server.method"), "{text}");
    let (_, code, _) = failure(&server, "server", "other.text server.text", b"");
    assert_eq!(code, Code::WrongServer);
}

#[test]
fn what_goes_wrong_on_the_way_reaches_the_caller() {
    let server = palm::Server::new("server", Failing).pipelined(true).start().unwrap();
    let second = palm::Pipeline::new("second", Passing)
        .sub_address(server.address("pub_address").unwrap())
        .previous("server")
        .to_client(false)
        .start()
        .unwrap();
    let third = palm::Pipeline::new("third", Passing)
        .sub_address(second.address("pub_address").unwrap())
        .previous("second")
        .start()
        .unwrap();
    let client = Client::builder("server", server.address("db_address").unwrap())
        .sub_address(third.address("pub_address").unwrap())
        .connect()
        .unwrap();
    assert_eq!(client.eval(["server.text", "second.pass", "third.pass"], "x").unwrap(), "x");
    for (functions, at, expected) in [
        (&["server.order", "second.pass", "third.pass"][..], "server", Code::MethodFailed),
        (&["server.text", "second.none", "third.pass"], "second", Code::UnknownMethod),
        (&["server.text", "second.pass", "second.pass"], "third", Code::WrongServer),
        (&["server.text", "second.pass"], "third", Code::NoSuchStage),
    ] {
        let error = client.eval(functions, "x").unwrap_err();
        assert!(
            matches!(&error, Error::Remote { code, component, .. } if (*code, &**component) == (expected, at)),
            "{error}"
        );
    }
}

#[derive(Default)]
struct Passing;

#[palm::pipeline]
impl Passing {
    fn pass(&mut self, message: &[u8]) -> Vec<u8> {
        message.to_vec()
    }
}

palm::topology! {
    /// A master whose patience is short.
    struct Impatient {
        inbound  Pull:       PullService       => WorkerPush;
        inbound  WorkerPull: WorkerPullService => Pub;
        outbound WorkerPush: WorkerPushService { no_workers_timeout: Duration::from_millis(200) };
        outbound Pub:        PubService;
        bypass   Cache:      CacheService;
    }
}

#[test]
fn a_master_without_workers_says_so() {
    let master = Impatient::new("server").start().unwrap();
    let (method, code, text) = failure(&master, "server", "server.text", b"x");
    assert_eq!((&*method, code), ("text", Code::NoWorkers));
    assert!(text.contains("200ms"), "{text}");
}

/// Takes one message after another as a worker that dies of it.
fn die(db_address: &str, times: usize) {
    let context = zmq::Context::new();
    for number in 0..times {
        let cache = context.socket(zmq::REQ).unwrap();
        cache.connect(db_address).unwrap();
        let mut request = Message::new("server.get", "worker_push_address");
        request.set_client(&format!("mortal {number}"));
        cache.send(request.encode(), 0).unwrap();
        let address = cache.recv_string(0).unwrap().unwrap();
        let pull = context.socket(zmq::PULL).unwrap();
        pull.set_rcvtimeo(10_000).unwrap();
        pull.connect(&address).unwrap();
        pull.recv_bytes(0).unwrap();
    }
}

#[test]
fn a_message_that_kills_its_workers_is_an_error() {
    let master = palm::Master::new("server").start().unwrap();
    let db_address = master.address("db_address").unwrap();
    let workers = std::thread::spawn(move || die(&db_address, 6));
    let (method, code, text) = failure(&master, "server", "server.text", b"x");
    workers.join().unwrap();
    assert_eq!((&*method, code), ("text", Code::Poisoned));
    assert!(text.contains("3 workers"), "{text}");
}

#[test]
fn what_is_late_is_an_error() {
    // The caller gives up at the same time: what comes is seen only if its clock is the slower one.
    let fake = crate::fake::answering(|mut message, out| {
        message.set_error(&palm::wire::RemoteError { code: 8, text: "too late".into(), ..Default::default() });
        out.push(message);
    });
    let fake = fake.start();
    let error = fake.client().with_deadline(Duration::from_secs(5)).eval("server.foo", "").unwrap_err();
    assert!(matches!(error, Error::Remote { code: Code::Late, .. }), "{error}");
}

struct Shaky;

#[palm::server]
impl Shaky {
    fn foo(&mut self, number: &str) -> String {
        if number.ends_with("00") {
            // Without the text that a panic prints.
            std::panic::resume_unwind(Box::new("shaken"));
        }
        number.to_owned()
    }
}

#[test]
fn panics_cost_a_message_each_and_nothing_else() {
    let server = palm::Server::new("server", Shaky).start().unwrap();
    let client = Client::connect("server", server.address("db_address").unwrap()).unwrap();
    let source = (0..10_000).map(|number: u32| number.to_string());
    let (mut results, mut panics) = (0, 0);
    for reply in client.job("server.foo", source).messages(10_000) {
        match reply {
            Ok(_) => results += 1,
            Err(Error::Remote { code: Code::MethodPanicked, text, .. }) if text == "shaken" => panics += 1,
            Err(error) => panic!("{error}"),
        }
    }
    // "0" itself ends with one nought only.
    assert_eq!((results, panics), (9_901, 99));
    assert_eq!(client.eval("server.foo", "1").unwrap(), "1");
}

#[test]
fn calls_of_nothing_are_answered_one_by_one() {
    let server = palm::Server::new("server", Shaky).start().unwrap();
    let client = Client::connect("server", server.address("db_address").unwrap()).unwrap();
    let long = format!("server.{}", "x".repeat(1 << 20));
    let several = "server.foo server.foo";
    for (function, stage, times, expected) in [
        ("server.none", 0, 1000, Code::UnknownMethod),
        ("nothing", 0, 1000, Code::UnknownMethod),
        ("", 0, 1000, Code::UnknownMethod),
        ("other.foo", 0, 1000, Code::WrongServer),
        (&long, 0, 10, Code::UnknownMethod),
        (several, -1, 1000, Code::NoSuchStage),
        (several, i64::MAX, 1000, Code::NoSuchStage),
    ] {
        let context = zmq::Context::new();
        let (push, sub) = (context.socket(zmq::PUSH).unwrap(), context.socket(zmq::SUB).unwrap());
        sub.set_subscribe(b"raw").unwrap();
        sub.set_rcvtimeo(10_000).unwrap();
        sub.set_rcvhwm(0).unwrap();
        push.set_sndhwm(0).unwrap();
        sub.connect(&server.address("pub_address").unwrap()).unwrap();
        push.connect(&server.address("pull_address").unwrap()).unwrap();
        for number in 0..times {
            let mut message = Message::new(function, "x");
            message.set_client("raw");
            message.set_stage(stage);
            message.set_id(u128::to_be_bytes(number));
            push.send(message.encode(), 0).unwrap();
        }
        let mut ids = std::collections::HashSet::new();
        for _ in 0..times {
            let answer = Message::decode(sub.recv_multipart(0).unwrap().swap_remove(1).into()).unwrap();
            assert_eq!(
                (answer.error().map(|error| error.code.into()), &answer.payload()[..]),
                (Some(expected), &b"0"[..])
            );
            ids.insert(answer.id().unwrap().to_vec());
        }
        assert_eq!(ids.len() as u128, times);
        assert_eq!(client.eval("server.foo", "1").unwrap(), "1");
    }
}

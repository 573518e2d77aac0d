//! A client that knows nothing of us, over real sockets: a new PUSH and a new SUB for each call, under one id.

use palm::stats::Counter;
use palm::{Message, Pipeline, Server};

use crate::support::{address, guarded, until};

struct Echo;

#[palm::server]
impl Echo {
    fn foo(&mut self, text: String) -> String {
        text
    }
}

struct Stage;

#[palm::pipeline]
impl Stage {
    fn foo(&mut self, text: String) -> String {
        text
    }
}

/// One call, as the Python client makes it: it sends before its subscription has arrived.
fn call(context: &zmq::Context, (to, from): (&str, &str), function: &str, texts: &[String], one_by_one: bool) {
    let push = context.socket(zmq::PUSH).unwrap();
    push.connect(to).unwrap();
    let sub = context.socket(zmq::SUB).unwrap();
    sub.set_rcvtimeo(20_000).unwrap();
    sub.set_subscribe(b"python").unwrap();
    sub.connect(from).unwrap();
    let send = |text: &String| {
        let mut message = Message::new(function, text.clone());
        message.set_client("python");
        push.send(message.encode(), 0).unwrap();
    };
    let receive = |text: &String| {
        let frames = sub.recv_multipart(0).unwrap();
        assert_eq!(*Message::decode(frames[1].clone().into()).unwrap().payload(), *text);
    };
    if one_by_one {
        for text in texts {
            send(text);
            receive(text);
        }
    } else {
        texts.iter().for_each(send);
        texts.iter().for_each(receive);
    }
}

#[test]
fn each_call_gets_its_own_answer() {
    guarded(|| {
        let server = Server::new("classic_server", Echo).start().unwrap();
        let (to, from) = (address(&server, "pull_address"), address(&server, "pub_address"));
        let context = zmq::Context::new();
        let mut sent = 0;
        for number in 0..400 {
            let count = if number % 20 == 0 { 10 } else { 1 };
            let texts: Vec<_> = (0..count).map(|message| format!("{number}/{message}")).collect();
            call(&context, (&to, &from), "classic_server.foo", &texts, number % 40 == 0);
            sent += count;
        }
        let stats = server.stats();
        // It counts after it has sent.
        until("the count", || stats.get(Counter::Sent) == sent);
        assert_eq!(stats.get(Counter::Expired), 0);
    });
}

#[test]
fn behind_a_pipeline_too() {
    guarded(|| {
        let server = Server::new("classic_one", Echo).pipelined(true).start().unwrap();
        let stage = Pipeline::new("classic_two", Stage).sub_address(address(&server, "pub_address"));
        let stage = stage.previous("classic_one").start().unwrap();
        let (to, from) = (address(&server, "pull_address"), address(&stage, "pub_address"));
        let context = zmq::Context::new();
        for number in 0..100 {
            let count = if number % 10 == 0 { 20 } else { 1 };
            let texts: Vec<_> = (0..count).map(|message| format!("{number}/{message}")).collect();
            call(&context, (&to, &from), "classic_one.foo classic_two.foo", &texts, false);
        }
        assert_eq!(stage.stats().get(Counter::Expired), 0);
    });
}

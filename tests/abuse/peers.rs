//! Bad peers that our components connect to: a publisher, and a master.

use palm::stats::Counter;
use palm::{Error, Message, Pipeline, Worker};

use crate::attack::Noise;
use crate::support::{address, guarded, logged, until};

struct Stage;

#[palm::pipeline]
impl Stage {
    fn foo(&mut self, text: &str) -> String {
        format!("<{text}>")
    }
}

struct Hand;

#[palm::worker]
impl Hand {
    fn foo(&mut self, text: &str) -> String {
        format!("<{text}>")
    }
}

fn bound(context: &zmq::Context, kind: zmq::SocketType) -> (zmq::Socket, String) {
    let socket = context.socket(kind).unwrap();
    socket.set_linger(0).unwrap();
    socket.set_rcvtimeo(20_000).unwrap();
    socket.bind("tcp://127.0.0.1:*").unwrap();
    let address = socket.get_last_endpoint().unwrap().unwrap();
    (socket, address)
}

fn message(function: &str, number: usize) -> Vec<u8> {
    let mut message = Message::new(function, number.to_string());
    message.set_client("somebody");
    message.set_id([7; 16]);
    message.encode()
}

#[test]
fn a_pipeline_outlives_its_publisher_s_noise() {
    guarded(|| {
        let context = zmq::Context::new();
        let (publisher, from) = bound(&context, zmq::XPUB);
        let stage = Pipeline::new("abused_stage", Stage)
            .sub_address(from)
            .previous("up")
            .hold_time(std::time::Duration::from_millis(500))
            .start()
            .unwrap();
        assert_eq!(publisher.recv_bytes(0).unwrap(), b"\x01up");
        let reader = context.socket(zmq::SUB).unwrap();
        reader.set_rcvtimeo(20_000).unwrap();
        reader.set_subscribe(b"somebody").unwrap();
        reader.connect(&address(&stage, "pub_address")).unwrap();
        let mut noise = Noise(5);
        let mut bad = 0;
        for number in 0..500 {
            let garbage = noise.garbage();
            bad += u64::from(Message::decode(garbage.clone().into()).is_err());
            publisher.send_multipart([b"up".to_vec(), garbage], 0).unwrap();
            // Neither one frame nor three are a publication; another topic that begins alike is not ours.
            publisher.send("up", 0).unwrap();
            publisher.send_multipart(["up", "x", "y"], 0).unwrap();
            bad += 2;
            publisher.send_multipart([b"upper".to_vec(), message("abused_stage.foo", 9_999)], 0).unwrap();
            publisher.send_multipart([b"up".to_vec(), message("x.y abused_stage.foo", number)], 0).unwrap();
            let [topic, body] = <[_; 2]>::try_from(reader.recv_multipart(0).unwrap()).unwrap();
            assert_eq!(topic, b"somebody");
            let answer = Message::decode(body.into()).unwrap();
            // Stage 0 is not this pipeline's.
            assert_eq!(answer.error().unwrap().component, "abused_stage");
        }
        let stats = stage.stats();
        until("the count", || stats.get(Counter::Undecodable) >= bad);
        assert_eq!(stats.get(Counter::Undecodable), bad);
        assert_eq!(logged(&["panicked in palm"]), 0);
    });
}

#[test]
fn a_worker_outlives_its_master_s_noise() {
    guarded(|| {
        let context = zmq::Context::new();
        let ((push, work), (pull, done)) = (bound(&context, zmq::PUSH), bound(&context, zmq::PULL));
        let worker = Worker::new("abused_worker", Hand).pull_address(work).push_address(done).start().unwrap();
        let mut noise = Noise(9);
        let mut bad = 0;
        for number in 0..500 {
            let garbage = noise.garbage();
            let is_bad = Message::decode(garbage.clone().into()).is_err();
            push.send(garbage, 0).unwrap();
            push.send_multipart([noise.garbage(), noise.garbage(), noise.garbage()], 0).unwrap();
            bad += 1 + u64::from(is_bad);
            push.send(message("master.foo", number), 0).unwrap();
            // What is a message by chance is answered, with an error.
            let results = if is_bad { 1 } else { 2 };
            let mut last = Vec::new();
            for _ in 0..results {
                last = pull.recv_bytes(0).unwrap();
            }
            assert_eq!(*Message::decode(last.into()).unwrap().payload(), format!("<{number}>"));
        }
        assert_eq!(worker.stats().get(Counter::Undecodable), bad);
        assert_eq!(logged(&["panicked in palm"]), 0);
    });
}

/// A cache that answers with what is no address: the worker ends with an error that says so.
#[test]
fn a_worker_is_told_nonsense_by_its_master_s_cache() {
    guarded(|| {
        for answer in [&b"\xff\xfe\x00"[..], b"", b"nonsense", b"tcp://"] {
            let context = zmq::Context::new();
            let (cache, db) = bound(&context, zmq::REP);
            let worker = Worker::new("misled_worker", Hand).db_address(db).start().unwrap();
            // First it asks for the link: nonsense there means that there is none.
            for answer in [&b"\xff\xfe"[..], answer] {
                cache.recv_bytes(0).unwrap();
                cache.send(answer, 0).unwrap();
            }
            let error = worker.join().unwrap_err();
            assert!(matches!(&error, Error::Address { component, .. } if component == "misled_worker"), "{error}");
        }
        assert_eq!(logged(&["panicked in palm"]), 0);
    });
}

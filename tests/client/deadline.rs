//! Calls that must be answered by a certain time.

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::executor::block_on;
use palm::wire::Code;
use palm::{Call, Client, Error};

use crate::fake::{answering, echo};

const MS: Duration = Duration::from_millis(1);

#[test]
fn each_message_says_how_much_time_is_left() {
    let fake = echo().start();
    let client = fake.client();
    client.eval("server.echo", "").unwrap();
    let hurried = client.with_deadline(1000 * MS);
    hurried.eval("server.echo", "").unwrap();
    block_on(hurried.eval_async("server.echo", "")).unwrap();
    let source = (0..2).map(|_| {
        std::thread::sleep(100 * MS);
        ""
    });
    assert!(hurried.job("server.echo", source).messages(2).all(|reply| reply.is_ok()));
    let source = futures::stream::iter(["", ""]);
    block_on(client.job_stream("server.echo", source).deadline(500 * MS).messages(2).collect::<Vec<_>>());
    let messages = fake.seen.messages.lock().unwrap();
    let left: Vec<_> = messages.iter().map(palm::Message::remaining).collect();
    assert_eq!(left[0], None);
    assert!(left[1..5].iter().all(|left| (500 * MS..=1000 * MS).contains(&left.unwrap())), "{left:?}");
    assert!(left[3] >= left[4].map(|left| left + 99 * MS), "{left:?}");
    assert!(left[5..].iter().all(|left| (100 * MS..=500 * MS).contains(&left.unwrap())), "{left:?}");
}

#[test]
fn at_the_deadline_every_form_of_call_ends() {
    let fake = answering(|_, _| {}).start();
    // Neither the time-out of the client nor its lack counts.
    for timeout in [None, Some(50 * MS)] {
        let client = fake.builder().timeout(timeout).connect().unwrap().with_deadline(200 * MS);
        let timed = |call: &dyn Fn() -> Option<palm::Result<palm::client::Reply>>| {
            let start = Instant::now();
            let error = call().unwrap().unwrap_err();
            assert!(matches!(error, Error::TimedOut { waited, .. } if waited == 200 * MS), "{error}");
            assert!((200..5000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
        };
        timed(&|| Some(client.eval("server.foo", "")));
        timed(&|| Some(block_on(client.eval_async("server.foo", ""))));
        timed(&|| client.job("server.foo", ["a", "b"]).next());
        timed(&|| {
            client
                .job(
                    "server.foo",
                    std::iter::from_fn(|| {
                        std::thread::sleep(300 * MS);
                        Some("")
                    }),
                )
                .next()
        });
        timed(&|| block_on(client.job("server.foo", ["a", "b"]).stream().next()));
        timed(&|| block_on(client.job_stream("server.foo", futures::stream::iter(["a"])).next()));
        timed(&|| block_on(client.job_stream("server.foo", futures::stream::pending::<&str>()).next()));
    }
}

#[test]
fn the_last_answer_in_time_counts() {
    let fake = echo().start();
    let client = fake.client().with_deadline(300 * MS);
    let mut job = client.job("server.echo", ["a", "b"]);
    assert_eq!(job.next().unwrap().unwrap(), "a");
    assert_eq!(job.next().unwrap().unwrap(), "b");
    assert!(matches!(job.next(), Some(Err(Error::TimedOut { .. }))));
    assert!(job.next().is_none());
}

#[derive(Default)]
struct Slow;

#[palm::server]
impl Slow {
    fn left(&mut self, call: &Call) -> String {
        std::thread::sleep(100 * MS);
        call.remaining().map_or("none".to_owned(), |left| left.as_millis().to_string())
    }
}

#[derive(Default)]
struct Next;

#[palm::pipeline]
impl Next {
    fn left(&mut self, before: &str, call: &Call) -> String {
        format!("{before} {}", call.remaining().map_or(0, |left| left.as_millis()))
    }
}

#[derive(Default)]
struct Help;

#[palm::worker]
impl Help {
    fn left(&mut self, call: &Call) -> String {
        std::thread::sleep(100 * MS);
        call.remaining().map_or("none".to_owned(), |left| left.as_millis().to_string())
    }
}

fn numbers(reply: &[u8]) -> Vec<u64> {
    std::str::from_utf8(reply).unwrap().split(' ').map(|number| number.parse().unwrap()).collect()
}

#[test]
fn the_time_shrinks_hop_by_hop() {
    let server = palm::Server::new("first", Slow).pipelined(true).start().unwrap();
    let pipeline = palm::Pipeline::new("second", Next)
        .sub_address(server.address("pub_address").unwrap())
        .previous("first")
        .start()
        .unwrap();
    let client = Client::builder("first", server.address("db_address").unwrap())
        .sub_address(pipeline.address("pub_address").unwrap())
        .connect()
        .unwrap();
    let reply = client.with_deadline(5000 * MS).eval(["first.left", "second.left"], "").unwrap();
    let left = numbers(&reply);
    assert!(left[0] <= 4900 && left[1] <= left[0] && left[1] > 1000, "{left:?}");
}

#[test]
fn a_worker_knows_what_is_left_and_whether_there_is_a_deadline() {
    let master = palm::Master::new("server").start().unwrap();
    let db_address = master.address("db_address").unwrap();
    let _worker = palm::Worker::new("worker", Help).db_address(&db_address).start().unwrap();
    let client = Client::connect("server", &db_address).unwrap();
    assert_eq!(client.eval("server.left", "").unwrap(), "none");
    let left = numbers(&client.with_deadline(5000 * MS).eval("server.left", "").unwrap());
    assert!((1000..=4900).contains(&left[0]), "{left:?}");
}

/// Sends calls by hand, and gives the answers in the order in which they come.
fn by_hand(address: impl Fn(&str) -> String, calls: &[(&str, u64)]) -> Vec<palm::Message> {
    let context = zmq::Context::new();
    let (push, sub) = (context.socket(zmq::PUSH).unwrap(), context.socket(zmq::SUB).unwrap());
    sub.set_subscribe(b"by hand").unwrap();
    sub.set_rcvtimeo(10_000).unwrap();
    sub.connect(&address("pub_address")).unwrap();
    push.connect(&address("pull_address")).unwrap();
    for (number, (function, millis)) in (0..).zip(calls) {
        let mut message = palm::Message::new(function, "");
        message.set_client("by hand");
        message.set_id([number; 16]);
        message.set_remaining(Duration::from_millis(*millis));
        push.send(message.encode(), 0).unwrap();
    }
    let answer = |_| palm::Message::decode(sub.recv_multipart(0).unwrap().swap_remove(1).into()).unwrap();
    calls.iter().map(answer).collect()
}

#[test]
fn a_server_refuses_what_comes_too_late() {
    let server = palm::Server::new("server", Slow).start().unwrap();
    let address = |key: &str| server.address(key).unwrap();
    let answers = by_hand(address, &[("server.left", 60_000), ("server.left", 50), ("server.left", 60_000)]);
    let codes: Vec<_> = answers.iter().map(|answer| answer.error().map(|error| Code::from(error.code))).collect();
    assert_eq!(codes, [None, Some(Code::Late), None]);
    assert_eq!(answers[1].payload(), "0");
    assert_eq!(answers[1].error().unwrap().method, "left");
}

#[test]
fn a_master_hands_out_nothing_that_is_too_late() {
    let master = palm::Master::new("server").start().unwrap();
    let address = |key: &str| master.address(key).unwrap();
    let answers = std::thread::scope(|scope| {
        let answers = scope.spawn(|| by_hand(address, &[("server.left", 100), ("server.left", 60_000)]));
        std::thread::sleep(300 * MS);
        let worker = palm::Worker::new("worker", Help).db_address(address("db_address")).start().unwrap();
        let answers = answers.join().unwrap();
        worker.shutdown();
        answers
    });
    let mut codes: Vec<_> =
        answers.iter().map(|answer| (answer.id().unwrap()[0], answer.error().map(|error| error.code))).collect();
    codes.sort_unstable();
    assert_eq!(codes, [(0, Some(8)), (1, None)]);
}

//! The client against the library's own server.

use std::time::{Duration, Instant};

use palm::wire::Code;
use palm::{Client, Error};

struct MyServer;

#[palm::server]
impl MyServer {
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        [b"you sent me ", message].concat()
    }

    fn fail(&mut self) -> Result<Vec<u8>, &'static str> {
        Err("as it should")
    }
}

fn server() -> (palm::Handle, Client) {
    let server = palm::Server::new("my_server", MyServer).start().unwrap();
    let client = Client::connect("my_server", server.address("db_address").unwrap()).unwrap();
    (server, client)
}

#[test]
fn calls_are_answered_from_the_first_on() {
    for _ in 0..10 {
        let start = Instant::now();
        let (_server, client) = server();
        assert_eq!(client.eval("my_server.foo", "a message").unwrap(), "you sent me a message");
        assert!(start.elapsed() < Duration::from_millis(450), "{:?}", start.elapsed());
    }
}

#[test]
fn failures_come_back_as_errors() {
    let (_server, client) = server();
    let error = client.eval("my_server.fail", "").unwrap_err();
    assert_eq!(error.to_string(), "my_server.fail failed (method failed): as it should");
    for (function, expected) in
        [("my_server.none", Code::UnknownMethod), ("other.foo", Code::WrongServer), ("foo", Code::UnknownMethod)]
    {
        let error = client.eval(function, "").unwrap_err();
        assert!(matches!(&error, Error::Remote { code, .. } if *code == expected), "{error}");
    }
}

#[test]
fn a_job_is_answered_whole_while_the_cache_is_used() {
    let (_server, client) = server();
    let start = Instant::now();
    let replies = client.job("my_server.foo", std::iter::repeat_n("x", 50_000)).messages(50_000).filter(Result::is_ok);
    assert_eq!(replies.count(), 50_000);
    eprintln!("50,000 messages in {:?}", start.elapsed());
    assert_eq!(client.set("value", "key").unwrap(), "key");
    assert_eq!(client.get("key").unwrap().unwrap(), b"value");
    let error = client.set("mine", "pull_address").unwrap_err();
    assert!(matches!(error, Error::Cache { .. }));
    assert!(
        error.to_string().starts_with("the cache refused `pull_address`: it is read-only (`my_server` at tcp://"),
        "{error}"
    );
    let error = client.set("mine", "_palm.features").unwrap_err();
    assert!(error.to_string().contains("`_palm.features`: it is read-only ("), "{error}");
}

#[test]
fn values_other_than_bytes_are_sent_and_read() {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Point {
        #[prost(int32, tag = "1")]
        x: i32,
    }
    let (_server, client) = server();
    let point = Point { x: 7 };
    let reply = client.eval("my_server.echo", palm::Proto(point.clone())).unwrap();
    assert_eq!(reply.to::<palm::Proto<Point>>().unwrap().0, point);
    let copy = client.eval_as::<palm::Proto<Point>>("my_server.echo", palm::Proto(point.clone())).unwrap();
    assert_eq!(copy, point);
    let copy = client.eval_as_async::<palm::Proto<Point>>("my_server.echo", palm::Proto(point.clone()));
    assert_eq!(futures::executor::block_on(copy).unwrap(), point);
    assert_eq!(client.eval_as::<String>("my_server.foo", "x").unwrap(), "you sent me x");
    let error = client.eval_as::<String>("my_server.echo", b"\xff").unwrap_err();
    assert!(matches!(&error, Error::Reply { .. }), "{error}");
    let error = client.eval("my_server.echo", b"\xff").unwrap().to::<&str>().unwrap_err();
    assert!(matches!(&error, Error::Reply { wanted: "&str", .. }), "{error}");
}

#[derive(Default)]
struct Sleeper;

#[palm::worker]
impl Sleeper {
    fn nap(&mut self, number: &str) -> String {
        // Every third message takes longer than the others, wherever it goes.
        let length = if number.len().is_multiple_of(3) { 2000 } else { 100 };
        std::thread::sleep(Duration::from_micros(length));
        number.to_owned()
    }
}

#[test]
fn a_job_through_several_workers_is_put_in_order() {
    let master = palm::Master::new("server").start().unwrap();
    let db_address = master.address("db_address").unwrap();
    let start = |name: &str| palm::Worker::new(name, Sleeper).db_address(&db_address).start().unwrap();
    let _workers = [start("worker1"), start("worker2"), start("worker3")];
    let client = Client::connect("server", &db_address).unwrap();
    let source: Vec<_> = (0..1000).map(|number: usize| "x".repeat(number)).collect();
    let replies: Vec<_> =
        client.job("server.nap", source.clone()).messages(1000).ordered().map(Result::unwrap).collect();
    assert_eq!(replies, source);
}

#[cfg(feature = "json")]
#[test]
fn json_is_sent_and_read() {
    let (_server, client) = server();
    let reply = client.eval("my_server.echo", palm::Json([1, 2])).unwrap();
    assert_eq!(reply, "[1,2]");
    assert_eq!(reply.to::<palm::Json<Vec<i32>>>().unwrap().0, [1, 2]);
    let numbers: Vec<i32> = client.eval_as::<palm::Json<Vec<i32>>>("my_server.echo", palm::Json([3, 4])).unwrap();
    assert_eq!(numbers, [3, 4]);
}

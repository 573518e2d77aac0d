//! The client over the link, against the library's own components.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use palm::stats::Counter;
use palm::{Client, Error, Handle};

use crate::cut::Cut;

/// What it does can be held up, and is counted.
#[derive(Default, Clone)]
struct Host {
    calls: Arc<AtomicUsize>,
    gate: Arc<Mutex<()>>,
    /// How many calls `limited` does before it is stuck; 0 for all.
    limit: Arc<AtomicUsize>,
}

#[palm::server]
impl Host {
    fn echo(&mut self, message: palm::Bytes) -> palm::Bytes {
        self.calls.fetch_add(1, SeqCst);
        message
    }

    /// As many results as the number says modulo 4.
    fn some(&mut self, number: &str) -> impl Iterator<Item = String> + use<> {
        let number: usize = number.parse().unwrap();
        (0..number % 4).map(move |result| format!("{number}.{result}"))
    }

    fn wait(&mut self, message: palm::Bytes) -> palm::Bytes {
        self.calls.fetch_add(1, SeqCst);
        drop(self.gate.lock().unwrap());
        message
    }

    fn limited(&mut self, message: palm::Bytes) -> palm::Bytes {
        let call = self.calls.fetch_add(1, SeqCst);
        while (1..=call).contains(&self.limit.load(SeqCst)) {
            thread::sleep(Duration::from_millis(1));
        }
        message
    }
}

fn start(host: &Host) -> Handle {
    palm::Server::new("server", host.clone()).start().unwrap()
}

fn connect(server: &Handle) -> Client {
    Client::connect("server", server.address("db_address").unwrap()).unwrap()
}

/// A client that reaches the server's link through something that can be cut.
fn through(server: &Handle) -> (Cut, Client) {
    let cut = Cut::before(&server.address("_palm.link").unwrap());
    let config = [("name", "server".to_owned()), ("_palm.link", cut.address.clone())];
    let builder = Client::builder("server", server.address("db_address").unwrap()).this_config(config);
    let client = builder.connect().unwrap();
    assert_eq!(cut.connections(), 1);
    (cut, client)
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what} did not come");
        thread::sleep(Duration::from_millis(1));
    }
}

fn numbers(range: std::ops::Range<u32>) -> impl Iterator<Item = String> + Send + 'static {
    range.map(|number| number.to_string())
}

#[test]
fn thousands_of_calls_of_threads_and_tasks_are_under_way() {
    let server = start(&Host::default());
    let client = connect(&server);
    thread::scope(|scope| {
        for thread in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for call in 0..200 {
                    let message = format!("{thread}: {call}");
                    assert_eq!(client.eval("server.echo", &message).unwrap(), message);
                }
            });
        }
        let calls = (0..5_000).map(|number: u32| client.eval_async("server.echo", number.to_be_bytes()));
        for (number, reply) in (0..5_000_u32).zip(block_on(join_all(calls))) {
            assert_eq!(reply.unwrap(), number.to_be_bytes());
        }
        let job = client.job("server.echo", numbers(0..20_000)).ordered();
        assert!(job.zip(0..).all(|(reply, number): (_, u32)| reply.unwrap() == number.to_string()));
    });
    assert_eq!(server.stats().get(Counter::Calls), 8 * 200 + 5_000 + 20_000);
}

#[test]
fn a_job_ends_when_every_message_is_settled() {
    let server = start(&Host::default());
    let client = connect(&server);
    assert_eq!(client.job("server.echo", numbers(0..10_000)).filter(Result::is_ok).count(), 10_000);
    let job = client.job_stream("server.echo", stream::iter(numbers(0..10_000)));
    assert_eq!(block_on(job.try_collect::<Vec<_>>()).unwrap().len(), 10_000);
    let job = client.job("server.echo", numbers(0..10_000)).stream();
    assert_eq!(block_on(job.try_collect::<Vec<_>>()).unwrap().len(), 10_000);
    // None at all, and none of all.
    assert!(client.job("server.echo", [""; 0]).next().is_none());
    assert!(client.job("server.some", ["0", "4"]).next().is_none());
    assert!(block_on(client.job_stream("server.some", stream::iter(["0", "4"])).next()).is_none());
    // Errors settle too.
    let results: Vec<_> = client.job("server.none", ["a", "b"]).collect();
    assert!(matches!(&results[..], [Err(Error::Remote { .. }), Err(Error::Remote { .. })]), "{results:?}");
}

#[test]
fn in_order_each_message_gives_all_its_results_or_none() {
    let server = start(&Host::default());
    let client = connect(&server);
    let expected: Vec<_> =
        (0..2_000_u32).flat_map(|number| (0..number % 4).map(move |of| format!("{number}.{of}"))).collect();
    let replies: Vec<_> = client.job("server.some", numbers(0..2_000)).ordered().map(Result::unwrap).collect();
    assert_eq!(replies, expected);
    let job = client.job_stream("server.some", stream::iter(numbers(0..2_000))).ordered();
    assert_eq!(block_on(job.try_collect::<Vec<_>>()).unwrap(), expected);
}

#[test]
fn fewer_results_than_wanted_are_an_error() {
    let server = start(&Host::default());
    let client = connect(&server);
    for error in
        [client.eval("server.some", "4").unwrap_err(), block_on(client.eval_async("server.some", "4")).unwrap_err()]
    {
        let Error::NoResult { server, function, wanted: 1, came: 0 } = error else { panic!("{error}") };
        assert_eq!((&*server, &*function), ("server", "server.some"));
    }
    assert_eq!(client.eval_all("server.some", "3", 2).unwrap(), ["3.0", "3.1"]);
    let error = client.eval_all("server.some", "2", 3).unwrap_err();
    assert!(matches!(error, Error::NoResult { wanted: 3, came: 2, .. }), "{error}");
    let mut job = client.job("server.some", ["2", "1"]).messages(7);
    assert_eq!(job.by_ref().take(3).filter(Result::is_ok).count(), 3);
    assert!(matches!(job.next(), Some(Err(Error::NoResult { wanted: 7, came: 3, .. }))));
    assert!(job.next().is_none());
    let mut job = client.job_stream("server.some", stream::iter(["2"])).messages(7);
    assert_eq!(block_on(job.by_ref().take(2).count()), 2);
    assert!(matches!(block_on(job.next()), Some(Err(Error::NoResult { wanted: 7, came: 2, .. }))));
    assert!(block_on(job.next()).is_none());
}

#[test]
fn what_nobody_waits_for_is_not_done() {
    let host = Host::default();
    let server = start(&host);
    let client = connect(&server);
    let cancelled = || server.stats().get(Counter::Cancelled);
    let guard = host.gate.lock().unwrap();
    // A job that is dropped, a future, and a call whose time is up.
    let mut job = client.job("server.wait", numbers(0..100)).timeout(Duration::from_millis(50));
    assert!(matches!(job.next(), Some(Err(Error::TimedOut { .. }))));
    until("the first call", || host.calls.load(SeqCst) == 1);
    let call = client.eval_async("server.wait", "future");
    let timed = block_on(futures::future::select(
        call,
        client.with_deadline(Duration::from_millis(50)).eval_async("server.wait", "call"),
    ));
    assert!(matches!(timed.factor_first().0, Err(Error::TimedOut { .. })));
    until("the end of what waited", || cancelled() >= 100);
    drop(guard);
    assert_eq!(client.eval("server.echo", "after").unwrap(), "after");
    assert!(host.calls.load(SeqCst) <= 3, "{host:?}", host = host.calls);
    // What came in time takes nothing back.
    let done = cancelled();
    assert_eq!(client.eval("server.some", "3").unwrap(), "3.0");
    assert_eq!(client.job("server.some", ["3", "3"]).messages(2).filter(Result::is_ok).count(), 2);
    assert_eq!(client.eval("server.echo", "after").unwrap(), "after");
    assert_eq!(cancelled(), done);
}

#[test]
fn a_connection_that_is_cut_loses_and_doubles_nothing() {
    let host = Host::default();
    let server = start(&host);
    let (cut, client) = through(&server);
    let mut seen: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut cuts = 0;
    for (count, reply) in client.job("server.echo", numbers(0..30_000)).enumerate() {
        *seen.entry(reply.unwrap().into()).or_default() += 1;
        if count % 5_000 == 2_500 {
            cuts += cut.cut();
        }
    }
    assert_eq!((seen.len(), seen.values().all(|times| *times == 1)), (30_000, true));
    assert_eq!(host.calls.load(SeqCst), 30_000, "nothing was done twice");
    assert!(cuts >= 2, "{cuts}");
    cut.cut();
    assert_eq!(client.eval("server.echo", "after").unwrap(), "after");
}

#[test]
fn another_run_of_the_server_is_asked_for_what_has_no_outcome() {
    let host = Host::default();
    let first = start(&host);
    let (cut, client) = through(&first);
    host.limit.store(2_000, SeqCst);
    let mut job = client.job("server.limited", numbers(0..6_000)).ordered();
    let mut replies: Vec<_> = job.by_ref().take(1_000).map(Result::unwrap).collect();
    until("the call that is stuck", || host.calls.load(SeqCst) == 2_001);
    let other = Host::default();
    let second = start(&other);
    cut.aim(&second.address("_palm.link").unwrap());
    cut.cut();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(client.eval("server.echo", "meanwhile").unwrap(), "meanwhile"));
        replies.extend(job.map(Result::unwrap));
    });
    host.limit.store(0, SeqCst);
    assert!(replies.iter().zip(numbers(0..6_000)).all(|(reply, number)| *reply == number) && replies.len() == 6_000);
    let again = other.calls.load(SeqCst);
    assert!((4_000..=5_001).contains(&again), "{again}: what had an outcome is not asked again");
}

#[test]
fn a_burst_is_sent_though_its_source_blocks_and_nobody_reads() {
    let host = Host::default();
    let server = start(&host);
    let client = connect(&server);
    let (sender, source) = mpsc::channel::<String>();
    let mut job = client.job("server.echo", source);
    sender.send("first".to_owned()).unwrap();
    assert_eq!(job.next().unwrap().unwrap(), "first");
    for round in 1..=20 {
        for number in 0..50 {
            sender.send(number.to_string()).unwrap();
        }
        until("the burst", || host.calls.load(SeqCst) == 1 + 50 * round);
    }
    drop(sender);
    assert_eq!(job.filter(Result::is_ok).count(), 1000);
}

#[test]
fn classic_sockets_are_used_on_request() {
    let server = start(&Host::default());
    let cut = Cut::before(&server.address("_palm.link").unwrap());
    let builder = || {
        let config = ["pull_address", "pub_address"].map(|key| (key, server.address(key).unwrap()));
        let config = config.into_iter().chain([("name", "server".to_owned()), ("_palm.link", cut.address.clone())]);
        Client::builder("server", server.address("db_address").unwrap()).this_config(config)
    };
    let push = server.address("pull_address").unwrap();
    for client in [builder().classic().connect().unwrap(), builder().push_address(push).connect().unwrap()] {
        assert_eq!(client.eval("server.echo", "x").unwrap(), "x");
        assert_eq!(client.job("server.echo", ["x"; 100]).messages(100).filter(Result::is_ok).count(), 100);
    }
    assert_eq!(cut.connections(), 0);
    assert_eq!(builder().connect().unwrap().eval("server.echo", "x").unwrap(), "x");
    assert_eq!(cut.connections(), 1);
}

#[test]
fn a_link_that_does_not_answer_is_not_used() {
    let server = start(&Host::default());
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = ["pull_address", "pub_address"].map(|key| (key, server.address(key).unwrap()));
    let link = ("_palm.link", format!("tcp://{}", silent.local_addr().unwrap()));
    let config = config.into_iter().chain([("name", "server".to_owned()), link]);
    let client = Client::builder("server", server.address("db_address").unwrap()).this_config(config);
    let client = client.connect().unwrap();
    assert_eq!(client.eval("server.echo", "x").unwrap(), "x");
}

#[derive(Default)]
struct Next;

#[palm::pipeline]
impl Next {
    fn twice(&mut self, message: &str) -> impl Iterator<Item = String> + use<> {
        std::iter::repeat_n(message.to_owned(), 2)
    }
}

#[test]
fn through_a_pipeline_a_job_ends_by_itself_too() {
    let server = palm::Server::new("server", Host::default()).pipelined(true).start().unwrap();
    let pipeline = palm::Pipeline::new("next", Next)
        .sub_address(server.address("pub_address").unwrap())
        .previous("server")
        .start()
        .unwrap();
    let client = Client::builder("server", server.address("db_address").unwrap())
        .sub_address(pipeline.address("pub_address").unwrap())
        .connect()
        .unwrap();
    let functions = ["server.echo", "next.twice"];
    assert_eq!(client.eval_all(functions, "x", 2).unwrap(), ["x", "x"]);
    let replies: Vec<_> = client.job(functions, numbers(0..1_000)).ordered().map(Result::unwrap).collect();
    let expected: Vec<_> = numbers(0..1_000).flat_map(|number| [number.clone(), number]).collect();
    assert_eq!(replies, expected);
}

//! Slow methods, slow readers, and much of everything.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use palm::stats::Counter;
use palm::{Client, Master, Message, Server, Worker};

use crate::support::{address, client, guarded, until};

struct Gate(Receiver<()>);

#[palm::server]
impl Gate {
    fn foo(&mut self, text: String) -> String {
        text
    }

    fn wait(&mut self, text: String) -> String {
        let _ = self.0.recv();
        text
    }

    fn step(&mut self, text: String) -> String {
        if text == "slow" {
            let _ = self.0.recv();
        }
        text
    }

    fn count(&mut self, text: &str) -> impl Iterator<Item = String> {
        let end: usize = text.parse().unwrap_or_default();
        (0..end).map(|number| number.to_string())
    }
}

/// While a method blocks: the answer that was held for a late subscriber goes out, and the cache answers.
#[test]
fn a_slow_method_stalls_nobody_else() {
    guarded(|| {
        let (open, gate) = channel();
        let server = Server::new("slow_server", Gate(gate)).start().unwrap();
        let caller = client(&server);
        let context = zmq::Context::new();
        let push = context.socket(zmq::PUSH).unwrap();
        push.connect(&address(&server, "pull_address")).unwrap();
        let mut message = Message::new("slow_server.foo", "for the late one");
        message.set_client("late");
        push.send(message.encode(), 0).unwrap();
        let stats = server.stats();
        until("the held answer", || stats.get(Counter::Held) == 1);
        let blocked = std::thread::spawn({
            let caller = caller.clone();
            move || caller.eval("slow_server.wait", "slow").unwrap()
        });
        until("the slow call", || stats.get(Counter::Received) == 2);
        let late = context.socket(zmq::SUB).unwrap();
        late.set_rcvtimeo(20_000).unwrap();
        late.set_subscribe(b"late").unwrap();
        late.connect(&address(&server, "pub_address")).unwrap();
        let frames = late.recv_multipart(0).unwrap();
        assert_eq!(*Message::decode(frames[1].clone().into()).unwrap().payload(), "for the late one");
        assert_eq!(caller.set("value", "key").unwrap(), "key");
        assert_eq!(caller.get("key").unwrap().unwrap(), b"value");
        assert!(!blocked.is_finished());
        assert_eq!(stats.get(Counter::Calls), 1);
        drop(open);
        assert_eq!(blocked.join().unwrap(), "slow");
    });
}

/// Calls that came together: what was done before the slow one is answered while it blocks, and what stands behind it can
/// still be taken back.
#[test]
fn a_slow_call_holds_up_none_before_it() {
    guarded(|| {
        let (open, gate) = channel();
        let server = Server::new("slow_step", Gate(gate)).start().unwrap();
        let caller = client(&server);
        let mut job = caller.job("slow_step.step", ["a", "b", "slow", "c", "d"]);
        assert_eq!(job.next().unwrap().unwrap(), "a");
        assert_eq!(job.next().unwrap().unwrap(), "b");
        let stats = server.stats();
        drop(job);
        until("what is taken back", || stats.get(Counter::Cancelled) == 2);
        drop(open);
        until("the slow call", || stats.get(Counter::Calls) == 3);
        server.shutdown();
        server.join().unwrap();
        assert_eq!(stats.get(Counter::Calls), 3);
    });
}

/// The thread that takes over looks seldom after many quick calls, and takes over all the same.
#[test]
fn a_slow_call_behind_many_quick_ones_holds_up_none_of_them() {
    const QUICK: usize = 50_000;
    guarded(|| {
        let (open, gate) = channel();
        let server = Server::new("slow_last", Gate(gate)).start().unwrap();
        let caller = client(&server);
        let steps = (0..QUICK).map(|number| number.to_string()).chain(["slow".to_owned()]);
        let mut job = caller.job("slow_last.step", steps).messages(QUICK + 1);
        for number in 0..QUICK {
            assert_eq!(job.next().unwrap().unwrap(), number.to_string());
        }
        assert_eq!(caller.set("value", "key").unwrap(), "key");
        assert_eq!(server.stats().get(Counter::Calls), QUICK as u64);
        open.send(()).unwrap();
        assert_eq!(job.next().unwrap().unwrap(), "slow");
        assert!(job.next().is_none());
    });
}

/// Around the time at which another thread takes the sockets over, calls come one after the other all the same.
#[test]
fn methods_of_any_length_keep_the_order() {
    struct Spin;

    #[palm::server]
    impl Spin {
        fn foo(&mut self, text: String) -> String {
            let number: u64 = text.parse().unwrap_or_default();
            // 0 to 4 ms, in steps that have no rhythm.
            std::thread::sleep(Duration::from_micros(number * 7_919 % 4_000));
            text
        }

        fn some(&mut self, text: &str) -> impl Iterator<Item = String> {
            let number: u64 = text.parse().unwrap_or_default();
            (0..600).map(move |result| {
                if result % 100 == 0 {
                    std::thread::sleep(Duration::from_micros(number * 7_919 % 2_000));
                }
                result.to_string()
            })
        }
    }

    guarded(|| {
        let server = Server::new("slow_relief", Spin).start().unwrap();
        let callers = [client(&server), client(&server)];
        std::thread::scope(|scope| {
            for caller in &callers {
                scope.spawn(move || {
                    let replies =
                        caller.job("slow_relief.foo", (0..400).map(|number| number.to_string())).messages(400);
                    for (number, reply) in replies.enumerate() {
                        assert_eq!(reply.unwrap(), number.to_string());
                    }
                    let replies =
                        caller.job("slow_relief.some", (0..40).map(|number| number.to_string())).messages(24_000);
                    for (number, reply) in replies.enumerate() {
                        assert_eq!(reply.unwrap(), (number % 600).to_string());
                    }
                });
            }
        });
        let stats = server.stats();
        until("the count", || stats.get(Counter::Sent) == 2 * 24_400);
        server.shutdown();
        server.join().unwrap();
    });
}

/// Resident memory of this process.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_million_results_wait_for_their_reader_where_they_are_made() {
    guarded(|| {
        const RESULTS: usize = 1_000_000;
        let (_open, gate) = channel();
        let server = Server::new("slow_million", Gate(gate)).hold_bytes(1 << 20).start().unwrap();
        let context = zmq::Context::new();
        let reader = context.socket(zmq::SUB).unwrap();
        reader.set_rcvtimeo(20_000).unwrap();
        reader.set_subscribe(b"reader").unwrap();
        reader.connect(&address(&server, "pub_address")).unwrap();
        let push = context.socket(zmq::PUSH).unwrap();
        push.connect(&address(&server, "pull_address")).unwrap();
        let mut message = Message::new("slow_million.count", RESULTS.to_string());
        message.set_client("reader");
        message.set_id([1; 16]);
        let before = resident();
        push.send(message.encode(), 0).unwrap();
        let stats = server.stats();
        until("the hold to fill", || stats.get(Counter::Held) > 1_000);
        // Nobody reads: it comes to a rest.
        let mut seen = 0;
        until("a rest", || {
            std::thread::sleep(Duration::from_millis(50));
            std::mem::replace(&mut seen, stats.get(Counter::Held)) == stats.get(Counter::Held)
        });
        assert!(seen < 100_000, "{seen}");
        for number in 0..RESULTS {
            let frames = reader.recv_multipart(0).unwrap();
            if number % 1_000 == 0 || number == RESULTS - 1 {
                let message = Message::decode(frames[1].clone().into()).unwrap();
                assert_eq!(*message.payload(), number.to_string());
            }
            if number % 100_000 == 0 {
                // A million messages in memory would be a few hundred.
                let more = resident().saturating_sub(before);
                assert!(more < 100 << 20, "{} MiB more", more >> 20);
            }
        }
        until("the count", || stats.get(Counter::Sent) == RESULTS as u64);
        assert_eq!(stats.get(Counter::Expired), 0);
    });
}

/// One message to a thousand, and a thousand back to one.
struct Thousand {
    parts: usize,
}

#[palm::master]
impl Thousand {
    fn scatter(&mut self, message: Message) -> impl Iterator<Item = Message> {
        (0..1_000).map(move |number| message.clone().with_payload(number.to_string()))
    }

    fn gather(&mut self, message: Message) -> Option<Message> {
        self.parts += 1;
        self.parts.is_multiple_of(1_000).then(|| message.with_payload(self.parts.to_string()))
    }
}

struct Hand;

#[palm::worker]
impl Hand {
    fn foo(&mut self, text: String) -> String {
        text
    }
}

#[test]
fn a_scatter_of_a_thousand_is_gathered() {
    guarded(|| {
        let master = Master::with("slow_thousand", Thousand { parts: 0 }).start().unwrap();
        let db = address(&master, "db_address");
        let workers = ["slow_one", "slow_two"].map(|name| Worker::new(name, Hand).db_address(&db).start().unwrap());
        let caller = Client::connect("slow_thousand", &db).unwrap();
        for call in 1..=20 {
            assert_eq!(caller.eval("slow_thousand.foo", "x").unwrap(), (call * 1_000).to_string());
        }
        let stats = master.stats();
        until("the count", || stats.get(Counter::Received) == 20 * 1_001);
        let calls: u64 = workers.iter().map(|worker| worker.stats().get(Counter::Calls)).sum();
        assert_eq!(calls, 20_000);
        drop(workers);
    });
}

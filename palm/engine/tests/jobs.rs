//! User code: hooks, errors, results by the thousand, and the end after so many messages.

use std::cell::Cell;
use std::time::Duration;

use super::client::{marked, numbers};
use super::cluster::seeds;
use super::masters::Hand;
use crate::engine::Counter;
use crate::wire::{Code, Message};
use crate::{Master, Server, Topic, Worker};

#[derive(Default)]
struct Many {
    calls: usize,
}

#[crate::server]
impl Many {
    fn count(&mut self, text: &str) -> impl Iterator<Item = String> {
        let end: usize = text.parse().unwrap_or_default();
        (0..end).map(|number| number.to_string())
    }

    fn nothing(&mut self) {}

    fn none(&mut self) -> Vec<u8> {
        panic!("call {}", self.calls)
    }

    fn fails_late(&mut self) -> impl Iterator<Item = Result<String, String>> {
        (0..600).map(|number| if number < 500 { Ok(number.to_string()) } else { Err(format!("at {number}")) })
    }

    fn foo(&mut self, text: String) -> String {
        self.calls += 1;
        text
    }
}

fn many() -> Server {
    Server::new("server", Many::default()).pull_address("pull").pub_address("pub")
}

/// What a slow call gave does not wait for the next ones.
#[test]
fn calls_that_take_long_go_on_one_by_one() {
    for (micros, most) in [(0, 8), (150, 4), (400, 1)] {
        let together = Cell::new(0);
        seeds(20, |cluster| {
            let server = cluster.add(many().plan());
            cluster.passes(server, Duration::from_micros(micros));
            cluster.sends("pull", (0..40).map(|number| marked("a", "server.foo", number.to_string())));
            let sub = cluster.subscribes("pub", "a");
            let mut before = 0;
            while cluster.step_in_time() {
                let calls = cluster.count(server, Counter::Calls);
                together.set(together.get().max(calls - before));
                before = calls;
            }
            assert_eq!((before, cluster.payloads(sub).len()), (40, 40));
        });
        let together = together.get();
        assert!(if micros == 0 { together >= most } else { together == most }, "{together} with {micros} us");
    }
}

/// Twice what a job keeps, and more: the batches go first, and the next call waits for the last of them.
#[test]
fn results_beyond_every_limit_come_in_order() {
    seeds(30, |cluster| {
        let server = cluster.add(many().hold_bytes(10_000).plan());
        let calls = [("count", "700"), ("foo", "x"), ("count", "3"), ("echo", "y"), ("count", "256"), ("foo", "z")];
        cluster.sends("pull", calls.map(|(method, payload)| marked("a", &format!("server.{method}"), payload)));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let count = |end| numbers(0..end, |number| number.to_string());
        let one = |text: &str| vec![text.to_owned()];
        let expected = [count(700), one("x"), count(3), one("y"), count(256), one("z")].concat();
        assert!(cluster.payloads(sub) == expected);
        assert_eq!(cluster.count(server, Counter::Calls), 5);
        assert_eq!(cluster.count(server, Counter::Sent), expected.len() as u64);
        assert!(cluster.net.longest <= 8);
    });
}

#[test]
fn a_failure_is_one_answer_behind_the_results_before_it() {
    seeds(20, |cluster| {
        let server = cluster.add(many().plan());
        cluster.sends(
            "pull",
            ["fails_late", "none", "nothing", "foo"].map(|method| marked("a", &format!("server.{method}"), "x")),
        );
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let answers = cluster.messages(sub);
        let codes: Vec<_> =
            answers.iter().map(|answer| answer.error().map(|error| (error.text, Code::from(error.code)))).collect();
        assert_eq!(answers.len(), 504);
        assert!(codes[..500].iter().all(Option::is_none));
        assert_eq!(codes[500], Some(("at 500".to_owned(), Code::MethodFailed)));
        assert_eq!(codes[501], Some(("call 0".to_owned(), Code::MethodPanicked)));
        // A server answers nothing with an empty payload.
        assert_eq!((&codes[502], &answers[502].payload()[..]), (&None, &b""[..]));
        assert_eq!((&codes[503], &answers[503].payload()[..]), (&None, &b"x"[..]));
        assert_eq!(cluster.count(server, Counter::Errors), 2);
    });
}

#[test]
fn a_component_takes_no_more_messages_than_it_was_told() {
    seeds(100, |cluster| {
        let server = cluster.add(many().messages(10).plan());
        cluster.sends("pull", (0..30).map(|number| marked("a", "server.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        assert_eq!(cluster.payloads(sub), numbers(0..10, |number| number.to_string()));
        assert!(cluster.engine(server).is_exhausted());
        assert_eq!(cluster.count(server, Counter::Received), 10);
    });
}

#[test]
fn a_drain_takes_nothing_in_and_lets_out_what_is_inside() {
    seeds(300, |cluster| {
        let server = cluster.add(many().plan());
        cluster.sends("pull", (0..50).map(|number| marked("a", "server.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        let steps = cluster.random.below(150);
        for _ in 0..steps {
            cluster.step();
        }
        cluster.drain(server);
        let received = cluster.count(server, Counter::Received);
        cluster.settle();
        assert_eq!(cluster.count(server, Counter::Received), received);
        let received = usize::try_from(received).unwrap();
        assert_eq!(cluster.payloads(sub), numbers(0..received, |number| number.to_string()));
        assert!(cluster.engine(server).is_idle());
    });
}

/// Its time to hand over is up: what has not begun is answered in its place, and nothing is silent.
#[test]
fn calls_that_have_not_begun_are_answered_with_an_error_at_last() {
    seeds(300, |cluster| {
        let server = cluster.add(many().plan());
        cluster.sends("pull", (0..50).map(|number| marked("a", "server.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        let steps = cluster.random.below(150);
        for _ in 0..steps {
            cluster.step();
        }
        cluster.drain(server);
        let refused = cluster.refuse_calls(server);
        assert_eq!(cluster.refuse_calls(server), 0);
        cluster.settle();
        let received = usize::try_from(cluster.count(server, Counter::Received)).unwrap();
        let answers = cluster.messages(sub);
        let codes: Vec<_> =
            answers.iter().filter_map(|answer| answer.error().map(|error| Code::from(error.code))).collect();
        assert_eq!((answers.len(), codes.len()), (received, refused));
        assert!(codes.iter().all(|code| *code == Code::ShuttingDown));
        assert_eq!(cluster.count(server, Counter::GivenUp), refused as u64);
        assert_eq!(cluster.count(server, Counter::Calls) + refused as u64, received as u64);
        assert!(cluster.engine(server).is_idle());
    });
}

/// Three of each message, then one of three results, under a topic of its own choice.
#[derive(Default)]
struct Hooks {
    gathered: Vec<String>,
}

#[crate::master]
impl Hooks {
    fn scatter(&mut self, message: Message) -> Vec<Message> {
        let part = |number: usize| {
            let mut part = message.clone();
            part.set_payload([message.payload(), &b"/"[..], number.to_string().as_bytes()].concat());
            part
        };
        (0..3).map(part).collect()
    }

    fn gather(&mut self, message: Message) -> Option<Message> {
        self.gathered.push(String::from_utf8_lossy(message.payload()).into_owned());
        (self.gathered.len().is_multiple_of(3))
            .then(|| message.clone().with_payload(self.gathered.split_off(0).join(" ")))
    }

    fn handle_stream(&mut self, message: &mut Message) -> Topic {
        format!("to {}", message.client()).into()
    }
}

#[test]
fn a_master_scatters_gathers_and_chooses_the_topic() {
    seeds(300, |cluster| {
        let master = Master::with("master", Hooks::default()).pull_address("pull").pub_address("pub");
        let master = cluster.add(master.worker_push_address("work").worker_pull_address("done").plan());
        cluster.add_worker("one");
        cluster.sends("pull", (0..20).map(|number| marked("a", "master.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "to a");
        cluster.settle();
        // One worker: the parts come back in order.
        assert_eq!(cluster.payloads(sub), numbers(0..20, |n| format!("w({n}/0) w({n}/1) w({n}/2)")));
        assert_eq!(cluster.count(master, Counter::Received), 20 + 60);
        assert_eq!(cluster.engine(master).outstanding().0, 0);
        assert!(cluster.engine(master).is_idle());
    });
}

/// A thousand messages of one, into a queue of eight.
#[derive(Default)]
struct Wide;

#[crate::master]
impl Wide {
    fn scatter(&mut self, message: Message) -> impl Iterator<Item = Message> {
        (0..1000).map(move |number| message.clone().with_payload(number.to_string()))
    }
}

#[test]
fn a_wide_scatter_is_held_back_by_its_workers() {
    seeds(5, |cluster| {
        let master = Master::with("master", Wide).pull_address("pull").pub_address("pub");
        cluster.add(master.worker_push_address("work").worker_pull_address("done").plan());
        cluster.add(Worker::new("one", Hand).pull_address("work").push_address("done").plan());
        cluster.sends("pull", [marked("a", "master.foo", ""), marked("a", "master.foo", "")]);
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        assert_eq!(cluster.payloads(sub), numbers(0..2000, |number| format!("w({})", number % 1000)));
        assert!(cluster.net.longest <= 8);
    });
}

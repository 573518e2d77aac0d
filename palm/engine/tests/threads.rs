//! Methods that take `&self` on several threads: what may overlap does, and nothing else.

use std::cell::Cell;
use std::sync::{Arc, Mutex};

use super::client::{marked, numbers};
use super::cluster::seeds;
use super::masters::Hand;
use crate::component::over_link;
use crate::engine::Counter;
use crate::wire::Code;
use crate::{Error, Master, Message, Server, Topic, Worker};

/// Writes down which calls it has run, in what order.
#[derive(Default)]
struct Book(Arc<Mutex<Vec<String>>>);

impl Book {
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[crate::server]
impl Book {
    fn read(&self, text: String) -> String {
        self.note(&text);
        text
    }

    fn write(&mut self, text: String) -> String {
        self.note(&text);
        text
    }

    fn count(&self, text: &str) -> impl Iterator<Item = String> {
        let text = text.to_owned();
        (0..600).map(move |number| format!("{text} {number}"))
    }

    fn panics(&self, text: &str) {
        panic!("read {text}")
    }
}

fn book(threads: usize) -> (Server, Arc<Mutex<Vec<String>>>) {
    let notes = Arc::default();
    (Server::new("server", Book(Arc::clone(&notes))).pull_address("pull").pub_address("pub").threads(threads), notes)
}

/// Calls between two that have the object for themselves may change places, and no others.
#[test]
fn calls_that_share_overlap_and_those_that_do_not_keep_their_place() {
    let most = Cell::new(0);
    seeds(300, |cluster| {
        let (server, notes) = book(3);
        let server = cluster.add(server.plan());
        let alone: Vec<_> = (0..40).map(|_| cluster.random.below(5) == 0).collect();
        let method = |alone| if alone { "server.write" } else { "server.read" };
        cluster.sends("pull", (0..40).map(|number| marked("a", method(alone[number]), number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let noted: Vec<usize> = notes.lock().unwrap().iter().map(|text| text.parse().unwrap()).collect();
        for (place, &number) in noted.iter().enumerate() {
            if alone[number] {
                assert_eq!(place, number);
            }
        }
        // What a call between two places is bound by is the calls on either side of it.
        for run in noted.split(|&number| alone[number]) {
            let (first, last) = (run.iter().min(), run.iter().max());
            assert!(first.is_none_or(|first| last.is_some_and(|last| last - first + 1 == run.len())));
        }
        let mut answered = cluster.payloads(sub);
        answered.sort_by_key(|text| text.parse::<usize>().unwrap());
        assert_eq!(answered, numbers(0..40, |number| number.to_string()));
        assert_eq!(cluster.count(server, Counter::Calls), 40);
        assert!(cluster.together(server) <= 3);
        most.set(most.get().max(cluster.together(server)));
        assert!(cluster.engine(server).is_idle());
    });
    assert_eq!(most.get(), 3);
}

#[test]
fn on_one_thread_everything_keeps_the_order() {
    for threads in [0, 1] {
        seeds(20, |cluster| {
            let server = cluster.add(book(threads).0.plan());
            let method = |number: usize| ["server.read", "server.write", "server.echo"][number % 3];
            cluster.sends("pull", (0..30).map(|number| marked("a", method(number), number.to_string())));
            let sub = cluster.subscribes("pub", "a");
            cluster.settle();
            assert_eq!(cluster.payloads(sub), numbers(0..30, |number| number.to_string()));
            assert!(cluster.together(server) <= 1);
        });
    }
}

/// Each call's own results stay in order, however the batches of several mix.
#[test]
fn results_beyond_what_is_kept_come_in_order_of_each_call() {
    seeds(30, |cluster| {
        let (server, _) = book(2);
        cluster.add(server.hold_bytes(10_000).plan());
        cluster.sends("pull", (0..4).map(|number| marked("a", "server.count", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let answers = cluster.payloads(sub);
        assert_eq!(answers.len(), 2400);
        for call in 0..4 {
            let own: Vec<_> = answers.iter().filter(|text| text.starts_with(&format!("{call} "))).cloned().collect();
            assert_eq!(own, numbers(0..600, |number| format!("{call} {number}")));
        }
        assert!(cluster.net.longest <= 8);
    });
}

#[test]
fn a_panic_is_the_answer_to_its_own_call() {
    seeds(30, |cluster| {
        let (server, _) = book(2);
        let server = cluster.add(server.plan());
        let method = |number: usize| ["server.read", "server.panics", "server.write", "server.nobody"][number % 4];
        cluster.sends("pull", (0..20).map(|number| marked("a", method(number), number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let answers = cluster.messages(sub);
        let of = |code| {
            answers.iter().filter(move |answer| answer.error().is_some_and(|error| Code::from(error.code) == code))
        };
        assert_eq!(of(Code::MethodPanicked).count(), 5);
        assert_eq!(of(Code::UnknownMethod).count(), 5);
        assert_eq!(answers.len(), 20);
        assert!(cluster.engine(server).is_idle());
    });
}

#[test]
fn a_drain_lets_out_what_several_threads_have() {
    seeds(200, |cluster| {
        let server = cluster.add(book(3).0.plan());
        cluster.sends("pull", (0..40).map(|number| marked("a", "server.read", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        for _ in 0..cluster.random.below(150) {
            cluster.step();
        }
        cluster.drain(server);
        let received = cluster.count(server, Counter::Received);
        cluster.settle();
        assert_eq!(cluster.count(server, Counter::Received), received);
        assert_eq!(cluster.payloads(sub).len() as u64, received);
        assert!(cluster.engine(server).is_idle());
    });
}

/// A hook has the object for itself.
#[derive(Default)]
struct Topics {
    chosen: usize,
}

#[crate::server]
impl Topics {
    fn read(&self, text: String) -> String {
        text
    }

    fn handle_stream(&mut self, message: &mut Message) -> Topic {
        self.chosen += 1;
        message.set_payload(self.chosen.to_string());
        "all".into()
    }
}

#[test]
fn a_hook_overlaps_nothing() {
    seeds(100, |cluster| {
        let server = Server::new("server", Topics::default()).pull_address("pull").pub_address("pub").threads(4);
        cluster.add(server.plan());
        cluster.sends("pull", (0..30).map(|number| marked("a", "server.read", number.to_string())));
        let sub = cluster.subscribes("pub", "all");
        cluster.settle();
        assert_eq!(cluster.payloads(sub), numbers(1..31, |number| number.to_string()));
    });
}

/// A worker's results come in any order, and its master counts on each of them.
#[derive(Default)]
struct Reader;

#[crate::worker]
impl Reader {
    fn foo(&self, text: String) -> String {
        format!("w({text})")
    }
}

#[test]
fn a_worker_with_threads_answers_each_message_once() {
    seeds(100, |cluster| {
        let master = Master::new("master").pull_address("pull").pub_address("pub");
        let master = cluster.add(master.worker_push_address("work").worker_pull_address("done").plan());
        let worker =
            |name, push, pull| Worker::new(name, Reader).push_address(push).pull_address(pull).threads(3).plan();
        cluster.add(worker("one", "done", "work"));
        cluster.add(Worker::new("two", Hand).push_address("done").pull_address("work").plan());
        cluster.sends("pull", (0..40).map(|number| marked("a", "master.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let mut answers = cluster.payloads(sub);
        let mut expected = numbers(0..40, |number| format!("w({number})"));
        answers.sort();
        expected.sort();
        assert_eq!(answers, expected);
        assert_eq!(cluster.engine(master).outstanding().0, 0);
    });
}

/// Results on the link say themselves what they are of.
#[test]
fn a_linked_worker_with_threads_answers_each_message_once() {
    let most = Cell::new(0);
    seeds(100, |cluster| {
        let master = Master::new("master").pull_address("pull").pub_address("pub").link_address("link");
        let master = cluster.add(master.worker_push_address("work").worker_pull_address("done").plan());
        let worker = cluster.add(over_link(Worker::new("one", Reader).threads(3).plan(), "link"));
        cluster.sends("pull", (0..40).map(|number| marked("a", "master.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let (mut answers, mut expected) = (cluster.payloads(sub), numbers(0..40, |number| format!("w({number})")));
        answers.sort();
        expected.sort();
        assert_eq!(answers, expected);
        assert_eq!(cluster.engine(master).outstanding().0, 0);
        assert_eq!(cluster.count(master, Counter::Redelivered), 0);
        most.set(most.get().max(cluster.together(worker)));
    });
    assert_eq!(most.get(), 3);
}

struct Turns(Cell<u32>);

#[crate::server]
impl Turns {
    fn read(&self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn what_threads_cannot_share_is_refused_before_it_starts() {
    let refused = Server::new("server", Turns(Cell::new(0))).threads(2).start().unwrap_err();
    assert!(
        matches!(&refused, Error::Topology { problems, .. } if problems.contains("`Turns` is not `Sync`")),
        "{refused}"
    );
    drop(Server::new("server", Turns(Cell::new(0))).start().unwrap());
}

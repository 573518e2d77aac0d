//! Methods that are `async`, as tasks: what may overlap does, nothing else, and whatever becomes of a task is answered.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use super::client::{marked, numbers};
use super::cluster::seeds;
use crate::component::over_link;
use crate::engine::Counter;
use crate::wire::Code;
use crate::{Master, Server, Worker};

/// Waits so many times.
struct Waits(usize);

impl Future for Waits {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        Poll::Pending
    }
}

/// Writes down which calls it has begun, in what order.
#[derive(Default)]
struct Book(Arc<Mutex<Vec<usize>>>);

impl Book {
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.parse().unwrap());
    }
}

#[crate::server]
impl Book {
    async fn wait(&self, text: &str) -> String {
        self.note(text);
        Waits(3).await;
        text.to_owned()
    }

    fn read(&self, text: String) -> String {
        self.note(&text);
        text
    }

    fn write(&mut self, text: String) -> String {
        self.note(&text);
        text
    }

    async fn count(&self, text: &str) -> impl Iterator<Item = String> {
        Waits(1).await;
        (0..600).map(move |number| format!("{text} {number}"))
    }

    async fn panics(&self, text: &str) {
        Waits(1).await;
        panic!("wait {text}")
    }
}

fn book() -> (Server, Arc<Mutex<Vec<usize>>>) {
    let notes = Arc::default();
    (Server::new("server", Book(Arc::clone(&notes))).pull_address("pull").pub_address("pub"), notes)
}

/// Three tasks and one call that shares the object on a thread: calls between two that have it for themselves may change
/// places, and no others.
#[test]
fn tasks_overlap_each_other_and_nothing_that_has_the_object_for_itself() {
    let most = Cell::new(0);
    seeds(300, |cluster| {
        let (server, notes) = book();
        let server = cluster.add(server.tasks(3).plan());
        let kinds: Vec<_> = (0..40).map(|_| cluster.random.below(6)).collect();
        let alone = |number: usize| kinds[number] == 0;
        let method = |number: usize| ["server.write", "server.read"].get(kinds[number]).unwrap_or(&"server.wait");
        cluster.sends("pull", (0..40).map(|number| marked("a", method(number), number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let noted = notes.lock().unwrap().clone();
        for (place, &number) in noted.iter().enumerate() {
            if alone(number) {
                assert_eq!(place, number);
            }
        }
        for run in noted.split(|&number| alone(number)) {
            let (first, last) = (run.iter().min(), run.iter().max());
            assert!(first.is_none_or(|first| last.is_some_and(|last| last - first + 1 == run.len())));
        }
        let mut answered = cluster.payloads(sub);
        answered.sort_by_key(|text| text.parse::<usize>().unwrap());
        assert_eq!(answered, numbers(0..40, |number| number.to_string()));
        assert_eq!(cluster.count(server, Counter::Calls), 40);
        most.set(most.get().max(cluster.together(server)));
        assert!(cluster.engine(server).is_idle());
    });
    assert_eq!(most.get(), 4);
}

#[test]
fn one_task_at_a_time_keeps_the_order() {
    for tasks in [0, 1] {
        seeds(30, |cluster| {
            let server = cluster.add(book().0.tasks(tasks).plan());
            let method = |number: usize| ["server.wait", "server.write"][number % 2];
            cluster.sends("pull", (0..30).map(|number| marked("a", method(number), number.to_string())));
            let sub = cluster.subscribes("pub", "a");
            cluster.settle();
            assert_eq!(cluster.payloads(sub), numbers(0..30, |number| number.to_string()));
            assert_eq!(cluster.together(server), 1);
        });
    }
}

#[test]
fn results_beyond_what_is_kept_come_in_order_of_each_call() {
    seeds(30, |cluster| {
        cluster.add(book().0.hold_bytes(10_000).plan());
        cluster.sends("pull", (0..4).map(|number| marked("a", "server.count", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let answers = cluster.payloads(sub);
        assert_eq!(answers.len(), 2400);
        for call in 0..4 {
            let own: Vec<_> = answers.iter().filter(|text| text.starts_with(&format!("{call} "))).cloned().collect();
            assert_eq!(own, numbers(0..600, |number| format!("{call} {number}")));
        }
    });
}

#[test]
fn what_a_runtime_drops_is_answered_and_makes_room() {
    let dropped = Cell::new(0);
    seeds(200, |cluster| {
        let server = cluster.add(book().0.tasks(3).plan());
        let method = |number: usize| ["server.wait", "server.panics", "server.write", "server.wait"][number % 4];
        cluster.sends("pull", (0..40).map(|number| marked("a", method(number), number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        let mut aborted = 0;
        for _ in 0..5 {
            for _ in 0..cluster.random.below(60) {
                cluster.step();
            }
            aborted += cluster.abort(server);
        }
        cluster.settle();
        let answers = cluster.messages(sub);
        let of = |wanted| {
            answers.iter().filter(move |answer| answer.error().is_some_and(|error| Code::from(error.code) == wanted))
        };
        assert_eq!(answers.len(), 40);
        assert_eq!(of(Code::ShuttingDown).count(), aborted);
        assert!(of(Code::MethodPanicked).count() <= 10);
        assert!(cluster.engine(server).is_idle());
        dropped.set(dropped.get() + aborted);
    });
    assert!(dropped.get() > 200);
}

struct Reader;

#[crate::worker]
impl Reader {
    async fn foo(&self, text: &str) -> String {
        Waits(3).await;
        format!("w({text})")
    }
}

/// On the link and on the classic sockets: results come in any order, and count once. What only passes overtakes tasks, but
/// for those of a worker which does one message at a time, since that is what its master counts on.
#[test]
fn each_message_of_a_worker_is_answered_once() {
    let most = Cell::new(0);
    for (linked, tasks) in [(false, 1), (false, 3), (true, 1), (true, 3)] {
        seeds(50, |cluster| {
            let master = Master::new("master").pull_address("pull").pub_address("pub").link_address("link");
            let master = cluster.add(master.worker_push_address("work").worker_pull_address("done").plan());
            let worker = Worker::new("one", Reader).tasks(tasks).push_address("done").pull_address("work").plan();
            let worker = cluster.add(if linked { over_link(worker, "link") } else { worker });
            let method = |number: usize| ["master.foo", "master.foo", "master.echo"][number % 3];
            cluster.sends("pull", (0..40).map(|number| marked("a", method(number), number.to_string())));
            let sub = cluster.subscribes("pub", "a");
            cluster.settle();
            let (mut answers, mut expected) = (
                cluster.payloads(sub),
                numbers(0..40, |number| if number % 3 == 2 { number.to_string() } else { format!("w({number})") }),
            );
            if tasks > 1 {
                answers.sort();
                expected.sort();
            }
            assert_eq!(answers, expected);
            assert_eq!(cluster.engine(master).outstanding().0, 0);
            assert_eq!(cluster.count(master, Counter::Stale), 0);
            most.set(most.get().max(cluster.together(worker)));
        });
        assert_eq!(most.take(), tasks);
    }
}

#[test]
fn a_worker_that_ends_says_nothing_of_what_it_drops() {
    seeds(100, |cluster| {
        let master = Master::new("master").pull_address("pull").pub_address("pub").link_address("link");
        let master = cluster.add(master.worker_push_address("work").worker_pull_address("done").plan());
        let worker = cluster.add(over_link(Worker::new("one", Reader).tasks(3).plan(), "link"));
        cluster.sends("pull", (0..40).map(|number| marked("a", "master.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        for _ in 0..cluster.random.below(200) {
            cluster.step();
        }
        cluster.drain(worker);
        cluster.abort(worker);
        cluster.settle();
        let answers = cluster.messages(sub);
        assert!(answers.iter().all(|answer| answer.error().is_none()));
        assert!(!cluster.engine(worker).is_working());
        assert_eq!(cluster.engine(master).outstanding().0, 40 - answers.len());
    });
}

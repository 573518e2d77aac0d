//! Masters, hubs and their workers.

use std::collections::BTreeSet;

use super::client::{marked, numbers};
use super::cluster::{Cluster, seeds};
use super::stages::Tag;
use crate::engine::Counter;
use crate::{Hub, Master, Server, Worker};

#[derive(Default)]
pub(super) struct Hand;

#[crate::worker]
impl Hand {
    fn foo(&mut self, text: &str) -> String {
        format!("w({text})")
    }

    fn twice(&mut self, text: &str) -> impl Iterator<Item = String> {
        [format!("{text} 1"), format!("{text} 2")].into_iter()
    }

    fn nothing(&mut self) -> std::iter::Empty<String> {
        std::iter::empty()
    }

    fn fail(&mut self, text: &str) -> Result<String, String> {
        Err(format!("no {text}"))
    }
}

impl Cluster {
    pub(super) fn add_worker(&mut self, name: &str) -> usize {
        self.add(Worker::new(name, Hand).pull_address("work").push_address("done").plan())
    }
}

fn master() -> Master {
    Master::new("master")
        .pull_address("pull")
        .worker_push_address("work")
        .worker_pull_address("done")
        .pub_address("pub")
}

fn set(answers: &[String]) -> BTreeSet<String> {
    answers.iter().cloned().collect()
}

#[test]
fn every_message_is_worked_on_once_whoever_does_it() {
    seeds(300, |cluster| {
        let master = cluster.add(master().plan());
        let mut workers = vec![cluster.add_worker("one"), cluster.add_worker("two")];
        let subs = ["a", "b"].map(|client| {
            cluster.sends("pull", (0..24).map(|number| marked(client, "master.foo", format!("{client}{number}"))));
            cluster.subscribes("pub", client)
        });
        for _ in 0..60 {
            cluster.step();
        }
        // One more in the middle.
        workers.push(cluster.add_worker("three"));
        cluster.settle();
        for (sub, client) in subs.into_iter().zip(["a", "b"]) {
            let answers = cluster.payloads(sub);
            assert_eq!(answers.len(), 24);
            assert_eq!(set(&answers), set(&numbers(0..24, |number| format!("w({client}{number})"))));
        }
        assert_eq!(cluster.engine(master).outstanding().0, 0);
        let calls: Vec<_> = workers.into_iter().map(|worker| cluster.count(worker, Counter::Calls)).collect();
        assert_eq!(calls.iter().sum::<u64>(), 48);
        assert!(calls.iter().all(|calls| *calls > 0), "{calls:?}");
    });
}

#[test]
fn a_single_worker_keeps_the_order() {
    seeds(100, |cluster| {
        cluster.add(master().plan());
        cluster.add_worker("one");
        cluster.sends("pull", (0..50).map(|number| marked("a", "master.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        assert_eq!(cluster.payloads(sub), numbers(0..50, |number| format!("w({number})")));
    });
}

#[test]
fn several_results_and_errors_come_back_too() {
    seeds(100, |cluster| {
        let master = cluster.add(master().plan());
        cluster.add_worker("one");
        cluster.add_worker("two");
        cluster.sends("pull", (0..20).map(|number| marked("a", "master.twice", number.to_string())));
        cluster.sends("pull", (0..20).map(|number| marked("b", "master.fail", number.to_string())));
        let (a, b) = (cluster.subscribes("pub", "a"), cluster.subscribes("pub", "b"));
        cluster.settle();
        let answers = cluster.payloads(a);
        assert_eq!(answers.len(), 40);
        assert_eq!(set(&answers), set(&numbers(0..40, |number| format!("{} {}", number / 2, number % 2 + 1))));
        let errors: Vec<_> = cluster.messages(b).iter().map(|message| message.error().unwrap().text).collect();
        assert_eq!(errors.len(), 20);
        assert_eq!(set(&errors), set(&numbers(0..20, |number| format!("no {number}"))));
        assert_eq!(cluster.engine(master).outstanding().0, 0);
    });
}

#[test]
fn a_hub_takes_the_stream_of_a_server() {
    seeds(300, |cluster| {
        cluster.add(Server::new("one", Tag("1")).pull_address("pull").pub_address("pub1").pipelined(true).plan());
        let hub = Hub::new("hub").sub_address("pub1").previous("one").pub_address("pub");
        let hub = cluster.add(hub.worker_push_address("work").worker_pull_address("done").plan());
        cluster.add_worker("one");
        cluster.add_worker("two");
        cluster.sends("pull", (0..24).map(|number| marked("a", "one.foo hub.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let answers = cluster.payloads(sub);
        assert_eq!(answers.len(), 24);
        assert_eq!(set(&answers), set(&numbers(0..24, |number| format!("w(1({number}))"))));
        assert!(cluster.engine(hub).is_idle());
    });
}

//! Workers on the link: connections that are cut, workers that die, and no message lost or done twice for its caller.

use std::collections::BTreeSet;

use super::client::{marked, numbers};
use super::cluster::{Cluster, seeds};
use super::masters::Hand;
use super::net::{Owner, SocketId};
use crate::component::over_link;
use crate::engine::Counter;
use crate::engine::link::{Frame, PROTOCOL, Record, Session};
use crate::socket::{Sent, SocketKind};
use crate::wire::proto::LinkWelcome;
use crate::{Master, Worker};

impl Cluster {
    fn add_linked_master(&mut self) -> usize {
        let master = Master::new("master").pull_address("pull").pub_address("pub").link_address("link");
        self.add(master.worker_push_address("work").worker_pull_address("done").plan())
    }

    fn add_linked_worker(&mut self, name: &str) -> usize {
        self.add(over_link(Worker::new(name, Hand).plan(), "link"))
    }

    /// Kills a worker that is connected by `socket`.
    fn kill(&mut self, socket: SocketId) {
        self.net.close(socket);
    }

    fn dealers(&self) -> Vec<SocketId> {
        let sockets = 0..self.net.sockets.len();
        sockets.filter(|socket| self.net.is_open(*socket, SocketKind::Dealer)).collect()
    }
}

fn set(answers: &[String]) -> BTreeSet<String> {
    answers.iter().cloned().collect()
}

#[test]
fn every_message_is_worked_on_once() {
    seeds(200, |cluster| {
        let master = cluster.add_linked_master();
        let workers = [cluster.add_linked_worker("one"), cluster.add_linked_worker("two")];
        cluster.sends("pull", (0..80).map(|number| marked("a", "master.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let answers = cluster.payloads(sub);
        assert_eq!(answers.len(), 80);
        assert_eq!(set(&answers), set(&numbers(0..80, |number| format!("w({number})"))));
        assert_eq!(cluster.engine(master).outstanding().0, 0);
        let calls: u64 = workers.into_iter().map(|worker| cluster.count(worker, Counter::Calls)).sum();
        assert_eq!(calls, 80);
        assert_eq!(cluster.count(master, Counter::Redelivered), 0);
    });
}

/// A frame may have more for it than that: those that are of one stream go in as a batch, and count as many.
#[test]
fn a_worker_takes_in_what_there_is_room_for() {
    seeds(20, |cluster| {
        let master = cluster.net.open(Owner::Test, SocketKind::Router);
        cluster.net.bind(master, "link");
        let worker = cluster.add_linked_worker("one");
        let said = |cluster: &mut Cluster| loop {
            if let Some((_, frame)) = cluster.net.sockets[master].inbox.pop_front() {
                return Frame::read(frame).unwrap();
            }
            // As many again may come back from a run that takes long.
            assert!(cluster.engine(worker).work().1 <= 2 * 128);
            assert!(cluster.step_in_time());
        };
        let Frame::Hello(hello) = said(cluster) else { panic!("no greeting") };
        let welcome = LinkWelcome { protocol: PROTOCOL, epoch: 1, session: hello.session, ..LinkWelcome::default() };
        let mut session = Session::new();
        let (stream, request) = session.stream(&marked("a", "master.foo", ""));
        for number in 0..300 {
            let payload = &number.to_string().into_bytes()[..];
            session.push(&Record::Work { stream, request, sequence: number, attempt: 1, extra: &[][..], payload });
        }
        let frames: Vec<_> = session.take_frames().map(Vec::from).collect();
        let identity = cluster.net.linked()[0].to_string();
        assert_eq!(frames.len(), 1);
        for frame in [Frame::Welcome(welcome).write()].into_iter().chain(frames) {
            assert_eq!(cluster.net.send(master, Some(identity.as_bytes()), frame), Sent::Done);
        }
        let mut results = 0;
        while results < 300 {
            if let Frame::Data { mut records, .. } = said(cluster) {
                while let Some(Record::Result { sequence, payload, .. }) = Record::read(&mut records) {
                    assert_eq!((sequence, &payload[..]), (results, format!("w({results})").as_bytes()));
                    results += 1;
                }
            }
        }
    });
}

#[test]
fn several_results_one_error_and_none() {
    seeds(100, |cluster| {
        let master = cluster.add_linked_master();
        cluster.add_linked_worker("one");
        for (function, count) in [("master.twice", 10), ("master.fail", 5), ("master.nothing", 10)] {
            cluster.sends("pull", (0..count).map(|number| marked("a", function, number.to_string())));
        }
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        let errors =
            cluster.messages(sub).iter().filter_map(crate::Message::error).map(|error| error.text).collect::<Vec<_>>();
        assert_eq!(set(&errors), set(&numbers(0..5, |number| format!("no {number}"))));
        let twice: Vec<_> = cluster.payloads(sub).into_iter().filter(|answer| answer != "0").collect();
        assert_eq!(twice.len(), 20);
        assert_eq!(set(&twice), (0..10).flat_map(|number| [format!("{number} 1"), format!("{number} 2")]).collect());
        assert_eq!(cluster.engine(master).outstanding().0, 0);
    });
}

#[test]
fn connections_that_are_cut_lose_nothing() {
    seeds(300, |cluster| {
        let master = cluster.add_linked_master();
        cluster.add_linked_worker("one");
        cluster.add_linked_worker("two");
        cluster.sends("pull", (0..60).map(|number| marked("a", "master.twice", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        // A third one might take a message from its third worker, which is the last.
        for _ in 0..2 {
            for _ in 0..cluster.random.below(150) {
                cluster.step();
            }
            let linked = cluster.net.linked();
            if !linked.is_empty() {
                let number = linked[cluster.random.below(linked.len())];
                cluster.net.cut(number);
            }
        }
        cluster.settle();
        let answers = cluster.payloads(sub);
        assert_eq!(cluster.count(master, Counter::Undecodable), 0);
        assert_eq!(set(&answers).len(), 120);
        assert_eq!(answers.len(), 120, "none came twice");
        assert_eq!(cluster.engine(master).outstanding().0, 0);
    });
}

#[test]
fn workers_that_die_lose_nothing() {
    seeds(300, |cluster| {
        let master = cluster.add_linked_master();
        (0..4).for_each(|number| {
            cluster.add_linked_worker(&number.to_string());
        });
        cluster.sends("pull", (0..60).map(|number| marked("a", "master.twice", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        for _ in 0..2 {
            for _ in 0..cluster.random.below(200) {
                cluster.step();
            }
            let dealers = cluster.dealers();
            let victim = dealers[cluster.random.below(dealers.len())];
            cluster.kill(victim);
        }
        cluster.settle();
        let answers = cluster.payloads(sub);
        assert_eq!(set(&answers).len(), 120);
        assert_eq!(answers.len(), 120, "none came twice");
        assert_eq!(cluster.engine(master).outstanding().0, 0);
        assert_eq!(cluster.count(master, Counter::GivenUp), 0);
    });
}

//! Clients that know nothing of us: a new PUSH and a new SUB for each call, under one id, with the old subscription
//! lingering. palm-wire.md, section 4.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::client::classic;
use super::cluster::{Actor, Cluster, seeds};
use super::net::{Net, SocketId};
use super::stages::{Stage, Tag};
use crate::engine::Counter;
use crate::socket::{Sent, SocketKind};
use crate::wire::Message;
use crate::{Master, Pipeline, Server};

/// One call: so many messages, all at once or each after the answer to the one before.
#[derive(Debug, Clone, Copy)]
struct Plan {
    messages: usize,
    one_by_one: bool,
}

const EVAL: Plan = Plan { messages: 1, one_by_one: true };

#[derive(Default)]
struct Log {
    /// Of each call, its answers, and how long it took on the cluster's clock.
    calls: Vec<(Vec<String>, Duration)>,
}

struct Client {
    id: &'static str,
    to: &'static str,
    from: &'static str,
    function: &'static str,
    plans: VecDeque<Plan>,
    number: usize,
    call: Option<Call>,
    log: Rc<RefCell<Log>>,
}

struct Call {
    push: SocketId,
    sub: SocketId,
    plan: Plan,
    sent: usize,
    answers: Vec<String>,
    since: Instant,
}

impl Client {
    fn starts(
        cluster: &mut Cluster,
        id: &'static str,
        (to, from): (&'static str, &'static str),
        function: &'static str,
        plans: impl IntoIterator<Item = Plan>,
    ) -> Rc<RefCell<Log>> {
        let log = Rc::<RefCell<Log>>::default();
        let plans = plans.into_iter().collect();
        cluster.act(Self { id, to, from, function, plans, number: 0, call: None, log: log.clone() });
        log
    }
}

impl Call {
    fn sends(&self) -> bool {
        self.sent < self.plan.messages && (!self.plan.one_by_one || self.sent == self.answers.len())
    }
}

impl Actor for Client {
    fn ready(&self, net: &Net) -> bool {
        match &self.call {
            None => !self.plans.is_empty(),
            Some(call) => {
                (call.sends() && net.can_write(call.push))
                    || !net.sockets[call.sub].inbox.is_empty()
                    || call.answers.len() == call.plan.messages
            }
        }
    }

    fn step(&mut self, net: &mut Net, now: Instant) {
        let Some(call) = &mut self.call else {
            let plan = self.plans.pop_front().unwrap();
            self.number += 1;
            let push = net.connected(SocketKind::Push, self.to);
            let sub = net.connected(SocketKind::Sub, self.from);
            net.subscribe(sub, self.id.as_bytes());
            self.call = Some(Call { push, sub, plan, sent: 0, answers: Vec::new(), since: now });
            return;
        };
        if let Some((_, body)) = net.sockets[call.sub].inbox.pop_front() {
            let answer = Message::decode(body).unwrap();
            call.answers.push(String::from_utf8(answer.payload().to_vec()).unwrap());
        } else if call.sends() {
            let message = classic(self.id, self.function, format!("{}/{}", self.number, call.sent));
            assert_eq!(net.send(call.push, None, message.encode()), Sent::Done);
            call.sent += 1;
        } else if call.answers.len() == call.plan.messages {
            net.close(call.push);
            net.close(call.sub);
            let call = self.call.take().unwrap();
            self.log.borrow_mut().calls.push((call.answers, now - call.since));
        }
    }
}

/// Each call got its own answers, in order, and none waited for a hold to run out.
fn check(log: &Log, plans: &[Plan], around: impl Fn(&str) -> String, patience: Duration) {
    assert_eq!(log.calls.len(), plans.len(), "a call hangs");
    for (number, ((answers, took), plan)) in log.calls.iter().zip(plans).enumerate() {
        let expected: Vec<_> = (0..plan.messages).map(|message| around(&format!("{}/{message}", number + 1))).collect();
        assert_eq!(*answers, expected);
        assert!(*took < patience, "call {number} took {took:?}");
    }
}

/// Calls in a row, and jobs of both kinds among them.
fn mixed(cluster: &mut Cluster) -> Vec<Plan> {
    let mut plan = || match cluster.random.below(4) {
        0 => Plan { messages: 2 + cluster.random.below(6), one_by_one: true },
        1 => Plan { messages: 2 + cluster.random.below(12), one_by_one: false },
        _ => EVAL,
    };
    (0..10).map(|_| plan()).collect()
}

const SOON: Duration = Duration::from_millis(100);

#[test]
fn every_call_of_a_classic_client_gets_its_answers_at_once() {
    seeds(300, |cluster| {
        let server = Server::new("server", Tag("s")).pull_address("pull").pub_address("pub");
        let server = cluster.add(server.plan());
        let plans = [mixed(cluster), mixed(cluster)];
        let logs = [("a", &plans[0]), ("b", &plans[1])]
            .map(|(id, plans)| Client::starts(cluster, id, ("pull", "pub"), "server.foo", plans.iter().copied()));
        cluster.settle();
        for (log, plans) in logs.iter().zip(&plans) {
            check(&log.borrow(), plans, |text| format!("s({text})"), SOON);
        }
        assert_eq!(cluster.count(server, Counter::Expired), 0);
    });
}

#[test]
fn a_master_serves_classic_clients_while_workers_come_and_go() {
    seeds(300, |cluster| {
        let master = Master::new("master").pull_address("pull").pub_address("pub");
        let master = cluster.add(master.worker_push_address("work").worker_pull_address("done").plan());
        cluster.add_worker("one");
        let plans = mixed(cluster);
        let log = Client::starts(cluster, "a", ("pull", "pub"), "master.foo", plans.iter().copied());
        // Results of another's work, on connections of their own that end.
        for _ in 0..3 {
            let push = cluster.net.connected(SocketKind::Push, "done");
            for _ in 0..cluster.random.below(60) {
                cluster.step();
            }
            assert_eq!(cluster.net.send(push, None, classic("b", "master.foo", "x").encode()), Sent::Done);
            cluster.net.close(push);
        }
        cluster.settle();
        check(&log.borrow(), &plans, |text| format!("w({text})"), SOON);
        assert_eq!(cluster.count(master, Counter::Expired), 0);
    });
}

/// The connection on which a call came is not to be seen behind a publisher: evals go at once all the same.
#[test]
fn behind_a_pipeline_calls_in_a_row_are_answered_at_once() {
    seeds(300, |cluster| {
        cluster.add(Server::new("one", Tag("1")).pull_address("pull").pub_address("pub1").pipelined(true).plan());
        let last = Pipeline::new("two", Stage("2")).sub_address("pub1").previous("one").pub_address("pub");
        let last = cluster.add(last.plan());
        let plans = vec![EVAL; 12];
        let log = Client::starts(cluster, "a", ("pull", "pub"), "one.foo two.foo", plans.iter().copied());
        cluster.settle();
        check(&log.borrow(), &plans, |text| format!("2(1({text}))"), SOON);
        assert_eq!(cluster.count(last, Counter::Expired), 0);
    });
}

/// A job whose client subscribes late: its first answers wait, and the later ones wait behind them.
#[test]
fn behind_a_pipeline_jobs_lose_nothing() {
    seeds(300, |cluster| {
        cluster.add(Server::new("one", Tag("1")).pull_address("pull").pub_address("pub1").pipelined(true).plan());
        let last = Pipeline::new("two", Stage("2")).sub_address("pub1").previous("one").pub_address("pub");
        let last = cluster.add(last.plan());
        let plans = mixed(cluster);
        let log = Client::starts(cluster, "a", ("pull", "pub"), "one.foo two.foo", plans.iter().copied());
        cluster.run_until(Duration::from_secs(1_000));
        check(&log.borrow(), &plans, |text| format!("2(1({text}))"), Duration::from_secs(7));
        assert_eq!(cluster.count(last, Counter::Expired), 0);
    });
}

/// A foreign client that keeps one subscription for good waits for a moment at each new connection, and gets its answer.
#[test]
fn an_old_subscription_serves_after_a_moment() {
    seeds(50, |cluster| {
        cluster.add(Server::new("server", Tag("s")).pull_address("pull").pub_address("pub").plan());
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        for number in 0..3 {
            let before = cluster.elapsed();
            let push = cluster.net.connected(SocketKind::Push, "pull");
            assert_eq!(
                cluster.net.send(push, None, classic("a", "server.foo", number.to_string()).encode()),
                Sent::Done
            );
            cluster.run_until(before + Duration::from_millis(499));
            assert_eq!(cluster.payloads(sub).len(), if number == 0 { 1 } else { number });
            cluster.run_until(before + Duration::from_millis(501));
            assert_eq!(cluster.payloads(sub).len(), number + 1);
            cluster.net.close(push);
            cluster.settle();
        }
    });
}

/// A client that went away without its answer leaves nothing to the next call under its id.
#[test]
fn answers_to_a_call_that_was_given_up_do_not_reach_the_next() {
    seeds(300, |cluster| {
        let server = Server::new("server", Tag("s")).pull_address("pull").pub_address("pub");
        let server = cluster.add(server.plan());
        let push = cluster.net.connected(SocketKind::Push, "pull");
        for _ in 0..5 {
            assert_eq!(cluster.net.send(push, None, classic("a", "server.foo", "given up").encode()), Sent::Done);
        }
        cluster.settle();
        cluster.net.close(push);
        assert_eq!(cluster.count(server, Counter::Held), 5);
        let push = cluster.net.connected(SocketKind::Push, "pull");
        assert_eq!(cluster.net.send(push, None, classic("a", "server.foo", "next").encode()), Sent::Done);
        cluster.settle();
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        assert_eq!(cluster.payloads(sub), ["s(next)"]);
        assert_eq!(cluster.count(server, Counter::Superseded), 5);
    });
}

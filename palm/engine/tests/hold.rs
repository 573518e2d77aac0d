//! Answers that wait for their subscriber.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::client::{marked, numbers};
use super::cluster::{Cluster, seeds};
use super::stages::Tag;
use crate::engine::{Addressee, Answer, Counter, Debt, Hold, Limits};
use crate::socket::Sent;
use crate::{Message, Pipeline, Server};

const LONG: Duration = Duration::from_secs(31);

fn server() -> Server {
    Server::new("server", Tag("s")).pull_address("pull").pub_address("pub")
}

fn sends(cluster: &mut Cluster, count: usize) {
    cluster.sends("pull", (0..count).map(|number| marked("a", "server.foo", number.to_string())));
}

fn answers(count: usize) -> Vec<String> {
    numbers(0..count, |number| format!("s({number})"))
}

#[test]
fn at_once_goes_only_what_waits_for_nothing_and_is_published_to_nobody() {
    let (mut hold, now) = (Hold::new(Limits::default()), Instant::now());
    let (topic, other) = (Bytes::from_static(b"client"), Bytes::from_static(b"cl"));
    let mut done = |_: &Bytes, _: &Answer, _: bool| Sent::Done;
    assert!(!hold.passes(&topic, now), "nobody listens");
    hold.linked(&topic, false, now, &mut done);
    assert!(hold.passes(&topic, now));
    hold.subscribed(&other, now, &mut done);
    assert!(!hold.passes(&topic, now), "it is to be published too");
    hold.unsubscribed(&other);
    assert!(hold.passes(&topic, now));
    let answer = Answer { message: Message::new("server.foo", "x"), addressee: Addressee::Client, debt: Debt::NONE };
    hold.offer(&topic, answer, now, &mut |_: &Bytes, _: &Answer, _: bool| Sent::Full);
    assert!(!hold.passes(&topic, now), "it would overtake what waits");
    hold.tick(now, &mut done);
    assert!(hold.passes(&topic, now));
}

#[test]
fn a_late_subscriber_gets_everything_in_order() {
    seeds(300, |cluster| {
        let server = cluster.add(server().plan());
        sends(cluster, 30);
        cluster.settle();
        assert_eq!(cluster.count(server, Counter::Held), 30);
        assert!(!cluster.engine(server).is_idle());
        cluster.run_until(Duration::from_secs(29));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        assert_eq!(cluster.payloads(sub), answers(30));
        assert_eq!(cluster.count(server, Counter::Sent), 30);
        assert_eq!(cluster.count(server, Counter::Expired), 0);
        assert!(cluster.engine(server).is_idle());
        assert!(cluster.net.longest <= 8);
    });
}

/// A subscription to the beginning of a stage's topic is another stage's own, or takes in passing what it matches.
#[test]
fn what_is_heard_in_passing_waits_for_its_own_stage() {
    seeds(50, |cluster| {
        cluster.add(server().pipelined(true).plan());
        let other = cluster.subscribes("pub", "serv");
        cluster.settle();
        sends(cluster, 3);
        cluster.run_until(Duration::from_secs(1));
        let own = cluster.subscribes("pub", "server");
        cluster.settle();
        assert_eq!(cluster.payloads(own), answers(3));
        assert_eq!(cluster.payloads(other), answers(3));
    });
}

#[test]
fn what_nobody_wants_expires_and_is_counted() {
    seeds(50, |cluster| {
        let server = cluster.add(server().hold_time(Duration::from_secs(7)).plan());
        sends(cluster, 20);
        cluster.run_until(Duration::from_millis(6_990));
        assert_eq!(cluster.count(server, Counter::Expired), 0);
        cluster.run_until(Duration::from_secs(8));
        assert_eq!(cluster.count(server, Counter::Expired), 20);
        assert!(cluster.engine(server).is_idle());
        let sub = cluster.subscribes("pub", "a");
        sends(cluster, 3);
        cluster.settle();
        assert_eq!(cluster.payloads(sub), answers(3));
    });
}

#[test]
fn too_much_for_an_absent_client_pauses_the_intake() {
    seeds(100, |cluster| {
        let server = cluster.add(server().hold_bytes(4_000).plan());
        sends(cluster, 300);
        cluster.settle();
        let received = cluster.count(server, Counter::Received);
        assert!((5..200).contains(&received), "{received}");
        // What was taken in before the hold was full may still be on its way through, and is bounded.
        assert_eq!(cluster.count(server, Counter::Held), received);
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        assert_eq!(cluster.payloads(sub), answers(300));
        assert_eq!(cluster.count(server, Counter::Expired), 0);
    });
}

#[test]
fn an_absent_client_holds_the_others_up_no_longer_than_the_hold() {
    seeds(20, |cluster| {
        let server = cluster.add(server().hold_bytes(4_000).plan());
        sends(cluster, 60);
        let sub = cluster.subscribes("pub", "b");
        cluster.sends("pull", (0..20).map(|number| marked("b", "server.foo", number.to_string())));
        cluster.run_until(10 * LONG);
        assert_eq!(cluster.payloads(sub), answers(20));
        assert_eq!(cluster.count(server, Counter::Expired), 60);
    });
}

/// Messages without a payload are not free.
#[test]
fn empty_messages_fill_the_hold_too() {
    seeds(5, |cluster| {
        let server = cluster.add(server().hold_bytes(20_000).plan());
        cluster.sends("pull", (0..2_000).map(|_| marked("a", "server.echo", "")));
        cluster.settle();
        let held = cluster.count(server, Counter::Held);
        assert!((20..1_000).contains(&held), "{held}");
    });
}

#[test]
fn a_subscription_to_the_beginning_of_a_topic_counts_for_a_stage() {
    seeds(100, |cluster| {
        let server = cluster.add(server().pipelined(true).plan());
        sends(cluster, 10);
        let nobody = cluster.subscribes("pub", "server2");
        cluster.settle();
        assert_eq!(cluster.count(server, Counter::Held), 10);
        let sub = cluster.subscribes("pub", "ser");
        cluster.run_until(Duration::from_secs(3));
        assert_eq!(cluster.payloads(sub), answers(10));
        assert_eq!(cluster.payloads(nobody), [""; 0]);
    });
}

#[test]
fn a_stage_takes_only_the_topic_it_was_told() {
    seeds(50, |cluster| {
        for name in ["one", "one_more"] {
            let server =
                Server::new(name, Tag(name)).pull_address(format!("pull {name}")).pub_address(format!("pub {name}"));
            cluster.add(server.pipelined(true).plan());
        }
        let stage = || Pipeline::new("stage", super::stages::Stage("2"));
        cluster.add(stage().sub_address("pub one_more").previous("one").pub_address("wrong").plan());
        cluster.add(stage().sub_address("pub one_more").previous("").pub_address("all").plan());
        cluster.settle();
        cluster.sends("pull one_more", (0..10).map(|number| marked("a", "one_more.foo stage.foo", number.to_string())));
        let (wrong, all) = (cluster.subscribes("wrong", "a"), cluster.subscribes("all", "a"));
        cluster.settle();
        assert_eq!(cluster.payloads(wrong), [""; 0]);
        assert_eq!(cluster.payloads(all), numbers(0..10, |number| format!("2(one_more({number}))")));
    });
}

#[test]
fn the_second_of_two_expected_subscribers_is_waited_for() {
    seeds(100, |cluster| {
        let server = cluster.add(server().pipelined(true).expected_subscribers(2).plan());
        sends(cluster, 10);
        let first = cluster.subscribes("pub", "server");
        cluster.settle();
        assert_eq!((cluster.payloads(first).len(), cluster.count(server, Counter::Held)), (0, 10));
        let second = cluster.subscribes("pub", "server");
        cluster.settle();
        for sub in [first, second] {
            assert_eq!(cluster.payloads(sub), answers(10));
        }
    });
}

#[test]
fn what_comes_after_the_last_subscriber_left_is_held_for_the_next() {
    seeds(100, |cluster| {
        let server = cluster.add(server().plan());
        let first = cluster.subscribes("pub", "a");
        sends(cluster, 10);
        cluster.settle();
        assert_eq!(cluster.payloads(first), answers(10));
        cluster.net.unsubscribe(first, b"a");
        cluster.settle();
        sends(cluster, 10);
        cluster.settle();
        assert_eq!(cluster.count(server, Counter::Sent), 10);
        let second = cluster.subscribes("pub", "a");
        cluster.settle();
        assert_eq!(cluster.payloads(second), answers(10));
    });
}

/// One of ours asks what the publisher can, and is told behind what it subscribed to before.
#[test]
fn the_features_are_told_to_whoever_subscribes_to_them() {
    seeds(50, |cluster| {
        cluster.add(server().plan());
        let sub = cluster.subscribes("pub", "a");
        cluster.net.subscribe(sub, b"_palm.link");
        cluster.settle();
        let (topic, body) = cluster.net.sockets[sub].inbox.front().cloned().unwrap();
        assert_eq!(topic, "_palm.link");
        assert!(body.starts_with(b"{"));
    });
}

mod alone {
    //! The hold by itself.

    use std::time::Instant;

    use bytes::Bytes;

    use super::*;
    use crate::engine::tests::client::classic;
    use crate::engine::{Addressee, Answer, Debt, Hold, Limits};

    fn answer(addressee: Addressee, message: Message) -> Answer {
        Answer { message, addressee, debt: Debt::NONE }
    }

    use crate::socket::Sent;

    #[test]
    fn clients_that_come_and_go_leave_nothing() {
        let mut hold = Hold::new(Limits::default());
        let start = Instant::now();
        let (mut most, mut last) = (0, 0);
        for number in 0..20_000_u32 {
            let now = start + Duration::from_millis(100) * number;
            let topic = Bytes::from(number.to_string());
            let message = classic(&number.to_string(), "server.foo", "x");
            let mut send = |_: &Bytes, _: &Answer, _: bool| Sent::Done;
            hold.subscribed(&topic, now, &mut send);
            hold.offer(&topic, answer(Addressee::Classic { call: 1, seen: true }, message), now, &mut send);
            hold.unsubscribed(&topic);
            last = hold.topics();
            most = most.max(last);
        }
        // Those of a minute and a half, of the half hour that this is.
        assert!(most < 1_500 && last < 1_500, "{most} {last}");
    }

    /// What had filled the hold went with its call, and the intake goes on.
    #[test]
    fn a_new_call_lets_go_of_the_intake() {
        let mut hold = Hold::new(Limits { bytes: 3_000, ..Limits::default() });
        let now = Instant::now();
        let topic = Bytes::from_static(b"a");
        let offer = |hold: &mut Hold, call, sent| {
            let addressee = Addressee::Classic { call, seen: true };
            hold.offer(&topic, answer(addressee, classic("a", "server.foo", "x")), now, &mut |_, _, _| sent)
        };
        hold.subscribed(&topic, now, &mut |_, _, _| Sent::Done);
        for _ in 0..30 {
            offer(&mut hold, 1, Sent::Full);
        }
        assert!(hold.is_full() && !hold.is_empty());
        let outcome = offer(&mut hold, 2, Sent::Done);
        assert_eq!((outcome.sent, outcome.held, outcome.superseded), (1, 0, 30));
        assert!(!hold.is_full() && hold.is_empty());
    }

    /// Who takes nothing holds the intake up, but not for good; when it takes something again it is a subscriber as before.
    #[test]
    fn who_never_reads_is_given_up() {
        let mut hold = Hold::new(Limits { bytes: 3_000, stall: Duration::from_secs(600), ..Limits::default() });
        let now = Instant::now();
        let topic = Bytes::from_static(b"a");
        hold.subscribed(&topic, now, &mut |_, _, _| Sent::Done);
        let offer = |hold: &mut Hold, now, sent| {
            hold.offer(&topic, answer(Addressee::Client, classic("a", "server.foo", "x")), now, &mut |_, _, _| sent)
        };
        (0..30).for_each(|_| assert_eq!(offer(&mut hold, now, Sent::Full).held, 1));
        assert!(hold.is_full());
        assert_eq!(hold.tick(now + Duration::from_secs(599), &mut |_, _, _| Sent::Full).stalled, 0);
        let late = now + Duration::from_secs(600);
        assert_eq!(hold.tick(late, &mut |_, _, _| Sent::Full).stalled, 30);
        assert!(!hold.is_full() && hold.is_empty());
        assert_eq!(offer(&mut hold, late, Sent::Full).stalled, 1);
        assert_eq!(offer(&mut hold, late, Sent::Done).sent, 1);
        assert_eq!(offer(&mut hold, late, Sent::Full).held, 1);
        assert!(!hold.is_empty());
    }

    #[test]
    fn all_absent_clients_together_are_bounded() {
        let mut hold = Hold::new(Limits { total: 100_000, bytes: 50_000, ..Limits::default() });
        let now = Instant::now();
        let mut held = 0;
        while !hold.is_full() {
            let client = held.to_string();
            let message = classic(&client, "server.foo", vec![0; 1_000]);
            hold.offer(&client.into(), answer(Addressee::Client, message), now, &mut |_, _, _| Sent::Done);
            held += 1;
        }
        assert!((50..100).contains(&held), "{held}");
        hold.tick(now + LONG, &mut |_, _, _| Sent::Done);
        assert!(!hold.is_full() && hold.is_empty());
    }
}

#[test]
fn a_stage_that_takes_every_topic_does_not_take_the_librarys_own() {
    seeds(50, |cluster| {
        cluster.add(server().pipelined(true).plan());
        let stage = Pipeline::new("stage", super::stages::Stage("2"));
        let stage = cluster.add(stage.sub_address("pub").pub_address("out").plan());
        cluster.subscribes("pub", "_palm.link");
        cluster.settle();
        assert_eq!(cluster.count(stage, Counter::Undecodable), 0);
        assert_eq!(cluster.count(stage, Counter::Received), 0);
    });
}

//! Back-pressure: a full outbound part pauses what leads there, and nothing else; nothing is lost.

use super::client::{marked, numbers};
use super::cluster::seeds;
use super::stages::Tag;
use crate::engine::Counter;
use crate::part::{PubService, PullService, PushService, SocketKind, WorkerPullService, WorkerPushService};
use crate::topology::Route;
use crate::{Master, Server, ServerTemplate};

#[test]
fn a_full_part_pauses_exactly_what_leads_there() {
    seeds(300, |cluster| {
        let template = ServerTemplate::new("switch")
            .register_inbound("Slow", PullService::new("slow"), "SlowPush")
            .register_inbound("Fast", PullService::new("fast"), "FastPush")
            .register_outbound("SlowPush", PushService::new("slow out"), Route::exterior())
            .register_outbound("FastPush", PushService::new("fast out"), Route::exterior());
        let node = cluster.add(template.plan());
        cluster.sends("slow", (0..60).map(|number| marked("a", "x.foo", number.to_string())));
        cluster.sends("fast", (0..60).map(|number| marked("a", "x.foo", number.to_string())));
        let slow = cluster.net.connected(SocketKind::Pull, "slow out");
        cluster.net.sockets[slow].paused = true;
        let fast = cluster.net.connected(SocketKind::Pull, "fast out");
        cluster.settle();
        assert_eq!(cluster.payloads(fast), numbers(0..60, |number| number.to_string()));
        // Eight on the way to the peer that does not read, one more that makes the part full.
        assert_eq!(cluster.count(node, Counter::Received), 60 + 9);
        assert_eq!(cluster.count(node, Counter::Sent), 60 + 8);
        cluster.net.sockets[slow].paused = false;
        cluster.settle();
        assert_eq!(cluster.payloads(slow), numbers(0..60, |number| number.to_string()));
        assert!(cluster.net.longest <= 8);
        assert!(cluster.engine(node).is_idle());
    });
}

#[test]
fn a_master_without_workers_takes_in_no_more_than_it_can_hold() {
    seeds(100, |cluster| {
        let master = Master::new("master").pull_address("pull").pub_address("pub");
        let master = cluster.add(master.worker_push_address("work").worker_pull_address("done").plan());
        cluster.sends("pull", (0..100).map(|number| marked("a", "master.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "a");
        cluster.settle();
        assert_eq!(cluster.count(master, Counter::Received), 64);
        assert_eq!(cluster.engine(master).outstanding(), (64, 0));
        cluster.add_worker("late");
        cluster.settle();
        assert_eq!(cluster.payloads(sub), numbers(0..100, |number| format!("w({number})")));
    });
}

/// The workers' results flow on while the way to the workers is full.
#[test]
fn results_are_taken_while_the_way_out_is_full() {
    seeds(100, |cluster| {
        let template = ServerTemplate::new("master")
            .register_inbound("Pull", PullService::new("pull"), "WorkerPush")
            .register_inbound("WorkerPull", WorkerPullService::new("done"), "Pub")
            .register_outbound("WorkerPush", WorkerPushService::new("work"), Route::exterior())
            .register_outbound("Pub", PubService::new("pub"), Route::exterior());
        let node = cluster.add(template.plan());
        let stuck = cluster.net.connected(SocketKind::Pull, "work");
        cluster.net.sockets[stuck].paused = true;
        cluster.sends("pull", (0..200).map(|number| marked("a", "x.foo", number.to_string())));
        cluster.sends("done", (0..50).map(|number| marked("b", "x.foo", number.to_string())));
        let sub = cluster.subscribes("pub", "b");
        cluster.settle();
        assert_eq!(cluster.payloads(sub), numbers(0..50, |number| number.to_string()));
        // Eight are in the worker's socket, and as many wait as may.
        assert_eq!(cluster.count(node, Counter::Received), 50 + 8 + 64);
    });
}

/// A subscriber that does not read fills its own queue, then the hold; then the intake pauses. When it reads, it gets all.
#[test]
fn a_slow_reader_slows_its_server_and_loses_nothing() {
    seeds(50, |cluster| {
        let server = Server::new("server", Tag("s")).pull_address("pull").pub_address("pub").hold_bytes(2_000);
        let server = cluster.add(server.plan());
        let slow = cluster.subscribes("pub", "slow");
        cluster.sends("pull", (0..200).map(|number| marked("slow", "server.foo", number.to_string())));
        for _ in 0..40 {
            cluster.step();
        }
        cluster.net.sockets[slow].paused = true;
        for _ in 0..1_000 {
            cluster.step();
        }
        let received = cluster.count(server, Counter::Received);
        assert!(received < 150, "{received}");
        cluster.net.sockets[slow].paused = false;
        cluster.settle();
        assert_eq!(cluster.payloads(slow), numbers(0..200, |number| format!("s({number})")));
        assert!(cluster.net.longest <= 8);
        assert_eq!(cluster.count(server, Counter::Expired), 0);
    });
}

/// The same, while results of one call by the thousand wait: they are kept back where they come from.
#[test]
fn a_slow_reader_holds_back_a_method_with_many_results() {
    seeds(6, |cluster| {
        let server = Server::new("server", Endless).pull_address("pull").pub_address("pub").hold_bytes(2_000);
        let server = cluster.add(server.plan());
        let slow = cluster.subscribes("pub", "slow");
        cluster.settle();
        cluster.net.sockets[slow].paused = true;
        cluster.sends("pull", [marked("slow", "server.count", "")]);
        for _ in 0..500 {
            cluster.step();
        }
        // One batch of 256 at most beyond what is full.
        let (held, sent) = (cluster.count(server, Counter::Held), cluster.count(server, Counter::Sent));
        assert!(sent <= 8 && held <= 256, "{held} {sent}");
        cluster.net.sockets[slow].paused = false;
        cluster.settle();
        assert_eq!(cluster.payloads(slow), numbers(0..3_000, |number| number.to_string()));
    });
}

#[derive(Default)]
struct Endless;

#[crate::server]
impl Endless {
    fn count(&mut self) -> impl Iterator<Item = String> {
        (0..3_000).map(|number| number.to_string())
    }
}

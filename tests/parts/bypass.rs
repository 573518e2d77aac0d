//! Parts beside the router.

use std::sync::{Arc, Mutex};

use palm::part::{CacheService, Feed, PullBypassConnection, PullService, PushBypassConnection, RepBypassService};
use palm::stats::Counter;
use palm::topology::Route;
use palm::{Error, Handle, ServerTemplate};

use crate::peers::{ask_raw, bound, connected, nobody, socket};
use crate::support::{address, guarded, until};

fn beside(name: &str) -> ServerTemplate {
    ServerTemplate::new(name)
        .register_inbound("Pull", PullService::new("tcp://127.0.0.1:*"), Route::discard())
        .register_bypass("Cache", CacheService::new("tcp://127.0.0.1:*"))
}

fn ends(handle: Handle) {
    handle.shutdown();
    handle.join().unwrap();
}

#[test]
fn a_rep_beside_the_router_answers_everything() {
    guarded(|| {
        let part = RepBypassService::new("tcp://127.0.0.1:*").answer(|question, cache| {
            assert_ne!(question, b"panic");
            let times = cache.get("times").unwrap().map_or(0, |times| times[0]) + 1;
            cache.set([times], "times").unwrap();
            [question, &[times]].concat()
        });
        let handle = beside("beside").register_bypass("Rep", part).start().unwrap();
        let rep = address(&handle, "rep_bypass_address");
        let (one, other) = (connected(zmq::REQ, &rep), connected(zmq::REQ, &rep));
        assert_eq!(ask_raw(&one, b"a"), b"a\x01");
        assert_eq!(ask_raw(&other, b""), b"\x02");
        assert_eq!(ask_raw(&one, b"panic"), b"");
        other.send_multipart(["two", "frames"], 0).unwrap();
        assert_eq!(other.recv_bytes(0).unwrap(), b"");
        assert_eq!(ask_raw(&other, b"b"), b"b\x03");
        assert_eq!(handle.stats().get(Counter::Errors), 1);
        assert_eq!(handle.stats().get(Counter::Undecodable), 1);
        // Peers that ask and do not read keep nobody waiting.
        for _ in 0..100 {
            connected(zmq::REQ, &rep).send("x", 0).unwrap();
        }
        assert_eq!(ask_raw(&one, b"c")[0], b'c');
        ends(handle);
    });
}

#[test]
fn the_cache_answers_queues_and_requests_of_several_frames() {
    guarded(|| {
        let handle = beside("beside").start().unwrap();
        let dealer = connected(zmq::DEALER, &address(&handle, "db_address"));
        let get = palm::Message::new("beside.get", "name").encode();
        dealer.send_multipart([b"7".to_vec(), Vec::new(), get.clone()], 0).unwrap();
        assert_eq!(dealer.recv_multipart(0).unwrap(), [&b"7"[..], b"", b"beside"]);
        let peer = connected(zmq::REQ, &address(&handle, "db_address"));
        peer.send_multipart([get.clone(), get.clone()], 0).unwrap();
        assert_eq!(peer.recv_bytes(0).unwrap(), b"");
        assert_eq!(ask_raw(&peer, &get), b"beside");
        ends(handle);
    });
}

#[test]
fn who_comes_back_under_its_name_is_answered_by_the_cache() {
    guarded(|| {
        let handle = beside("beside").start().unwrap();
        let address = address(&handle, "db_address");
        let get = palm::Message::new("beside.get", "name").encode();
        let mut left = Vec::new();
        for _ in 0..20 {
            let peer = socket(zmq::REQ);
            peer.set_identity(b"me").unwrap();
            peer.connect(&address).unwrap();
            assert_eq!(ask_raw(&peer, &get), b"beside");
            // The earlier connections stay open.
            left.push(peer);
        }
        ends(handle);
    });
}

#[test]
fn a_pull_beside_the_router_takes_what_comes() {
    guarded(|| {
        let (push, peer) = bound(zmq::PUSH);
        let taken = Arc::new(Mutex::new(Vec::new()));
        let part = PullBypassConnection::new(peer).receive({
            let taken = taken.clone();
            move |message, cache| {
                assert_ne!(message, b"panic");
                taken.lock().unwrap().push(message.to_vec());
                cache.set(message, "last").unwrap();
            }
        });
        let handle = beside("beside").register_bypass("Settings", part).start().unwrap();
        push.send("one", 0).unwrap();
        push.send("panic", 0).unwrap();
        push.send_multipart(["two", "frames"], 0).unwrap();
        push.send("three", 0).unwrap();
        until("they are there", || *taken.lock().unwrap() == [b"one".to_vec(), b"three".to_vec()]);
        let db = connected(zmq::REQ, &address(&handle, "db_address"));
        let get = palm::Message::new("beside.get", "last").encode();
        until("the cache has it", || ask_raw(&db, &get) == b"three");
        ends(handle);
    });
}

#[test]
fn a_push_beside_the_router_sends_what_it_is_given() {
    guarded(|| {
        let (pull, peer) = bound(zmq::PULL);
        let feed = Feed::new(100);
        assert!(feed.send("before the start"));
        let part = PushBypassConnection::new(peer).feed(feed.clone());
        let handle = beside("beside").register_bypass("Metrics", part).start().unwrap();
        assert_eq!(pull.recv_bytes(0).unwrap(), b"before the start");
        for number in 0..2_000_u32 {
            until("there is room", || feed.send(number.to_string()));
            assert_eq!(pull.recv_bytes(0).unwrap(), number.to_string().as_bytes());
        }
        feed.send("last words");
        ends(handle);
        assert_eq!(pull.recv_bytes(0).unwrap(), b"last words");
    });
}

#[test]
fn a_peer_that_is_gone_costs_what_there_is_no_room_for() {
    guarded(|| {
        let feed = Feed::new(10);
        let part = PushBypassConnection::new(nobody()).feed(feed.clone());
        let handle = beside("beside").register_bypass("Metrics", part).start().unwrap();
        let lost = (0..5_000).filter(|number: &u32| !feed.send(number.to_string())).count() as u64;
        assert!(lost > 0);
        until("they are counted", || handle.stats().get(Counter::Discarded) == lost);
        // As many as ZeroMQ keeps for a connection that is to come, and those in the feed.
        assert!(lost >= 5_000 - 1_010, "{lost}");
        let stats = handle.stats();
        assert!(stats.get(Counter::Sent) <= 1_000);
        ends(handle);
    });
}

#[test]
fn parts_without_their_function_say_so() {
    guarded(|| {
        let said = |template: ServerTemplate| match template.start() {
            Err(error @ Error::Address { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        };
        assert!(
            said(beside("a").register_bypass("P", RepBypassService::new("tcp://127.0.0.1:*"))).contains("answer(…)")
        );
        assert!(said(beside("b").register_bypass("P", PullBypassConnection::new(nobody()))).contains("receive(…)"));
        assert!(said(beside("c").register_bypass("P", PushBypassConnection::new(nobody()))).contains("feed(…)"));
    });
}

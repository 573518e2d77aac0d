//! The part that asks a REP service.

use std::thread;
use std::time::Duration;

use palm::part::{PullService, PushService, RepService, ReqConnection};
use palm::stats::Counter;
use palm::topology::Route;
use palm::wire::Code;
use palm::{Handle, ServerTemplate};

use crate::peers::{ask, ask_raw, bound, code_of, connected, decode, message, nobody, text};
use crate::support::{address, guarded, until};

fn front(part: ReqConnection) -> Handle {
    ServerTemplate::new("front")
        .register_inbound("Rep", RepService::new("tcp://127.0.0.1:*"), Route::to("Req").blocking())
        .register_outbound("Req", part, Route::exterior())
        .start()
        .unwrap()
}

/// Answers `times` requests with `answer`, and gives the socket back.
fn answering(
    peer: zmq::Socket,
    times: usize,
    answer: impl Fn(Vec<u8>) -> Vec<u8> + Send + 'static,
) -> thread::JoinHandle<zmq::Socket> {
    thread::spawn(move || {
        for _ in 0..times {
            let asked = peer.recv_bytes(0).unwrap();
            peer.send(answer(asked), 0).unwrap();
        }
        peer
    })
}

fn shout(asked: Vec<u8>) -> Vec<u8> {
    let asked = decode(asked);
    let loud = asked.payload().to_ascii_uppercase();
    asked.with_payload(loud).encode()
}

#[test]
fn a_plain_rep_is_asked_and_answers() {
    guarded(|| {
        let (rep, back) = bound(zmq::REP);
        let service = answering(rep, 50, shout);
        let handle = front(ReqConnection::new(back));
        let address = address(&handle, "rep_address");
        let callers: Vec<_> = (0..50).map(|_| connected(zmq::REQ, &address)).collect();
        for (number, caller) in callers.iter().enumerate() {
            caller.send(message("x.y", &format!("a{number}")), 0).unwrap();
        }
        for (number, caller) in callers.iter().enumerate() {
            assert_eq!(text(&decode(caller.recv_bytes(0).unwrap())), format!("A{number}"));
        }
        service.join().unwrap();
    });
}

#[test]
fn answers_find_their_requests_in_any_order() {
    guarded(|| {
        let (router, back) = bound(zmq::ROUTER);
        let handle = front(ReqConnection::new(back).max_requests(8));
        let address = address(&handle, "rep_address");
        let callers: Vec<_> = (0..8).map(|_| connected(zmq::REQ, &address)).collect();
        for (number, caller) in callers.iter().enumerate() {
            caller.send(message("x.y", &number.to_string()), 0).unwrap();
        }
        let mut asked: Vec<_> = callers.iter().map(|_| router.recv_multipart(0).unwrap()).collect();
        asked.reverse();
        for frames in &asked {
            router.send_multipart(frames, 0).unwrap();
        }
        for (number, caller) in callers.iter().enumerate() {
            assert_eq!(text(&decode(caller.recv_bytes(0).unwrap())), number.to_string());
        }
        // The same once more, and numbers that nobody has given: to nobody.
        router.send_multipart(&asked[0], 0).unwrap();
        let identity = asked[0][0].clone();
        for number in [vec![9; 8], vec![1, 2], Vec::new()] {
            router.send_multipart([identity.clone(), number, Vec::new(), message("x.y", "forged")], 0).unwrap();
        }
        until("they are stale", || handle.stats().get(Counter::Stale) == 4);
        assert_eq!(handle.stats().get(Counter::Discarded), 0);
    });
}

#[test]
fn no_result_and_no_message() {
    guarded(|| {
        let (rep, back) = bound(zmq::REP);
        let handle = front(ReqConnection::new(back));
        let peer = connected(zmq::REQ, &address(&handle, "rep_address"));
        let service = answering(rep, 2, |asked| decode(asked).payload().to_vec());
        assert_eq!(ask_raw(&peer, &message("x.y", "")), b"");
        assert_eq!(ask_raw(&peer, &message("x.y", "1")), b"");
        let service = answering(service.join().unwrap(), 2, |asked| decode(asked).payload().to_vec());
        for nonsense in ["0", "\u{7f}nonsense"] {
            let error = ask(&peer, "x.y", nonsense).error().unwrap();
            assert_eq!(Code::from(error.code), Code::MethodFailed);
            assert!(error.text.contains("tcp://127.0.0.1:"), "{error:?}");
        }
        let rep = service.join().unwrap();
        peer.send(message("x.y", "a"), 0).unwrap();
        rep.recv_bytes(0).unwrap();
        rep.send_multipart(["two", "frames"], 0).unwrap();
        assert_eq!(code_of(&decode(peer.recv_bytes(0).unwrap())), Code::MethodFailed);
        let service = answering(rep, 1, shout);
        assert_eq!(text(&ask(&peer, "x.y", "b")), "B");
        service.join().unwrap();
    });
}

#[test]
fn a_peer_that_is_not_there_costs_its_time_and_no_more() {
    guarded(|| {
        let handle = front(ReqConnection::new(nobody()).answer_timeout(Duration::from_millis(100)).max_requests(2));
        let address = address(&handle, "rep_address");
        let callers: Vec<_> = (0..6).map(|_| connected(zmq::REQ, &address)).collect();
        for caller in &callers {
            caller.send(message("x.y", "a"), 0).unwrap();
        }
        for caller in &callers {
            let error = decode(caller.recv_bytes(0).unwrap()).error().unwrap();
            assert_eq!((Code::from(error.code), &error.component[..]), (Code::Late, "front"));
            assert!(error.text.contains("did not answer"), "{error:?}");
        }
        handle.shutdown();
        handle.join().unwrap();
    });
}

#[test]
fn a_peer_that_dies_and_comes_back_is_asked_again() {
    guarded(|| {
        let (rep, back) = bound(zmq::REP);
        let handle = front(ReqConnection::new(&back).answer_timeout(Duration::from_millis(300)));
        let peer = connected(zmq::REQ, &address(&handle, "rep_address"));
        peer.send(message("x.y", "lost"), 0).unwrap();
        rep.recv_bytes(0).unwrap();
        drop(rep);
        assert_eq!(code_of(&decode(peer.recv_bytes(0).unwrap())), Code::Late);
        let rep = crate::peers::socket(zmq::REP);
        until("its address is free", || rep.bind(&back).is_ok());
        let service = answering(rep, 1, shout);
        assert_eq!(text(&ask(&peer, "x.y", "found")), "FOUND");
        service.join().unwrap();
    });
}

/// What waits for a slow peer is bounded: the part that leads to it is not read.
#[test]
fn a_slow_peer_slows_what_leads_to_it() {
    guarded(|| {
        let (router, back) = bound(zmq::ROUTER);
        let handle = ServerTemplate::new("front")
            .register_inbound("Pull", PullService::new("tcp://127.0.0.1:*"), "Req")
            .register_outbound("Req", ReqConnection::new(back).max_requests(4), "Push")
            .register_outbound("Push", PushService::new("tcp://127.0.0.1:*"), Route::exterior())
            .start()
            .unwrap();
        let push = connected(zmq::PUSH, &address(&handle, "pull_address"));
        let pull = connected(zmq::PULL, &address(&handle, "push_address"));
        for number in 0..40 {
            push.send(message("x.y", &number.to_string()), 0).unwrap();
        }
        let mut answered = 0;
        while answered < 40 {
            let frames = router.recv_multipart(0).unwrap();
            assert!(handle.stats().get(Counter::Received) <= answered + 5, "more is inside than may be");
            router.send_multipart(frames, 0).unwrap();
            assert_eq!(text(&decode(pull.recv_bytes(0).unwrap())), answered.to_string());
            answered += 1;
        }
    });
}

#[test]
fn the_end_does_not_wait_for_a_peer_that_never_answers() {
    guarded(|| {
        let (rep, back) = bound(zmq::REP);
        let handle = front(ReqConnection::new(back));
        let peer = connected(zmq::REQ, &address(&handle, "rep_address"));
        peer.send(message("x.y", "a"), 0).unwrap();
        rep.recv_bytes(0).unwrap();
        handle.shutdown();
        assert_eq!(code_of(&decode(peer.recv_bytes(0).unwrap())), Code::ShuttingDown);
        handle.join().unwrap();
    });
}

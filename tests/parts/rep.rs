//! What answers REQ peers.

use std::thread;
use std::time::Duration;

use palm::part::{Hooks, Methods, PubService, PullService, PushPullService, PushService, RepConnection, RepService};
use palm::service::Messages;
use palm::stats::Counter;
use palm::topology::Route;
use palm::wire::Code;
use palm::{BoxError, Bytes, Handle, Message, ServerTemplate};

use crate::peers::{ask, ask_raw, bound, code_of, connected, decode, message, socket, text};
use crate::support::{address, guarded, until};

#[derive(Default)]
struct Outcomes;

#[palm::server]
impl Outcomes {
    fn one(&mut self, text: &str) -> String {
        format!("<{text}>")
    }

    fn many(&mut self) -> impl Iterator<Item = String> {
        (0..600).map(|number| number.to_string())
    }

    fn none(&mut self) -> impl Iterator<Item = String> {
        std::iter::empty()
    }

    fn fails(&mut self) -> Result<String, String> {
        Err("as it should".to_owned())
    }

    fn panics(&mut self) -> String {
        panic!("as it should")
    }
}

palm::topology! {
    struct Answers {
        inbound  Rep:     RepService => Methods, blocking;
        outbound Methods: Methods;
    }
}

fn answers() -> Handle {
    Answers::new("answers").service(Outcomes).start().unwrap()
}

/// A component whose workers are the test itself: what they take, and where they bring it.
fn slow(part: RepService) -> (Handle, zmq::Socket, zmq::Socket) {
    let workers = PushPullService::new("tcp://127.0.0.1:*", "tcp://127.0.0.1:*");
    let handle = ServerTemplate::new("slow")
        .register_inbound("Rep", part, Route::to("Workers").blocking())
        .register_outbound("Workers", workers, Route::exterior())
        .start()
        .unwrap();
    let pull = connected(zmq::PULL, &handle.address("worker_push_address").unwrap());
    let push = connected(zmq::PUSH, &handle.address("worker_pull_address").unwrap());
    (handle, pull, push)
}

#[test]
fn every_request_has_one_answer_whatever_becomes_of_it() {
    guarded(|| {
        let handle = answers();
        let peer = connected(zmq::REQ, &address(&handle, "rep_address"));
        for _ in 0..50 {
            assert_eq!(text(&ask(&peer, "answers.one", "a")), "<a>");
            assert_eq!(text(&ask(&peer, "answers.many", "a")), "0", "the first of several");
            assert_eq!(ask_raw(&peer, &message("answers.none", "a")), b"");
            for (method, code) in
                [("fails", Code::MethodFailed), ("panics", Code::MethodPanicked), ("missing", Code::UnknownMethod)]
            {
                let answer = ask(&peer, &format!("answers.{method}"), "a");
                assert_eq!((text(&answer), code_of(&answer)), ("0".to_owned(), code));
            }
        }
        until("the results that came too late", || handle.stats().get(Counter::Discarded) == 50 * 599);
    });
}

#[test]
fn what_is_no_request_is_answered_too() {
    guarded(|| {
        let handle = answers();
        let peer = connected(zmq::REQ, &address(&handle, "rep_address"));
        for body in [&b"\xff\xff\xff"[..], b"1", b"\x0a\xff"] {
            assert_eq!(ask_raw(&peer, body), b"0");
        }
        peer.send_multipart([message("answers.one", "a"), b"more".to_vec()], 0).unwrap();
        assert_eq!(peer.recv_bytes(0).unwrap(), b"0");
        // Nothing at all is a message without fields.
        assert!(decode(ask_raw(&peer, b"")).error().is_some());
        assert_eq!(text(&ask(&peer, "answers.one", "a")), "<a>");
        assert_eq!(handle.stats().get(Counter::Undecodable), 4);
    });
}

#[test]
fn callers_do_not_wait_for_each_other() {
    guarded(|| {
        let (handle, pull, push) = slow(RepService::new("tcp://127.0.0.1:*"));
        let address = address(&handle, "rep_address");
        let callers: Vec<_> = (0..200).map(|_| connected(zmq::REQ, &address)).collect();
        for (number, caller) in callers.iter().enumerate() {
            caller.send(message("slow.foo", &number.to_string()), 0).unwrap();
        }
        let mut asked: Vec<_> = callers.iter().map(|_| pull.recv_bytes(0).unwrap()).collect();
        // All of them are inside; the last one is answered first.
        asked.reverse();
        for request in asked {
            push.send(request, 0).unwrap();
        }
        for (number, caller) in callers.iter().enumerate() {
            assert_eq!(text(&decode(caller.recv_bytes(0).unwrap())), number.to_string());
        }
    });
}

#[test]
fn dealers_and_queues_get_their_frames_back() {
    guarded(|| {
        let handle = answers();
        let dealer = connected(zmq::DEALER, &address(&handle, "rep_address"));
        for number in 0..10_u8 {
            let body = message("answers.one", &number.to_string());
            dealer.send_multipart([vec![number], b"queue".to_vec(), Vec::new(), body], 0).unwrap();
        }
        for number in 0..10_u8 {
            let [first, second, empty, body] = &dealer.recv_multipart(0).unwrap()[..] else { panic!("frames") };
            assert_eq!((&first[..], &second[..], &empty[..]), (&[number][..], &b"queue"[..], &b""[..]));
            assert_eq!(text(&decode(body.clone())), format!("<{number}>"));
        }
        // Neither a delimiter nor a body: counted, and no harm done.
        dealer.send_multipart(vec![b"x".to_vec(); 40], 0).unwrap();
        dealer
            .send_multipart([vec![b"x".to_vec(); 40], vec![Vec::new(), message("answers.one", "a")]].concat(), 0)
            .unwrap();
        until("they are counted", || handle.stats().get(Counter::Undecodable) == 2);
        dealer.send_multipart([Vec::new(), message("answers.one", "z")], 0).unwrap();
        let last = std::iter::from_fn(|| Some(dealer.recv_multipart(0).unwrap().pop().unwrap()));
        assert_eq!(
            last.map(|body| body.to_vec()).find(|body| body.len() > 1).map(|body| text(&decode(body))).unwrap(),
            "<z>"
        );
    });
}

#[test]
fn who_comes_back_under_its_name_takes_over() {
    guarded(|| {
        let (handle, pull, push) = slow(RepService::new("tcp://127.0.0.1:*"));
        let address = address(&handle, "rep_address");
        let named = || {
            let peer = socket(zmq::REQ);
            peer.set_identity(b"me").unwrap();
            peer.connect(&address).unwrap();
            peer
        };
        let first = named();
        first.send(message("slow.foo", "first"), 0).unwrap();
        let old = pull.recv_bytes(0).unwrap();
        // Both are connected for a while, as after a connection that died without a word.
        let second = named();
        second.send(message("slow.foo", "second"), 0).unwrap();
        let new = pull.recv_bytes(0).unwrap();
        push.send(old, 0).unwrap();
        push.send(new, 0).unwrap();
        assert_eq!(text(&decode(second.recv_bytes(0).unwrap())), "second", "not what was asked before");
        until("the answer to nobody", || handle.stats().get(Counter::Discarded) == 1);
        // And one after the other.
        second.send(message("slow.foo", "third"), 0).unwrap();
        let old = pull.recv_bytes(0).unwrap();
        drop(second);
        until("it is gone", || {
            let third = named();
            third.send(message("slow.foo", "fourth"), 0).unwrap();
            let new = pull.recv_bytes(0).unwrap();
            push.send(&old, 0).unwrap();
            push.send(new, 0).unwrap();
            text(&decode(third.recv_bytes(0).unwrap())) == "fourth"
        });
    });
}

#[test]
fn a_request_that_waits_too_long_is_answered_with_an_error() {
    guarded(|| {
        let part = RepService::new("tcp://127.0.0.1:*").feedback_timeout(Duration::from_millis(50));
        let (handle, pull, push) = slow(part);
        let peer = connected(zmq::REQ, &address(&handle, "rep_address"));
        for _ in 0..3 {
            let error = ask(&peer, "slow.foo", "a").error().unwrap();
            assert_eq!((Code::from(error.code), &error.component[..], &error.method[..]), (Code::Late, "slow", "foo"));
            assert!(error.text.contains("no feedback"), "{error:?}");
        }
        // What comes after that goes to nobody.
        for _ in 0..3 {
            push.send(pull.recv_bytes(0).unwrap(), 0).unwrap();
        }
        until("the late results", || handle.stats().get(Counter::Discarded) == 3);
        assert_eq!(handle.stats().get(Counter::GivenUp), 3);
    });
}

#[test]
fn the_deadline_of_the_caller_holds_if_it_is_earlier() {
    guarded(|| {
        let (handle, _pull, _push) = slow(RepService::new("tcp://127.0.0.1:*"));
        let peer = connected(zmq::REQ, &address(&handle, "rep_address"));
        let mut request = Message::new("slow.foo", "a");
        request.set_remaining(Duration::from_millis(30));
        assert_eq!(code_of(&decode(ask_raw(&peer, &request.encode()))), Code::Late);
    });
}

#[test]
fn a_bounded_number_of_requests_wait_inside() {
    guarded(|| {
        let (handle, pull, push) = slow(RepService::new("tcp://127.0.0.1:*").max_requests(3));
        let address = address(&handle, "rep_address");
        let callers: Vec<_> = (0..20).map(|_| connected(zmq::REQ, &address)).collect();
        for caller in &callers {
            caller.send(message("slow.foo", "a"), 0).unwrap();
        }
        for _ in 0..20 {
            let asked = pull.recv_bytes(0).unwrap();
            assert!(handle.stats().get(Counter::Received) - handle.stats().get(Counter::Sent) / 2 <= 4);
            push.send(asked, 0).unwrap();
        }
        for caller in &callers {
            caller.recv_bytes(0).unwrap();
        }
    });
}

/// A call for each line, and the answer in capitals.
struct Lines;

impl Hooks for Lines {
    fn to_router(&mut self, frame: Bytes) -> Result<Message, BoxError> {
        std::str::from_utf8(&frame)?;
        Ok(Message::new("answers.even", frame))
    }

    fn scatter(&mut self, message: Message, out: &mut Messages<'_>) {
        let lines = String::from_utf8_lossy(message.payload()).into_owned();
        lines.lines().for_each(|line| out.push(message.clone().with_payload(line.to_owned())));
    }

    fn reply_feedback(&mut self, feedback: &Message) -> Vec<u8> {
        match feedback.error() {
            None => feedback.payload().to_ascii_uppercase(),
            Some(error) => error.text.into_bytes(),
        }
    }
}

#[derive(Default)]
struct Even;

#[palm::server]
impl Even {
    /// Nothing for odd lengths.
    fn even(&mut self, text: &str) -> impl Iterator<Item = String> {
        text.len().is_multiple_of(2).then(|| text.to_owned()).into_iter()
    }
}

#[test]
fn hooks_speak_another_protocol() {
    guarded(|| {
        let handle = ServerTemplate::new("answers")
            .register_inbound("Rep", RepService::new("tcp://127.0.0.1:*").hooks(Lines), Route::to("Methods").blocking())
            .register_outbound("Methods", Methods::default(), Route::exterior())
            .service(Even)
            .start()
            .unwrap();
        let peer = connected(zmq::REQ, &address(&handle, "rep_address"));
        assert_eq!(ask_raw(&peer, b"odd\nab\nodd\ncd"), b"AB", "the first result there is");
        assert_eq!(ask_raw(&peer, b"odd\nodd"), b"", "none of them has one");
        assert_eq!(ask_raw(&peer, b""), b"", "there is nothing to be asked");
        assert_eq!(ask_raw(&peer, b"\xff"), b"0");
    });
}

#[test]
fn a_part_that_does_not_block_says_that_it_has_it() {
    guarded(|| {
        let handle = ServerTemplate::new("answers")
            .register_inbound("Rep", RepService::new("tcp://127.0.0.1:*"), "Push")
            .register_inbound("Calls", PullService::new("tcp://127.0.0.1:*"), "Methods")
            .register_outbound("Methods", Methods::default(), "Pub")
            .register_outbound("Push", PushService::new("tcp://127.0.0.1:*"), Route::exterior())
            .register_outbound("Pub", PubService::new("tcp://127.0.0.1:*"), Route::exterior())
            .service(Outcomes)
            .start()
            .unwrap();
        let pull = connected(zmq::PULL, &address(&handle, "push_address"));
        let peer = connected(zmq::REQ, &address(&handle, "rep_address"));
        for number in 0..10 {
            assert_eq!(ask_raw(&peer, &message("any.thing", &number.to_string())), b"1");
        }
        let taken: Vec<_> = (0..10).map(|_| text(&decode(pull.recv_bytes(0).unwrap()))).collect();
        assert_eq!(taken, (0..10).map(|number| number.to_string()).collect::<Vec<_>>());
    });
}

#[test]
fn a_rep_that_connects_answers_who_binds() {
    guarded(|| {
        let (peer, address) = bound(zmq::REQ);
        let handle = ServerTemplate::new("answers")
            .register_inbound("Rep", RepConnection::new(&address), Route::to("Methods").blocking())
            .register_outbound("Methods", Methods::default(), Route::exterior())
            .service(Outcomes)
            .start()
            .unwrap();
        for number in 0..20 {
            assert_eq!(text(&ask(&peer, "answers.one", &number.to_string())), format!("<{number}>"));
        }
        assert_eq!(ask_raw(&peer, b"\xff"), b"0");
        drop(handle);
    });
}

#[test]
fn nobody_is_left_without_an_answer_at_the_end() {
    guarded(|| {
        let (handle, pull, _push) = slow(RepService::new("tcp://127.0.0.1:*"));
        let address = address(&handle, "rep_address");
        let callers: Vec<_> = (0..5).map(|_| connected(zmq::REQ, &address)).collect();
        for caller in &callers {
            caller.send(message("slow.foo", "a"), 0).unwrap();
            pull.recv_bytes(0).unwrap();
        }
        handle.shutdown();
        let ended = thread::spawn(move || handle.join());
        for caller in &callers {
            assert_eq!(code_of(&decode(caller.recv_bytes(0).unwrap())), Code::ShuttingDown);
        }
        ended.join().unwrap().unwrap();
    });
}

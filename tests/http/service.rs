use palm::Message;
use palm::stats::Counter;
use palm::wire::Code;

use crate::parts::{Gate, Loud, Open, Work, http};
use crate::raw::{call, connect, post, request, rest};
use crate::support::{guarded, until};

#[test]
fn the_answer_is_the_feedback() {
    guarded(|| {
        let loud = Loud::new("loud").service(Work).start().unwrap();
        let mut message = Message::new("loud.shout", "hello");
        message.set_client("a client");
        let answer = post(&http(&loud), "/any/path", &message.encode());
        assert_eq!(answer.status, 200);
        assert!(answer.has("content-type: application/octet-stream"), "{}", answer.head);
        let answer = answer.message();
        assert_eq!((answer.payload(), answer.client()), (&"HELLO".into(), "a client"));
        assert!(!answer.cache().is_empty(), "a message without an identifier gets one");
    });
}

#[test]
fn errors_and_nothing_are_feedback_too() {
    guarded(|| {
        let loud = Loud::new("loud").service(Work).start().unwrap();
        for (function, code) in
            [("x.fail", Code::MethodFailed), ("x.panic", Code::MethodPanicked), ("x.what", Code::UnknownMethod)]
        {
            let answer = call(&http(&loud), function, "way");
            assert_eq!(answer.status, 200);
            let message = answer.message();
            assert_eq!((message.payload(), Code::from(message.error().unwrap().code)), (&"0".into(), code));
        }
        assert_eq!(call(&http(&loud), "x.none", "way").message().payload(), "");
        assert_eq!(call(&http(&loud), "x.twice", "way").message().payload(), "way 1");
        until("the second result", || loud.stats().get(Counter::Discarded) == 1);
    });
}

#[test]
fn no_caller_waits_for_another() {
    guarded(|| {
        let (gate, began, open) = Gate::new();
        let loud = Loud::new("loud").service(gate).start().unwrap();
        let address = http(&loud);
        let callers: Vec<_> = ["a", "b", "c"]
            .map(|text| {
                let address = address.clone();
                std::thread::spawn(move || call(&address, "x.wait", text).message().payload().clone())
            })
            .into();
        // One runs, the others are inside all the same.
        let first = began.recv().unwrap();
        until("all three", || loud.stats().get(Counter::Received) == 3);
        assert!(["a", "b", "c"].contains(&&*first));
        (0..3).for_each(|_| open.send(()).unwrap());
        let answers = callers.into_iter().map(|caller| caller.join().unwrap());
        assert_eq!(answers.collect::<Vec<_>>(), ["a", "b", "c"]);
    });
}

#[test]
fn who_is_not_waited_for_is_told_so() {
    guarded(|| {
        let server = Open::new("server").service(Work).start().unwrap();
        let answer = call(&http(&server), "server.shout", "hello");
        assert_eq!((answer.status, &answer.body[..]), (200, &b"1"[..]));
        until("the call", || server.stats().get(Counter::Calls) == 1);
    });
}

#[test]
fn who_hangs_up_is_forgotten_and_the_late_result_counted() {
    guarded(|| {
        let (gate, began, open) = Gate::new();
        let loud = Loud::new("loud").service(gate).start().unwrap();
        let mut caller = connect(&http(&loud));
        let body = Message::new("x.wait", "a").encode();
        std::io::Write::write_all(&mut caller, &request("POST", "/", "", &body)).unwrap();
        began.recv().unwrap();
        drop(caller);
        // The next one is inside when the first is surely gone from the table: it is asked for by a probe of its own.
        let address = http(&loud);
        let second = std::thread::spawn(move || call(&address, "x.wait", "b").message().payload().clone());
        until("the second", || loud.stats().get(Counter::Received) == 2);
        open.send(()).unwrap();
        open.send(()).unwrap();
        assert_eq!(second.join().unwrap(), "b");
        until("the late result", || loud.stats().get(Counter::Discarded) == 1);
    });
}

#[test]
fn a_request_has_a_deadline() {
    guarded(|| {
        let (gate, began, open) = Gate::new();
        let site = palm::http::HttpService::new("http://127.0.0.1:*").deadline(std::time::Duration::from_millis(100));
        let loud = palm::ServerTemplate::new("loud")
            .service(gate)
            .register_inbound("Http", site, palm::topology::Route::to("Methods").blocking())
            .register_outbound("Methods", palm::part::Methods::default(), palm::topology::Route::exterior())
            .start()
            .unwrap();
        let answer = call(&http(&loud), "x.wait", "a");
        assert_eq!((answer.status, answer.text()), (504, "there was no answer in time"));
        began.recv().unwrap();
        // What had not begun when its time was over is not begun any more.
        let answer = call(&http(&loud), "x.wait", "b");
        assert_eq!(answer.status, 504);
        open.send(()).unwrap();
        until("the late call", || loud.stats().get(Counter::Late) == 3);
        assert!(began.try_recv().is_err());
    });
}

#[test]
fn one_connection_serves_request_after_request() {
    guarded(|| {
        let loud = Loud::new("loud").service(Work).start().unwrap();
        let mut stream = connect(&http(&loud));
        let body = Message::new("x.shout", "a").encode();
        let keep = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n", body.len());
        let first = [keep.as_bytes(), &body].concat();
        // Both at once, one behind the other.
        std::io::Write::write_all(&mut stream, &[first, request("POST", "/", "", &body)].concat()).unwrap();
        let all = rest(stream);
        assert_eq!(String::from_utf8_lossy(&all).matches("HTTP/1.1 200 OK").count(), 2);
    });
}

/// Plain text in and out.
#[derive(Clone, Default)]
struct Text(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl palm::part::Hooks for Text {
    fn to_router(&mut self, frame: palm::Bytes) -> Result<Message, palm::BoxError> {
        std::str::from_utf8(&frame)?;
        Ok(Message::new("loud.shout", frame))
    }

    fn scatter(&mut self, message: Message, out: &mut palm::service::Messages<'_>) {
        let text = String::from_utf8(message.payload().to_vec()).unwrap();
        for line in text.lines() {
            let mut message = message.clone().with_payload(line.to_owned());
            if line == "none" {
                message.set_function("loud.none");
            }
            out.push(message);
        }
    }

    fn handle_feedback(&mut self, _message: &Message) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }

    fn reply_feedback(&mut self, feedback: &Message) -> Vec<u8> {
        feedback.payload().to_vec()
    }
}

#[test]
fn hooks_read_bodies_and_write_answers() {
    guarded(|| {
        let hooks = Text::default();
        let loud = palm::ServerTemplate::new("loud")
            .service(Work)
            .register_inbound(
                "Http",
                palm::http::HttpService::new("http://127.0.0.1:*").hooks(hooks.clone()),
                palm::topology::Route::to("Methods").blocking(),
            )
            .register_outbound("Methods", palm::part::Methods::default(), palm::topology::Route::exterior())
            .start()
            .unwrap();
        let answer = post(&http(&loud), "/", b"hello");
        assert_eq!((answer.status, answer.text()), (200, "HELLO"));
        assert_eq!(post(&http(&loud), "/", b"\xff").status, 400);
        assert_eq!(post(&http(&loud), "/", b"").text(), "");
        // Of several messages the first result is the answer, also where another gives none.
        assert_eq!(post(&http(&loud), "/", b"none\nhello\nnone").text(), "HELLO");
        assert_eq!(post(&http(&loud), "/", b"none\nnone").text(), "");
        assert_eq!(loud.stats().get(Counter::Undecodable), 1);
        assert_eq!(hooks.0.load(std::sync::atomic::Ordering::SeqCst), 2);
    });
}

//! What no good client says. After each, a good one is still served.

use std::io::Write;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use palm::Message;
use palm::http::{HttpGateway, HttpService, HttpWorker};
use palm::stats::Counter;

use crate::parts::{Loud, Work, http, microservice};
use crate::raw::{Answer, call, connect, post, request, rest, say};
use crate::support::guarded;

/// Says something that gets this status, and then asks properly.
fn refused(address: &str, what: &[u8], status: u16) -> Answer {
    let answer = say(address, what);
    assert_eq!(answer.status, status, "{:?} after {:?}", answer, String::from_utf8_lossy(&what[..what.len().min(200)]));
    answer
}

#[test]
fn a_service_answers_what_is_no_call() {
    guarded(|| {
        let service = HttpService::new("http://127.0.0.1:*").body_limit(1_000);
        let loud = palm::ServerTemplate::new("loud")
            .service(Work)
            .register_inbound("Http", service, palm::topology::Route::to("Methods").blocking())
            .register_outbound("Methods", palm::part::Methods::default(), palm::topology::Route::exterior())
            .start()
            .unwrap();
        let address = http(&loud);
        for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "WHAT"] {
            let answer = refused(&address, &request(method, "/", "", b""), 405);
            assert!(answer.has("allow: post"), "{}", answer.head);
        }
        refused(&address, b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", 411);
        refused(&address, &request("POST", "/", "", b"\xff\xff\xff"), 400);
        refused(&address, &request("POST", "/", "", &[0x0a, 0x7f]), 400);
        assert_eq!(loud.stats().get(Counter::Undecodable), 2);
        let large = Message::new("x.shout", vec![b'a'; 1_000]).encode();
        refused(&address, &request("POST", "/", "", &large), 413);
        let chunk = "8\r\n12345678\r\n".repeat(200);
        let chunked =
            format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunk}");
        refused(&address, chunked.as_bytes(), 413);
        assert_eq!(call(&address, "x.shout", "still there").message().payload(), "STILL THERE");
    });
}

#[test]
fn heads_that_are_none_end_their_connection() {
    guarded(|| {
        let (master, _workers) = microservice(1);
        let address = http(&master);
        let lines = |line: &str| format!("POST /shout HTTP/1.1\r\nhost: a\r\n{line}\r\n\r\nab").into_bytes();
        refused(&address, b"this is no HTTP\r\n\r\n", 400);
        refused(&address, &lines("content-length: 1\r\ncontent-length: 2"), 400);
        refused(&address, &lines("content-length: -1"), 400);
        refused(&address, &lines("no colon"), 400);
        refused(&address, &lines(&format!("x: {}", "a".repeat(1 << 20))), 431);
        refused(&address, &lines(&"x: a\r\n".repeat(2_000)), 431);
        // A length and chunks: the chunks count, and what follows them is no request.
        let mut both = connect(&address);
        both.write_all(&lines("content-length: 2\r\ntransfer-encoding: chunked")[..]).unwrap();
        both.write_all(b"\r\n").unwrap();
        both.shutdown(Shutdown::Write).unwrap();
        let answers = String::from_utf8(rest(both)).unwrap();
        assert!(!answers.contains("200 OK") && answers.matches("HTTP/1.1").count() <= 1, "{answers}");
        let overflow =
            "POST /shout HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\na\r\n";
        refused(&address, overflow.as_bytes(), 400);
        assert_eq!(post(&address, "/shout", b"a").text(), "A");
    });
}

#[test]
fn a_body_that_ends_too_early_and_a_half_closed_connection() {
    guarded(|| {
        let loud = Loud::new("loud").service(Work).start().unwrap();
        let address = http(&loud);
        let mut stream = connect(&address);
        stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let said = rest(stream);
        assert!(said.is_empty() || Answer::read(&said).status == 400, "{said:?}");
        // Whoever has said all and listens on has hung up, as far as the protocol can tell; or is answered in time.
        let mut stream = connect(&address);
        stream.write_all(&request("POST", "/", "", &Message::new("x.shout", "a").encode())).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let said = rest(stream);
        assert!(said.is_empty() || Answer::read(&said).message().payload() == "A");
        assert_eq!(call(&address, "x.shout", "a").message().payload(), "A");
    });
}

#[test]
fn what_comes_too_slowly_is_cut() {
    guarded(|| {
        let worker = HttpWorker::new("web_worker", Work).start().unwrap();
        let (start, mut stream) = (Instant::now(), connect(&http(&worker)));
        let (idle, mut body) = (connect(&http(&worker)), connect(&http(&worker)));
        body.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc").unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nhost: a").unwrap();
        let slow = std::thread::spawn({
            let mut stream = stream.try_clone().unwrap();
            move || {
                // A byte now and then keeps nobody there.
                while start.elapsed() < Duration::from_secs(20) && stream.write_all(b"a").is_ok() {
                    std::thread::sleep(Duration::from_millis(500));
                }
            }
        });
        for _ in 0..3 {
            assert_eq!(call(&http(&worker), "x.shout", "a").message().payload(), "A", "others are served meanwhile");
        }
        rest(stream);
        rest(idle);
        assert_eq!(Answer::read(&rest(body)).status, 408);
        let (at_least, at_most) = (Duration::from_secs(9), Duration::from_secs(20));
        assert!((at_least..at_most).contains(&start.elapsed()), "{:?}", start.elapsed());
        slow.join().unwrap();
    });
}

#[test]
fn an_address_that_is_none_is_refused() {
    for (address, problem) in [("http://127.0.0.1", "there is no port"), ("ipc://a", "it is served over HTTP")] {
        let error = Loud::new("loud").service(Work).http_address(address).start().unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", taken.local_addr().unwrap());
    let error = Loud::new("loud").service(Work).http_address(&address).start().unwrap_err().to_string();
    assert!(error.contains(&address) && error.contains("in use"), "{error}");
    let _ = HttpGateway::new(address);
}

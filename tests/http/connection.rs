use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use palm::http::{HttpConnection, HttpService, HttpWorker};
use palm::part::Outbound;
use palm::stats::Counter;
use palm::topology::Route;
use palm::wire::Code;
use palm::{Client, Handle, ServerTemplate};

use crate::parts::{Gate, Proxy, WebMaster, Work, http};
use crate::raw::call;
use crate::support::{client, guarded, until};

/// A proxy with a connection of one's own.
fn proxy(connection: HttpConnection) -> Handle {
    const { assert!(HttpConnection::REPLIES) };
    ServerTemplate::new("proxy")
        .register_inbound("Http", HttpService::new("http://127.0.0.1:*"), Route::to("Web").blocking())
        .register_outbound("Web", connection, Route::exterior())
        .start()
        .unwrap()
}

/// A web server that answers each connection with what `answer` says, and counts them; nothing is answered if it says nothing.
fn fake(answer: impl Fn(usize, &[u8]) -> Vec<u8> + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = request(&mut stream);
            let number = counted.fetch_add(1, Ordering::SeqCst);
            let answer = answer(number, &request);
            if answer.is_empty() {
                kept.push(stream);
            } else {
                let _ = stream.write_all(&answer);
            }
        }
    });
    (address, calls)
}

/// The head of a request, and its body.
fn request(stream: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut some).unwrap();
        all.extend_from_slice(&some[..count]);
        let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if all.len() >= end + 4 + length.parse::<usize>().unwrap() || count == 0 {
            return all;
        }
    }
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body]
        .concat()
}

fn error(handle: &Handle) -> (Code, String) {
    let error = call(&http(handle), "x.shout", "a").message().error().unwrap();
    (error.code.into(), error.text)
}

#[test]
fn a_job_is_done_on_the_web() {
    guarded(|| {
        let worker = HttpWorker::new("web_worker", Work).threads(4).start().unwrap();
        let master = WebMaster::new("server").http_connection_address(http(&worker)).start().unwrap();
        let client: Client = client(&master);
        let mut got: Vec<_> = client
            .job("server.shout", (0..200).map(|number| format!("a{number}")))
            .messages(200)
            .map(|reply| String::from_utf8(reply.unwrap().to_vec()).unwrap())
            .collect();
        got.sort();
        let mut expected: Vec<_> = (0..200).map(|number| format!("A{number}")).collect();
        expected.sort();
        assert_eq!(got, expected);
        until("calls, and published results", || master.stats().get(Counter::Sent) == 400);
    });
}

#[test]
fn what_fails_there_is_an_error_here() {
    guarded(|| {
        let worker = HttpWorker::new("web_worker", Work).start().unwrap();
        let master = WebMaster::new("server").http_connection_address(http(&worker)).start().unwrap();
        let client = client(&master);
        for (method, code) in
            [("fail", Code::MethodFailed), ("panic", Code::MethodPanicked), ("what", Code::UnknownMethod)]
        {
            let error = client.eval(format!("server.{method}"), "way").unwrap_err();
            let palm::Error::Remote { component, code: found, .. } = error else { panic!("{error}") };
            assert_eq!((&*component, found), ("web_worker", code));
        }
    });
}

#[test]
fn no_more_calls_than_workers_are_under_way() {
    guarded(|| {
        let (gate, began, open) = Gate::new();
        let worker = HttpWorker::new("web_worker", gate).start().unwrap();
        let master = WebMaster::new("server").http_connection_address(http(&worker)).start().unwrap();
        let client = client(&master);
        let job =
            std::thread::spawn(move || client.job("server.wait", (0..50).map(|n| n.to_string())).messages(50).count());
        began.recv().unwrap();
        until("eight calls", || worker.stats().get(Counter::Received) == 8);
        open.send(()).unwrap();
        began.recv().unwrap();
        until("the ninth", || worker.stats().get(Counter::Received) == 9);
        until("nine calls, and a published result", || master.stats().get(Counter::Sent) == 10);
        (0..49).for_each(|_| open.send(()).unwrap());
        assert_eq!(job.join().unwrap(), 50);
    });
}

#[test]
fn a_worker_that_comes_late_is_waited_for() {
    guarded(|| {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let proxy = Proxy::new("proxy").http_connection_address(format!("http://{free}/")).start().unwrap();
        let address = http(&proxy);
        let caller = std::thread::spawn(move || call(&address, "x.shout", "a").message().payload().clone());
        until("the call", || proxy.stats().get(Counter::Sent) == 1);
        let _worker = HttpWorker::new("web_worker", Work).address(free.to_string()).start().unwrap();
        assert_eq!(caller.join().unwrap(), "A");
    });
}

#[test]
fn a_worker_that_never_comes_is_an_error() {
    guarded(|| {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let patience = Duration::from_millis(200);
        let proxy = proxy(HttpConnection::new(format!("http://{free}")).no_workers_timeout(patience));
        let (code, text) = error(&proxy);
        assert_eq!(code, Code::NoWorkers);
        assert!(text.contains(&free.to_string()), "{text}");
    });
}

#[test]
fn a_call_whose_answer_did_not_come_is_made_again_only_if_it_may_be() {
    guarded(|| {
        for (idempotent, tries) in [(false, 1), (true, 3)] {
            // The connection ends where the answer should be.
            let (address, calls) = fake(|_, _| b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx".to_vec());
            let proxy = proxy(HttpConnection::new(address).idempotent(idempotent));
            assert_eq!(error(&proxy).0, Code::MethodFailed);
            assert_eq!(calls.load(Ordering::SeqCst), tries);
            assert_eq!(proxy.stats().get(Counter::Redelivered), tries as u64 - 1);
        }
    });
}

#[test]
fn an_idempotent_call_succeeds_in_the_end() {
    guarded(|| {
        let (address, _) = fake(|number, request| match number {
            0 => answer("503 Service Unavailable", b""),
            1 => b"HTTP/1.1 ".to_vec(),
            _ => {
                let end = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
                answer("200 OK", &request[end + 4..])
            }
        });
        let proxy = proxy(HttpConnection::new(address).idempotent(true));
        assert_eq!(call(&http(&proxy), "x.shout", "a").message().payload(), "a");
    });
}

#[test]
fn a_worker_that_does_not_answer_is_given_up() {
    guarded(|| {
        let (address, calls) = fake(|_, _| Vec::new());
        let proxy = proxy(HttpConnection::new(address).work_timeout(Duration::from_millis(100)));
        assert_eq!(error(&proxy).0, Code::Late);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn answers_that_are_none_are_errors() {
    guarded(|| {
        let (second, reached) = fake(|_, _| answer("200 OK", b""));
        let redirect = format!("307 Temporary Redirect\r\nlocation: {second}/");
        let cases = [
            (answer("200 OK", b"\xff\xff"), Code::MethodFailed, "no PALM message"),
            (answer("500 Internal Server Error", b""), Code::MethodFailed, "answered 500"),
            (answer("404 Not Found", b"nobody here"), Code::UnknownMethod, "404 Not Found: nobody here"),
            (answer("413 Payload Too Large", b""), Code::TooLarge, "answered 413"),
            (answer(&redirect, b""), Code::MethodFailed, "answered 307"),
            (answer("200 OK", &[0; 2_000]), Code::TooLarge, "more than 1000 bytes"),
            (b"SSH-2.0-hello\r\n".to_vec(), Code::MethodFailed, "cannot be called"),
        ];
        for (said, code, text) in cases {
            let (address, _) = fake(move |_, _| said.clone());
            let proxy = proxy(HttpConnection::new(address).answer_limit(1_000));
            let (found, said) = error(&proxy);
            assert_eq!(found, code, "{said}");
            assert!(said.contains(text), "{said}");
        }
        assert_eq!(reached.load(Ordering::SeqCst), 0, "a redirect is not followed");
    });
}

#[test]
fn a_url_that_cannot_be_called_is_refused_at_the_start() {
    for (url, problem) in
        [("tcp://127.0.0.1:5555", "it is called over HTTP"), ("http://", "http://"), ("nothing at all", "it is no URL")]
    {
        let error = Proxy::new("proxy").http_connection_address(url).start().unwrap_err().to_string();
        assert!(error.starts_with("proxy: part `HttpConnection` cannot use") && error.contains(problem), "{error}");
    }
}

#[test]
fn a_back_end_that_knows_nothing_of_palm_is_called_with_payloads() {
    guarded(|| {
        let (address, _) = fake(|_, request| {
            let text = String::from_utf8_lossy(request);
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            if !head.to_lowercase().contains("content-type: application/json") || head.contains("palm-errors") {
                return answer("400 Bad Request", b"");
            }
            match body {
                "{}" => answer("422 Unprocessable Entity", b"an empty order"),
                order => answer("201 Created", format!("[{order}]").as_bytes()),
            }
        });
        let proxy = proxy(HttpConnection::new(address).content_type("application/json"));
        let mut asked = palm::Message::new("x.order", "{\"count\": 1}");
        asked.set_client("a client");
        let answered = crate::raw::post(&http(&proxy), "/", &asked.encode()).message();
        assert_eq!((answered.payload(), answered.client()), (&"[{\"count\": 1}]".into(), "a client"));
        let error = call(&http(&proxy), "x.order", "{}").message().error().unwrap();
        assert!(error.text.ends_with("answered 422 Unprocessable Entity: an empty order"), "{}", error.text);
    });
}

//! The end of each part, whatever its peers do.

use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use palm::http::HttpWorker;
use palm::stats::Counter;
use palm::wire::Code;

use crate::parts::{Gate, Loud, Microservice, Proxy, Work, http, microservice};
use crate::raw::{Answer, call, connect, post, request, rest};
use crate::support::{guarded, until};

#[test]
fn what_is_inside_is_answered_and_what_waits_outside_is_turned_away() {
    guarded(|| {
        let (gate, began, open) = Gate::new();
        let loud = Loud::new("loud").service(gate).start().unwrap();
        let address = http(&loud);
        let caller = std::thread::spawn({
            let address = address.clone();
            move || call(&address, "x.wait", "a")
        });
        began.recv().unwrap();
        loud.shutdown();
        until("the end of the intake", || {
            let answer = call(&address, "x.wait", "b");
            (answer.status, answer.text()) == (503, "the component is shutting down")
        });
        open.send(()).unwrap();
        assert_eq!(caller.join().unwrap().message().payload(), "a");
        loud.join().unwrap();
        assert!(std::net::TcpStream::connect(address.strip_prefix("http://").unwrap()).is_err());
    });
}

#[test]
fn a_gateway_hands_over_what_workers_have() {
    guarded(|| {
        let master = Microservice::new("server").start().unwrap();
        let (gate, began, open) = Gate::new();
        let worker =
            palm::Worker::new("worker1", gate).db_address(master.address("db_address").unwrap()).start().unwrap();
        let address = http(&master);
        let caller = std::thread::spawn({
            let address = address.clone();
            move || post(&address, "/wait", b"a")
        });
        began.recv().unwrap();
        master.shutdown();
        until("the end of the intake", || post(&address, "/wait", b"b").status == 503);
        open.send(()).unwrap();
        assert_eq!(caller.join().unwrap().text(), "a");
        master.join().unwrap();
        drop(worker);
    });
}

#[test]
fn idle_and_half_heard_callers_hold_nobody_up() {
    guarded(|| {
        let (master, workers) = microservice(1);
        let worker = HttpWorker::new("web_worker", Work).start().unwrap();
        let mut callers = Vec::new();
        for handle in [&master, &worker] {
            let address = http(handle);
            let (idle, mut half, mut silent) = (connect(&address), connect(&address), connect(&address));
            half.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc").unwrap();
            // It never reads what it asked for.
            silent.write_all(&request("POST", "/shout", "", &palm::Message::new("x.shout", "a").encode())).unwrap();
            callers.extend([idle, half, silent]);
        }
        until("the requests", || [&master, &worker].iter().all(|handle| handle.stats().get(Counter::Received) >= 1));
        let start = Instant::now();
        for handle in workers.into_iter().chain([worker, master]) {
            handle.shutdown();
            handle.join().unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        drop(callers);
    });
}

#[test]
fn a_worker_that_never_answers_is_given_up_at_the_end() {
    guarded(|| {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let proxy = Proxy::new("proxy").http_connection_address(url).start().unwrap();
        let mut caller = connect(&http(&proxy));
        caller.write_all(&request("POST", "/", "", &palm::Message::new("x.shout", "a").encode())).unwrap();
        until("the call", || proxy.stats().get(Counter::Sent) == 1);
        proxy.shutdown();
        let answer = Answer::read(&rest(caller));
        assert_eq!(Code::from(answer.message().error().unwrap().code), Code::ShuttingDown);
        proxy.join().unwrap();
    });
}

#[test]
fn a_worker_ends_after_its_messages() {
    guarded(|| {
        let worker = HttpWorker::new("web_worker", Work).messages(2).start().unwrap();
        let address = http(&worker);
        assert_eq!([0, 1].map(|_| call(&address, "x.shout", "a").status), [200, 200]);
        worker.join().unwrap();
    });
}

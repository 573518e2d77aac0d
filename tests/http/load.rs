//! Many at once.

use std::collections::HashSet;
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Barrier};

use palm::http::HttpWorker;
use palm::stats::Counter;

use crate::parts::{Gate, Work, http, microservice};
use crate::raw::{Answer, call, connect, post, request, rest};
use crate::support::{guarded, until};

#[test]
fn a_thousand_clients_at_once_get_their_own_answers_from_two_workers() {
    guarded(|| {
        let (master, _workers) = microservice(2);
        let address = http(&master);
        let (clients, each) = (1_000, 2);
        let streams: Vec<TcpStream> = (0..clients).map(|_| connect(&address)).collect();
        // All have connected before the first asks.
        let mut answers = HashSet::new();
        for round in 0..each {
            for (number, stream) in streams.iter().enumerate() {
                let body = format!("client {number} round {round}");
                let head = format!("POST /shout HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                let mut stream: &TcpStream = stream;
                stream.write_all(head.as_bytes()).unwrap();
            }
            for (number, stream) in streams.iter().enumerate() {
                let answer = next(stream);
                assert_eq!((answer.status, answer.text()), (200, &*format!("CLIENT {number} ROUND {round}")));
                answers.insert(answer.body);
            }
        }
        assert_eq!(answers.len(), clients * each);
        let stats = master.stats();
        let count = |counter| stats.get(counter);
        assert_eq!((count(Counter::Refused), count(Counter::Discarded), count(Counter::Stale)), (0, 0, 0));
    });
}

/// The next answer on a connection that goes on.
fn next(mut stream: &TcpStream) -> Answer {
    let (mut all, mut some) = (Vec::new(), [0; 1024]);
    loop {
        let count = std::io::Read::read(&mut stream, &mut some).unwrap();
        assert!(count > 0, "the connection ended: {}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&some[..count]);
        let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if all.len() == end + 4 + length.parse::<usize>().unwrap() {
            return Answer::read(&all);
        }
    }
}

#[test]
fn what_is_too_much_is_told_to_come_again() {
    guarded(|| {
        let (gate, began, open) = Gate::new();
        let worker = HttpWorker::new("web_worker", gate).max_requests(3).start().unwrap();
        let address = http(&worker);
        let callers: Vec<_> = (0..3)
            .map(|number: i32| {
                let address = address.clone();
                std::thread::spawn(move || call(&address, "x.wait", &number.to_string()).status)
            })
            .collect();
        began.recv().unwrap();
        until("all three", || worker.stats().get(Counter::Received) == 3);
        let answer = call(&address, "x.wait", "one too many");
        assert_eq!((answer.status, answer.has("retry-after: 1"), answer.text()), (503, true, "too much is waiting"));
        assert_eq!(worker.stats().get(Counter::Refused), 1);
        (0..3).for_each(|_| open.send(()).unwrap());
        assert!(callers.into_iter().all(|caller| caller.join().unwrap() == 200));
        open.send(()).unwrap();
        assert_eq!(call(&address, "x.wait", "again").status, 200);
    });
}

#[test]
fn idle_connections_give_way_to_a_new_one() {
    guarded(|| {
        let worker = HttpWorker::new("web_worker", Work).max_connections(50).start().unwrap();
        let address = http(&worker);
        let idle: Vec<_> = (0..500).map(|_| connect(&address)).collect();
        for number in 0..20 {
            assert_eq!(call(&address, "x.shout", &format!("a{number}")).message().payload(), &*format!("A{number}"));
        }
        // Those that were cut are those that came first.
        let first = idle.into_iter().next().unwrap();
        assert!(rest(first).is_empty());
    });
}

#[test]
fn a_connection_with_a_request_is_not_cut() {
    guarded(|| {
        let (gate, began, open) = Gate::new();
        let worker = HttpWorker::new("web_worker", gate).max_connections(4).start().unwrap();
        let address = http(&worker);
        let mut busy = connect(&address);
        busy.write_all(&request("POST", "/", "", &palm::Message::new("x.wait", "a").encode())).unwrap();
        began.recv().unwrap();
        let idle: Vec<_> = (0..50).map(|_| connect(&address)).collect();
        open.send(()).unwrap();
        assert_eq!(Answer::read(&rest(busy)).message().payload(), "a");
        drop(idle);
    });
}

#[test]
fn two_gateways_worth_of_clients_share_no_answer() {
    guarded(|| {
        let ((one, _workers), (two, _others)) = (microservice(1), microservice(1));
        let barrier = Arc::new(Barrier::new(16));
        let clients: Vec<_> = (0..16)
            .map(|number| {
                let (address, barrier) = (http(if number % 2 == 0 { &one } else { &two }), barrier.clone());
                std::thread::spawn(move || {
                    barrier.wait();
                    (0..50).all(|round| {
                        let body = format!("c{number} {round}");
                        post(&address, "/shout", body.as_bytes()).text() == body.to_uppercase()
                    })
                })
            })
            .collect();
        assert!(clients.into_iter().all(|client| client.join().unwrap()));
    });
}

/// A worker in a process of its own: says where it is, and ends with its standard input.
#[test]
#[ignore = "a role of another test"]
fn role_worker() {
    let worker = HttpWorker::new("web_worker", Work).start().unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "listening {}", http(&worker)).unwrap();
    out.flush().unwrap();
    let _ = std::io::Read::read_to_end(&mut std::io::stdin(), &mut Vec::new());
}

#[test]
fn where_the_system_has_no_room_idle_connections_give_way() {
    guarded(|| {
        let command = "ulimit -n 64; exec \"$0\" --ignored --exact load::role_worker --nocapture";
        let mut worker = std::process::Command::new("sh")
            .args(["-c", command])
            .arg(std::env::current_exe().unwrap())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufRead::lines(std::io::BufReader::new(worker.stdout.take().unwrap()));
        let mut lines = lines.map(Result::unwrap);
        let says = lines.find_map(|line| Some(line.split_once("listening ")?.1.to_owned()));
        let address = says.unwrap();
        let idle: Vec<_> = (0..300).map(|_| connect(&address)).collect();
        for number in 0..5 {
            assert_eq!(call(&address, "x.shout", &format!("a{number}")).message().payload(), &*format!("A{number}"));
        }
        drop((idle, worker.stdin.take()));
        lines.for_each(drop);
        assert!(worker.wait().unwrap().success());
    });
}

#[test]
#[ignore = "it takes 15,000 descriptors"]
fn ten_thousand_idle_connections_do_not_stop_a_new_one() {
    guarded(|| {
        let (master, _workers) = microservice(2);
        let address = http(&master);
        let idle: Vec<_> = (0..10_000).map(|_| connect(&address)).collect();
        let mut times: Vec<_> = (0..200)
            .map(|number| {
                let start = std::time::Instant::now();
                assert_eq!(post(&address, "/shout", format!("a{number}").as_bytes()).text(), format!("A{number}"));
                start.elapsed()
            })
            .collect();
        times.sort();
        eprintln!("median {:?}, 99 of 100 within {:?}, {} idle", times[100], times[198], idle.len());
    });
}

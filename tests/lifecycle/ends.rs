//! How components end: told to, dropped, by a number of messages, with peers that are there and peers that are not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use palm::stats::Counter;
use palm::{Client, Hub, Master, Pipeline, Server, Worker};

use crate::support::{address, client, guarded, logged, until};

#[derive(Default)]
struct Echo {
    log: Arc<Mutex<Vec<&'static str>>>,
    gate: Option<std::sync::mpsc::Receiver<()>>,
}

#[palm::server]
impl Echo {
    fn started(&mut self) {
        self.log.lock().unwrap().push("started");
    }

    fn stopping(&mut self) {
        self.log.lock().unwrap().push("stopping");
    }

    fn foo(&mut self, text: String) -> String {
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        text
    }
}

struct Hand;

#[palm::worker]
impl Hand {
    fn foo(&mut self, text: &str) -> String {
        format!("<{text}>")
    }
}

struct Stage;

#[palm::pipeline]
impl Stage {
    fn foo(&mut self, text: String) -> String {
        text
    }
}

/// No path that waits for somebody was taken.
fn ended_at_once(name: &str) {
    assert_eq!(logged(&[name, "ended with"]), 0);
}

#[test]
fn absent_peers_keep_nobody() {
    guarded(|| {
        let nowhere = "tcp://127.0.0.1:1";
        let handles = [
            Server::new("end_server", Echo::default()).start().unwrap(),
            Server::new("end_first", Echo::default()).pipelined(true).start().unwrap(),
            Pipeline::new("end_stage", Stage).sub_address(nowhere).previous("end_first").start().unwrap(),
            Master::new("end_master").start().unwrap(),
            Hub::new("end_hub").sub_address(nowhere).previous("end_first").start().unwrap(),
            // One that still looks for its master, and one that was told where to go.
            Worker::new("end_worker", Hand).db_address(nowhere).start().unwrap(),
            Worker::new("end_other", Hand).pull_address(nowhere).push_address(nowhere).start().unwrap(),
        ];
        for handle in handles {
            let name = handle.name().to_owned();
            handle.shutdown();
            handle.shutdown();
            handle.join().unwrap();
            ended_at_once(&name);
        }
    });
}

#[test]
fn a_handle_that_is_dropped_ends_its_component() {
    guarded(|| {
        let log = Arc::<Mutex<Vec<_>>>::default();
        let server = Server::new("end_dropped", Echo { log: log.clone(), gate: None }).start().unwrap();
        let taken = address(&server, "pull_address");
        assert_eq!(client(&server).eval("end_dropped.foo", "x").unwrap(), "x");
        drop(server);
        assert_eq!(*log.lock().unwrap(), ["started", "stopping"]);
        ended_at_once("end_dropped");
        // Its address is free.
        drop(Server::new("end_next", Echo::default()).pull_address(taken).start().unwrap());
    });
}

#[test]
fn a_component_that_is_let_go_lives_on() {
    guarded(|| {
        let server = Server::new("end_detached", Echo::default()).messages(1).start().unwrap();
        let caller = client(&server);
        let log = server.stats();
        server.detach();
        assert_eq!(caller.eval("end_detached.foo", "x").unwrap(), "x");
        assert_eq!(log.get(Counter::Received), 1);
    });
}

#[test]
fn so_many_messages_end_a_component() {
    guarded(|| {
        let server = Server::new("end_counted", Echo::default()).messages(10).start().unwrap();
        let caller = client(&server);
        let replies = caller.job("end_counted.foo", (0..10).map(|number| number.to_string())).messages(10);
        assert_eq!(replies.filter(Result::is_ok).count(), 10);
        server.join().unwrap();
        ended_at_once("end_counted");
    });
}

#[test]
fn what_was_taken_in_is_answered() {
    guarded(|| {
        let (open, gate) = std::sync::mpsc::channel();
        let server = Server::new("end_drained", Echo { gate: Some(gate), ..Echo::default() }).start().unwrap();
        let caller = client(&server);
        let stats = server.stats();
        let asking: Vec<_> = (0..20)
            .map(|number| {
                let caller = caller.clone();
                std::thread::spawn(move || caller.eval("end_drained.foo", number.to_string()).unwrap())
            })
            .collect();
        until("the calls", || stats.get(Counter::Received) == 20);
        server.shutdown();
        drop(open);
        let answers =
            asking.into_iter().map(|call| call.join().unwrap().to_vec()).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(answers.len(), 20);
        server.join().unwrap();
        ended_at_once("end_drained");
    });
}

#[test]
fn a_master_waits_for_what_its_workers_have() {
    struct Slow(std::sync::mpsc::Receiver<()>, Arc<AtomicUsize>);

    #[palm::worker]
    impl Slow {
        fn foo(&mut self, text: String) -> String {
            self.1.fetch_add(1, Ordering::SeqCst);
            let _ = self.0.recv();
            text
        }
    }

    guarded(|| {
        let master = Master::new("end_waiting").start().unwrap();
        let (open, gate) = std::sync::mpsc::channel();
        let at_work = Arc::<AtomicUsize>::default();
        let worker = Worker::new("end_slow", Slow(gate, at_work.clone())).db_address(address(&master, "db_address"));
        let worker = worker.start().unwrap();
        let caller = client(&master);
        let asking = std::thread::spawn(move || caller.eval("end_waiting.foo", "x").unwrap());
        until("the worker", || at_work.load(Ordering::SeqCst) == 1);
        master.shutdown();
        assert!(!master.has_ended());
        drop(open);
        assert_eq!(asking.join().unwrap(), "x");
        master.join().unwrap();
        ended_at_once("end_waiting");
        drop(worker);
    });
}

#[test]
fn a_worker_finds_a_master_that_comes_later() {
    guarded(|| {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let db = format!("tcp://127.0.0.1:{port}");
        let worker = Worker::new("end_early", Hand).db_address(&*db).start().unwrap();
        assert!(worker.address("worker_pull_address").is_err());
        let master = Master::new("end_late").db_address(&*db).start().unwrap();
        let caller = Client::connect("end_late", db).unwrap();
        assert_eq!(caller.eval("end_late.foo", "x").unwrap(), "<x>");
        drop(worker);
        drop(master);
    });
}

/// Not a test by itself: what `a_signal_ends_a_run` starts, in a process of its own.
#[test]
fn runs_until_a_signal() {
    if std::env::var_os("PALM_TEST_RUNS").is_some() {
        Server::new("end_signalled", Echo::default()).db_address("tcp://127.0.0.1:*").run().unwrap();
        std::fs::write(std::env::var_os("PALM_TEST_RUNS").unwrap(), "it ended well").unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_run() {
    use std::process::{Command, Stdio};

    guarded(|| {
        let folder = tempfile::tempdir().unwrap();
        for signal in ["TERM", "INT"] {
            let said = folder.path().join(signal);
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "ends::runs_until_a_signal", "--nocapture"])
                .env("PALM_TEST_RUNS", &said)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            // Its handlers are there as soon as its own thread for them is.
            let tasks = format!("/proc/{}/task", child.id());
            until("the child", || {
                let mut tasks = std::fs::read_dir(&tasks).unwrap().flatten();
                tasks.any(|task| {
                    std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.contains("palm signals"))
                })
            });
            assert!(
                Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status().unwrap().success()
            );
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            assert_eq!(std::fs::read_to_string(&said).unwrap(), "it ended well");
        }
    });
}

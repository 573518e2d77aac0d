//! Methods that take `&self`, on several threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier, Mutex};

use palm::stats::Counter;
use palm::{Client, Master, Server, Worker};

use crate::support::{address, client, guarded, until};

/// Nobody leaves `meet` before all have come.
struct Meeting {
    barrier: Barrier,
    count: usize,
}

impl Meeting {
    fn of(people: usize) -> Self {
        Self { barrier: Barrier::new(people), count: 0 }
    }
}

#[palm::server]
impl Meeting {
    fn meet(&self, text: String) -> String {
        self.barrier.wait();
        text
    }

    fn count(&mut self) -> String {
        self.count += 1;
        self.count.to_string()
    }
}

#[test]
fn calls_that_wait_for_each_other_meet() {
    guarded(|| {
        let server = Server::new("meeting_server", Meeting::of(2)).threads(2).start().unwrap();
        let client = client(&server);
        let payloads: Vec<_> = (0..20).map(|number| number.to_string()).collect();
        let answers = client.job("meeting_server.meet", payloads.clone()).messages(20);
        let mut answers: Vec<_> = answers.map(|answer| String::from_utf8(answer.unwrap().to_vec()).unwrap()).collect();
        answers.sort_by_key(|text| text.parse::<usize>().unwrap());
        assert_eq!(answers, payloads);
        // What has the object for itself comes between.
        assert_eq!(client.eval("meeting_server.count", "").unwrap(), "1");
        let pair = || {
            std::thread::spawn({
                let client = client.clone();
                move || client.eval("meeting_server.meet", "x").unwrap()
            })
        };
        for call in [pair(), pair()] {
            assert_eq!(call.join().unwrap(), "x");
        }
        assert_eq!(client.eval("meeting_server.count", "").unwrap(), "2");
        assert_eq!(server.stats().get(Counter::Calls), 24);
        server.shutdown();
        server.join().unwrap();
    });
}

struct Hands(Barrier);

#[palm::worker]
impl Hands {
    fn meet(&self, text: String) -> impl Iterator<Item = String> {
        self.0.wait();
        (0..2).map(move |number| format!("{text}.{number}"))
    }
}

/// On the link as on the classic sockets, one worker does several messages at a time, and its master hears of each.
#[test]
fn the_calls_of_one_worker_meet() {
    guarded(|| {
        for classic in [false, true] {
            let master = Master::new("meeting_master").start().unwrap();
            let db = address(&master, "db_address");
            let worker = Worker::new("hands", Hands(Barrier::new(3))).threads(3).db_address(&db);
            let worker = if classic { worker.classic() } else { worker }.start().unwrap();
            let client = Client::connect("meeting_master", &db).unwrap();
            let payloads: Vec<_> = (0..60).map(|number| format!("{number:02}")).collect();
            let answers = client.job("meeting_master.meet", payloads.clone()).messages(120);
            let mut answers: Vec<_> =
                answers.map(|answer| String::from_utf8(answer.unwrap().to_vec()).unwrap()).collect();
            answers.sort();
            let expected: Vec<_> =
                payloads.iter().flat_map(|text| [format!("{text}.0"), format!("{text}.1")]).collect();
            assert_eq!(answers, expected);
            worker.shutdown();
            worker.join().unwrap();
            assert_eq!(master.stats().get(Counter::Redelivered), 0);
        }
    });
}

/// Its object is dropped when it ends, with all that it holds.
struct Held {
    entered: Mutex<Sender<()>>,
    go: Arc<Barrier>,
    dropped: Arc<AtomicBool>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::SeqCst);
    }
}

#[palm::server]
impl Held {
    fn hold(&self, text: String) -> String {
        let _ = self.entered.lock().map(|entered| entered.send(()));
        self.go.wait();
        text
    }
}

#[test]
fn a_component_ends_when_its_threads_have_handed_over() {
    guarded(|| {
        let (entered, entrances) = channel();
        let (go, dropped) = (Arc::new(Barrier::new(3)), Arc::new(AtomicBool::new(false)));
        let held = Held { entered: Mutex::new(entered), go: go.clone(), dropped: dropped.clone() };
        let server = Server::new("held_server", held).threads(2).start().unwrap();
        let client = client(&server);
        let calls = [(); 2].map(|()| {
            let client = client.clone();
            std::thread::spawn(move || client.eval("held_server.hold", "x").unwrap())
        });
        entrances.recv().unwrap();
        entrances.recv().unwrap();
        server.shutdown();
        // The cache answers, and so says that nothing has ended.
        assert_eq!(client.set("value", "key").unwrap(), "key");
        assert!(!server.has_ended() && !dropped.load(Ordering::SeqCst));
        go.wait();
        for call in calls {
            assert_eq!(call.join().unwrap(), "x");
        }
        server.join().unwrap();
        until("the object is dropped", || dropped.load(Ordering::SeqCst));
    });
}

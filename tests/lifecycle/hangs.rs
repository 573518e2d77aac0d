//! Methods that never end: the worker fails, its process does not, and what it had is done by others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use palm::{Call, Error, Master, Worker};

use crate::support::{address, client, guarded, logged, until};

/// Waits for its gate, if it has one.
struct Hand {
    begun: Arc<AtomicUsize>,
    gate: Option<Receiver<()>>,
}

#[palm::worker]
impl Hand {
    fn foo(&mut self, text: &str, call: &Call) -> String {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        format!("{} did {text}", call.name())
    }
}

/// A worker that hangs until the sender is dropped.
fn stuck() -> (Hand, Arc<AtomicUsize>, Sender<()>) {
    let (open, gate) = channel();
    let begun = Arc::<AtomicUsize>::default();
    (Hand { begun: begun.clone(), gate: Some(gate) }, begun, open)
}

fn ready() -> Hand {
    Hand { begun: Arc::default(), gate: None }
}

/// One message that hangs in a worker, and is done by the next one.
fn one_hangs(name: &'static str, master: Master, set: impl Fn(Worker) -> Worker) -> Error {
    let master = master.start().unwrap();
    let db = address(&master, "db_address");
    let (hand, begun, open) = stuck();
    let worker = set(Worker::new(format!("{name}_stuck"), hand).db_address(&*db)).start().unwrap();
    let caller = client(&master);
    let asking = std::thread::spawn(move || caller.eval(format!("{name}.foo"), "it").unwrap());
    until("the call", || begun.load(Ordering::SeqCst) == 1);
    let other = set(Worker::new(format!("{name}_ready"), ready()).db_address(&*db)).start().unwrap();
    until("the failure", || worker.has_ended());
    let error = worker.join().unwrap_err();
    assert_eq!(asking.join().unwrap(), format!("{name}_ready did it"));
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    drop((open, other));
    error
}

#[test]
fn a_linked_worker_has_its_limit_from_its_master() {
    guarded(|| {
        let limit = Duration::from_millis(300);
        let master = Master::new("hang_linked").work_timeout(Some(limit));
        let error = one_hangs("hang_linked", master, |worker| worker);
        assert!(
            matches!(&error, Error::Hung { component, method, message, limit: told }
                if component == "hang_linked_stuck" && method == "foo" && !message.is_empty() && *told == limit),
            "{error}"
        );
    });
}

#[test]
fn a_classic_worker_is_told_its_limit_by_hand() {
    guarded(|| {
        let error = one_hangs("hang_classic", Master::new("hang_classic"), |worker| {
            worker.classic().work_timeout(Duration::from_millis(300))
        });
        assert!(matches!(&error, Error::Hung { method, .. } if method == "foo"), "{error}");
    });
}

#[test]
fn a_dropped_handle_logs_it() {
    guarded(|| {
        let master = Master::new("hang_dropped").start().unwrap();
        let (hand, begun, open) = stuck();
        let worker = Worker::new("hang_dropped_stuck", hand)
            .db_address(address(&master, "db_address"))
            .work_timeout(Duration::from_millis(100))
            .start()
            .unwrap();
        let caller = client(&master);
        let asking = std::thread::spawn(move || caller.eval("hang_dropped.foo", "it"));
        until("the call", || begun.load(Ordering::SeqCst) == 1);
        until("the failure", || worker.has_ended());
        drop(worker);
        assert_eq!(logged(&["hang_dropped_stuck: `foo` hangs"]), 1);
        drop(open);
        master.shutdown();
        drop(asking.join().unwrap());
    });
}

//! Ports that classic workers have for themselves: a range of them, and which worker has which after a restart.

use std::net::TcpListener;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU16, Ordering};

use palm::{Client, Handle, Master, Message, Worker};

use crate::support::{address, client, guarded, logged, until};

struct Hand;

#[palm::worker]
impl Hand {
    fn foo(&mut self, text: &str) -> String {
        format!("<{text}>")
    }
}

/// So many ports in a row that nobody uses, outside of what the system gives out by itself.
fn free(count: u16) -> RangeInclusive<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let offset = NEXT.fetch_add(count, Ordering::Relaxed) + (std::process::id() % 50) as u16 * 30;
        let first = 30_000 + offset % 2_000;
        if (first..first + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return first..=first + count - 1;
        }
    }
}

/// Ends a component, and waits until its ports are free: the system takes a moment.
fn end(master: Handle, ports: RangeInclusive<u16>) {
    drop(master);
    until("free ports", || ports.clone().all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()));
}

/// What the cache says to a worker of that name.
fn told(master: &Handle, worker: &str) -> String {
    let asker = Client::builder(master.name(), address(master, "db_address")).client_id(worker).connect().unwrap();
    String::from_utf8(asker.get("worker_push_address").unwrap().unwrap().to_vec()).unwrap()
}

#[test]
fn each_has_one_of_the_range_and_the_rest_share() {
    guarded(|| {
        let ports = free(2);
        let master = Master::new("ports_range").worker_ports(ports.clone()).start().unwrap();
        let own: Vec<_> = ports.map(|port| format!("tcp://127.0.0.1:{port}")).collect();
        assert_eq!([told(&master, "one"), told(&master, "two")], own[..]);
        assert_eq!(told(&master, "three"), address(&master, "worker_push_address"));
        let worker = Worker::new("four", Hand).classic().db_address(address(&master, "db_address")).start().unwrap();
        assert_eq!(client(&master).eval("ports_range.foo", "x").unwrap(), "<x>");
        drop(worker);
    });
}

#[test]
fn beyond_loopback_only_a_range_is_used() {
    guarded(|| {
        let start = |name: &str, ports: Option<RangeInclusive<u16>>| {
            let master = Master::new(name).worker_push_address("tcp://0.0.0.0:*").insecure().advertise("localhost");
            ports.into_iter().fold(master, Master::worker_ports).start().unwrap()
        };
        let closed = start("ports_closed", None);
        assert_eq!(told(&closed, "one"), address(&closed, "worker_push_address"));
        let ports = free(1);
        let open = start("ports_open", Some(ports.clone()));
        assert_eq!(told(&open, "one"), format!("tcp://localhost:{}", ports.start()));
        assert_eq!(told(&open, "two"), address(&open, "worker_push_address"));
    });
}

#[test]
fn a_worker_that_never_asks_again_finds_its_port_after_a_restart() {
    guarded(|| {
        let state = tempfile::tempdir().unwrap();
        let ports = free(6);
        let fixed: Vec<_> = ports.clone().take(2).map(|port| format!("tcp://127.0.0.1:{port}")).collect();
        let start = || {
            Master::new("ports_kept")
                .db_address(&*fixed[0])
                .worker_pull_address(&*fixed[1])
                .worker_ports(ports.start() + 2..=*ports.end())
                .state_dir(state.path().join("below"))
                .start()
                .unwrap()
        };
        let master = start();
        let context = zmq::Context::new();
        let pull = context.socket(zmq::PULL).unwrap();
        pull.set_rcvtimeo(20_000).unwrap();
        pull.connect(&told(&master, "one")).unwrap();
        let asking = |master: &Handle| {
            let caller = client(master);
            std::thread::spawn(move || caller.eval("ports_kept.foo", "x").unwrap())
        };
        let push = context.socket(zmq::PUSH).unwrap();
        push.connect(&fixed[1]).unwrap();
        let echo = || {
            let message = Message::decode(pull.recv_bytes(0).unwrap().into()).unwrap();
            push.send(message.encode(), 0).unwrap();
        };
        let first = asking(&master);
        echo();
        assert_eq!(first.join().unwrap(), "x");
        end(master, ports.clone());
        let master = start();
        let second = asking(&master);
        echo();
        assert_eq!(second.join().unwrap(), "x");
        // A worker of another name gets another port; one that asks again while it is away gets its own.
        let own = pull.get_last_endpoint().unwrap().unwrap();
        assert_ne!(told(&master, "two"), own);
        drop(pull);
        until("its port for who asks again", || told(&master, "one") == own);
    });
}

#[test]
fn a_port_that_is_in_use_after_a_restart_is_given_up() {
    guarded(|| {
        let state = tempfile::tempdir().unwrap();
        let ports = free(2);
        let start = || Master::new("ports_taken").worker_ports(ports.clone()).state_dir(state.path()).start().unwrap();
        let master = start();
        assert_eq!(told(&master, "one"), format!("tcp://127.0.0.1:{}", ports.start()));
        end(master, ports.clone());
        let taken = TcpListener::bind(("127.0.0.1", *ports.start())).unwrap();
        let master = start();
        assert_eq!(told(&master, "one"), format!("tcp://127.0.0.1:{}", ports.end()));
        assert_eq!(logged(&["ports_taken", &format!("port {}, which worker one had, is in use", ports.start())]), 1);
        drop(taken);
    });
}

#[test]
fn a_state_that_cannot_be_kept_is_an_error_at_the_start() {
    guarded(|| {
        let place = tempfile::NamedTempFile::new().unwrap();
        let error = Master::new("ports_nowhere").state_dir(place.path()).start().unwrap_err();
        assert!(error.to_string().starts_with("cannot keep state in `state_dir`: "), "{error}");
    });
}

//! Components that wait use no time: what is paused and what is full is not asked again and again.

use std::time::Duration;

use palm::{Master, Message, Server};

use crate::support::{address, guarded, until};

struct Echo;

#[palm::server]
impl Echo {
    fn foo(&mut self, text: String) -> String {
        text
    }
}

/// Ticks of the processor, a hundredth of a second each, that the threads of a component have used.
fn ticks(component: &str) -> u64 {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let Ok(stat) = std::fs::read_to_string(task.unwrap().path().join("stat")) else { continue };
        let (name, rest) = stat.rsplit_once(") ").unwrap();
        if name.contains(&format!("palm {component}")) {
            let fields: Vec<_> = rest.split(' ').collect();
            ticks += fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        }
    }
    ticks
}

/// The ticks of two seconds. A loop that does not wait would use two hundred.
fn used(component: &str) -> u64 {
    let before = ticks(component);
    std::thread::sleep(Duration::from_secs(2));
    ticks(component) - before
}

fn sender(context: &zmq::Context, to: &str) -> zmq::Socket {
    let push = context.socket(zmq::PUSH).unwrap();
    push.set_linger(0).unwrap();
    push.connect(to).unwrap();
    push
}

fn message(function: &str, client: &str) -> Vec<u8> {
    let mut message = Message::new(function, "x".repeat(1_000));
    message.set_client(client);
    message.set_id([1; 16]);
    message.encode()
}

#[test]
fn an_idle_server_sleeps() {
    guarded(|| {
        let server = Server::new("idle_one", Echo).start().unwrap();
        assert_eq!(crate::support::client(&server).eval("idle_one.foo", "x").unwrap(), "x");
        let used = used("idle_one");
        assert!(used < 20, "{used}");
    });
}

#[test]
fn a_master_without_workers_sleeps_with_messages_at_its_door() {
    guarded(|| {
        let master = Master::new("idle_two").start().unwrap();
        let context = zmq::Context::new();
        let push = sender(&context, &address(&master, "pull_address"));
        for _ in 0..500 {
            push.send(message("idle_two.foo", "somebody"), 0).unwrap();
        }
        let stats = master.stats();
        until("a message", || stats.get(palm::stats::Counter::Received) > 0);
        let used = used("idle_two");
        // What it has nobody takes: its end would wait for that.
        master.detach();
        assert!(used < 20, "{used}");
    });
}

#[test]
fn a_server_whose_hold_is_full_sleeps() {
    guarded(|| {
        let server = Server::new("idle_hold", Echo).hold_bytes(10_000).start().unwrap();
        let context = zmq::Context::new();
        let push = sender(&context, &address(&server, "pull_address"));
        for _ in 0..500 {
            push.send(message("idle_hold.foo", "nobody"), 0).unwrap();
        }
        let stats = server.stats();
        until("the hold", || stats.get(palm::stats::Counter::Held) > 5);
        let used = used("idle_hold");
        server.detach();
        assert!(used < 20, "{used}");
    });
}

#[test]
fn a_server_whose_reader_does_not_read_sleeps() {
    guarded(|| {
        let server = Server::new("idle_full", Echo).hold_bytes(10_000).start().unwrap();
        let context = zmq::Context::new();
        let reader = context.socket(zmq::SUB).unwrap();
        reader.set_rcvhwm(1).unwrap();
        reader.set_subscribe(b"reader").unwrap();
        reader.connect(&address(&server, "pub_address")).unwrap();
        let push = sender(&context, &address(&server, "pull_address"));
        push.set_sndtimeo(500).unwrap();
        while push.send(message("idle_full.foo", "reader"), 0).is_ok() {}
        let used = used("idle_full");
        server.detach();
        assert!(used < 40, "{used}");
    });
}

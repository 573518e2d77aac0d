//! The master of the `parallel` example, built from its parts with `topology!`.
//!
//! Everything in one process: `cargo run --example template`
//!
//! Or a role in each terminal, in any order, with as many workers as you like:
//!
//!     cargo run --example template master
//!     cargo run --example template worker worker1
//!     cargo run --example template worker worker2
//!     cargo run --example template client

mod support;

use std::iter::repeat_n;
use std::process::ExitCode;

use palm::Call;
use palm::part::{Address, CacheService, PubService, PullService, WorkerPullService, WorkerPushService};
use support::print;

palm::topology! {
    /// Hands what clients send to workers, and their results back.
    struct Master {
        inbound  Pull:       PullService       = "tcp://127.0.0.1:5555" => WorkerPush;
        inbound  WorkerPull: WorkerPullService = "tcp://127.0.0.1:5557" => Pub;
        outbound WorkerPush: WorkerPushService = "tcp://127.0.0.1:5558";
        outbound Pub:        PubService        = "tcp://127.0.0.1:5556";
        bypass   Cache:      CacheService      = "tcp://127.0.0.1:5559";
    }
}

#[derive(Default)]
struct MyWorker;

#[palm::worker]
impl MyWorker {
    fn foo(&mut self, message: &[u8], call: &Call) -> Vec<u8> {
        [call.name().as_bytes(), b" processed ", message].concat()
    }
}

fn worker(name: &str, db_address: &str) -> palm::Worker {
    palm::Worker::new(name, MyWorker).db_address(db_address)
}

fn client(db_address: &str) -> palm::Result<()> {
    let client = palm::Client::connect("server", db_address)?;
    let messages = repeat_n("a message", 10);
    for reply in client.job("server.foo", messages).messages(10) {
        let reply = reply?;
        print(&reply);
        assert!(reply.ends_with(b" processed a message"));
    }
    Ok(())
}

fn everything() -> palm::Result<()> {
    let master = Master::new("server")
        .pull_address(Address::any())
        .worker_pull_address(Address::any())
        .worker_push_address(Address::any())
        .pub_address(Address::any())
        .cache_address(Address::any())
        .start()?;
    let db_address = master.address("db_address")?;
    let _worker1 = worker("worker1", &db_address).start()?;
    let _worker2 = worker("worker2", &db_address).start()?;
    client(&db_address)
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["master"] => Master::new("server").run(),
        ["worker", name] => worker(name, "tcp://127.0.0.1:5559").run(),
        ["client"] => client("tcp://127.0.0.1:5559"),
        _ => support::no_role("master, worker NAME, client"),
    })
}

//! Workers that give two results for each message.
//!
//! Everything in one process: `cargo run --example mux_parallel`
//!
//! Or a role in each terminal, in any order, with as many workers as you like:
//!
//!     cargo run --example mux_parallel master
//!     cargo run --example mux_parallel worker worker1
//!     cargo run --example mux_parallel worker worker2
//!     cargo run --example mux_parallel client

mod support;

use std::iter::repeat_n;
use std::process::ExitCode;

use palm::Call;
use support::print;

#[derive(Default)]
struct MyWorker;

#[palm::worker]
impl MyWorker {
    fn foo(&mut self, message: &str, call: &Call) -> impl Iterator<Item = String> {
        (1..=2).map(move |number| format!("{} processed {message} {number}", call.name()))
    }
}

fn worker(name: &str, db_address: &str) -> palm::Worker {
    palm::Worker::new(name, MyWorker).db_address(db_address)
}

/// Takes the first ten of the twenty results.
fn client(db_address: &str) -> palm::Result<()> {
    let client = palm::Client::connect("server", db_address)?;
    let messages = repeat_n("a message", 10);
    for reply in client.job("server.foo", messages).messages(10) {
        let reply = reply?;
        print(&reply);
        assert!(reply.ends_with(b" message 1") || reply.ends_with(b" message 2"));
    }
    Ok(())
}

fn everything() -> palm::Result<()> {
    let master = palm::Master::new("server").expected_workers(2).start()?;
    let db_address = master.address("db_address")?;
    let _worker1 = worker("worker1", &db_address).start()?;
    let _worker2 = worker("worker2", &db_address).start()?;
    client(&db_address)
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["master"] => palm::Master::new("server")
            .pull_address("tcp://127.0.0.1:5555")
            .pub_address("tcp://127.0.0.1:5556")
            .worker_pull_address("tcp://127.0.0.1:5557")
            .worker_push_address("tcp://127.0.0.1:5558")
            .db_address("tcp://127.0.0.1:5559")
            .run(),
        ["worker", name] => worker(name, "tcp://127.0.0.1:5559").run(),
        ["client"] => client("tcp://127.0.0.1:5559"),
        _ => support::no_role("master, worker NAME, client"),
    })
}

//! A master whose results go through a pipeline on their way to the client.
//!
//! Everything in one process: `cargo run --example master_pipeline`
//!
//! Or a role in each terminal, in any order, with as many workers as you like:
//!
//!     cargo run --example master_pipeline master
//!     cargo run --example master_pipeline worker worker1
//!     cargo run --example master_pipeline worker worker2
//!     cargo run --example master_pipeline pipeline
//!     cargo run --example master_pipeline client

mod support;

use std::iter::repeat_n;
use std::process::ExitCode;

use palm::Call;
use support::print;

#[derive(Default)]
struct MyWorker;

#[palm::worker]
impl MyWorker {
    fn foo(&mut self, message: &[u8], call: &Call) -> Vec<u8> {
        [call.name().as_bytes(), b" processed ", message].concat()
    }
}

#[derive(Default)]
struct MyPipeline;

#[palm::pipeline]
impl MyPipeline {
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        [b"and I pipelined ", message].concat()
    }
}

fn master() -> palm::Master {
    palm::Master::new("server").pipelined(true)
}

fn worker(name: &str, db_address: &str) -> palm::Worker {
    palm::Worker::new(name, MyWorker).db_address(db_address)
}

fn pipeline(sub_address: &str) -> palm::Pipeline {
    palm::Pipeline::new("my_pipeline", MyPipeline).sub_address(sub_address).previous("server")
}

/// Sends to the master, and takes what the pipeline publishes.
fn client(db_address: &str, sub_address: &str) -> palm::Result<()> {
    let client = palm::Client::builder("server", db_address).sub_address(sub_address).connect()?;
    let functions = ["server.foo", "my_pipeline.foo"];
    let messages = repeat_n("a message", 10);
    for reply in client.job(functions, messages).messages(10) {
        let reply = reply?;
        print(&reply);
        assert!(reply.starts_with(b"and I pipelined worker"));
        assert!(reply.ends_with(b" processed a message"));
    }
    Ok(())
}

fn everything() -> palm::Result<()> {
    let master = master().start()?;
    let db_address = master.address("db_address")?;
    let _worker1 = worker("worker1", &db_address).start()?;
    let _worker2 = worker("worker2", &db_address).start()?;
    let pipeline = pipeline(&master.address("pub_address")?).start()?;
    client(&db_address, &pipeline.address("pub_address")?)
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["master"] => master()
            .pull_address("tcp://127.0.0.1:5555")
            .pub_address("tcp://127.0.0.1:5556")
            .worker_pull_address("tcp://127.0.0.1:5557")
            .worker_push_address("tcp://127.0.0.1:5558")
            .db_address("tcp://127.0.0.1:5559")
            .run(),
        ["worker", name] => worker(name, "tcp://127.0.0.1:5559").run(),
        ["pipeline"] => pipeline("tcp://127.0.0.1:5556")
            .db_address("tcp://127.0.0.1:5560")
            .pub_address("tcp://127.0.0.1:5561")
            .run(),
        ["client"] => client("tcp://127.0.0.1:5559", "tcp://127.0.0.1:5561"),
        _ => support::no_role("master, worker NAME, pipeline, client"),
    })
}

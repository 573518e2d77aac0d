//! A server whose results go on to a hub, which has workers as a master has.
//!
//! Everything in one process: `cargo run --example server_hub`
//!
//! Or a role in each terminal, in any order, with as many workers as you like:
//!
//!     cargo run --example server_hub server
//!     cargo run --example server_hub hub
//!     cargo run --example server_hub worker worker1
//!     cargo run --example server_hub client

mod support;

use std::process::ExitCode;

use palm::Call;
use support::print;

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        tracing::warn!("Got a message");
        [b"you sent me ", message].concat()
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

fn server() -> palm::Server {
    palm::Server::new("server", MyServer).pipelined(true)
}

fn hub(sub_address: &str) -> palm::Hub {
    palm::Hub::new("hub").sub_address(sub_address).previous("server")
}

fn worker(name: &str, db_address: &str) -> palm::Worker {
    palm::Worker::new(name, MyWorker).db_address(db_address)
}

/// Sends to the server, and takes what the hub publishes.
fn client(db_address: &str, sub_address: &str) -> palm::Result<()> {
    let client = palm::Client::builder("server", db_address).sub_address(sub_address).connect()?;
    let reply = client.eval(["server.foo", "hub.foo"], "a message")?;
    print(format_args!("Client got:  {reply:?}"));
    assert!(reply.ends_with(b" processed you sent me a message"));
    Ok(())
}

fn everything() -> palm::Result<()> {
    let server = server().start()?;
    let hub = hub(&server.address("pub_address")?).start()?;
    let _worker = worker("worker1", &hub.address("db_address")?).start()?;
    client(&server.address("db_address")?, &hub.address("pub_address")?)
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["server"] => server()
            .db_address("tcp://127.0.0.1:5555")
            .pull_address("tcp://127.0.0.1:5556")
            .pub_address("tcp://127.0.0.1:5557")
            .run(),
        ["hub"] => hub("tcp://127.0.0.1:5557")
            .pub_address("tcp://127.0.0.1:5558")
            .worker_pull_address("tcp://127.0.0.1:5559")
            .worker_push_address("tcp://127.0.0.1:5560")
            .db_address("tcp://127.0.0.1:5561")
            .run(),
        ["worker", name] => worker(name, "tcp://127.0.0.1:5561").run(),
        ["client"] => client("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5558"),
        _ => support::no_role("server, hub, worker NAME, client"),
    })
}

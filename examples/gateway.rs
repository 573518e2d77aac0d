//! A master turned into a microservice: callers speak HTTP, and workers do what they ask for.
//!
//! Everything in one process: `cargo run --features http --example gateway`
//!
//! Or a role in each terminal, in any order, with as many workers as you like:
//!
//!     cargo run --features http --example gateway microservice
//!     cargo run --features http --example gateway worker worker1
//!     cargo run --features http --example gateway worker worker2
//!     cargo run --features http --example gateway client

mod support;

use std::process::ExitCode;

use palm::client::Reply;
use palm::http::{GatewayDealer, GatewayRouter, HttpGateway};
use palm::part::{Address, CacheService, WorkerPullService, WorkerPushService};
use support::print;

palm::topology! {
    /// Hands what comes over HTTP to workers, and their results back.
    struct Microservice {
        inbound  GatewayRouter: GatewayRouter     = "inproc://gateway_router" => WorkerPush;
        inbound  WorkerPull:    WorkerPullService = "tcp://127.0.0.1:5557"    => GatewayDealer;
        outbound WorkerPush:    WorkerPushService = "tcp://127.0.0.1:5558";
        outbound GatewayDealer: GatewayDealer     = "inproc://gateway_router";
        bypass   HttpGateway:   HttpGateway       = "http://localhost:8888";
        bypass   Cache:         CacheService      = "tcp://127.0.0.1:5559";
    }
}

struct MyWorker;

#[palm::worker]
impl MyWorker {
    fn function(&mut self, _message: &[u8]) -> &'static [u8] {
        b"acknowledged"
    }
}

fn worker(name: &str, db_address: &str) -> palm::Worker {
    palm::Worker::new(name, MyWorker).db_address(db_address)
}

fn client(address: &str) -> palm::Result<()> {
    let failed = |error: ureq::Error| palm::Error::System { action: "call the microservice", source: error.into() };
    let mut response = ureq::get(format!("{address}/function")).call().map_err(failed)?;
    let body = response.body_mut().read_to_vec().map_err(failed)?;
    assert_eq!(body, b"acknowledged");
    print(Reply::from(palm::Bytes::from(body)));
    Ok(())
}

fn everything() -> palm::Result<()> {
    let microservice = Microservice::new("server")
        .worker_pull_address(Address::any())
        .worker_push_address(Address::any())
        .http_gateway_address(Address::any())
        .cache_address(Address::any())
        .start()?;
    let db_address = microservice.address("db_address")?;
    let _worker1 = worker("worker1", &db_address).start()?;
    let _worker2 = worker("worker2", &db_address).start()?;
    client(&microservice.address("http_address")?)
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["microservice"] => Microservice::new("server").run(),
        ["worker", name] => worker(name, "tcp://127.0.0.1:5559").run(),
        ["client"] => client("http://localhost:8888"),
        _ => support::no_role("microservice, worker NAME, client"),
    })
}

//! A master whose workers are on the web.
//!
//! Everything in one process: `cargo run --features http --example http`
//!
//! Or a role in each terminal, in any order:
//!
//!     cargo run --features http --example http master
//!     cargo run --features http --example http web_worker
//!     cargo run --features http --example http client

mod support;

use std::iter::repeat_n;
use std::process::ExitCode;

use palm::http::{HttpConnection, HttpWorker};
use palm::part::{Address, CacheService, PubService, PullService};
use support::print;

palm::topology! {
    /// Hands what clients send to a web worker, and its results back.
    struct Master {
        inbound  Pull:           PullService    = "tcp://127.0.0.1:5555"  => HttpConnection;
        outbound HttpConnection: HttpConnection { max_workers: 1 } = "http://localhost:8888" => Pub;
        outbound Pub:            PubService     = "tcp://127.0.0.1:5556";
        bypass   Cache:          CacheService   = "tcp://127.0.0.1:5559";
    }
}

struct MyHandler;

#[palm::worker]
impl MyHandler {
    fn foo(&mut self, payload: &[u8]) -> Vec<u8> {
        [payload, b" processed online"].concat()
    }
}

fn client(db_address: &str) -> palm::Result<()> {
    let client = palm::Client::connect("server", db_address)?;
    for reply in client.job("server.foo", repeat_n("a message", 10)).messages(10) {
        let reply = reply?;
        print(&reply);
        assert_eq!(reply, "a message processed online");
    }
    Ok(())
}

fn everything() -> palm::Result<()> {
    let web_worker = HttpWorker::new("web_worker", MyHandler).start()?;
    let master = Master::new("server")
        .pull_address(Address::any())
        .http_connection_address(web_worker.address("http_address")?)
        .pub_address(Address::any())
        .cache_address(Address::any())
        .start()?;
    client(&master.address("db_address")?)
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["master"] => Master::new("server").run(),
        ["web_worker"] => HttpWorker::new("web_worker", MyHandler).address("localhost:8888").run(),
        ["client"] => client("tcp://127.0.0.1:5559"),
        _ => support::no_role("master, web_worker, client"),
    })
}

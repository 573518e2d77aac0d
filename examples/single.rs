//! A server and a client that calls one of its methods.
//!
//! Everything in one process: `cargo run --example single`
//!
//! Or a role in each terminal, in any order:
//!
//!     cargo run --example single server
//!     cargo run --example single client

mod support;

use std::process::ExitCode;

use support::print;

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    /// Answers with what it got.
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        tracing::warn!("Got a message");
        [b"you sent me ", message].concat()
    }
}

fn client(db_address: &str) -> palm::Result<()> {
    let client = palm::Client::connect("my_server", db_address)?;
    let reply = client.eval("my_server.foo", "a message")?;
    print(format_args!("Client got:  {reply:?}"));
    assert_eq!(reply, "you sent me a message");
    Ok(())
}

fn everything() -> palm::Result<()> {
    let server = palm::Server::new("my_server", MyServer).start()?;
    client(&server.address("db_address")?)
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["server"] => palm::Server::new("my_server", MyServer)
            .db_address("tcp://127.0.0.1:5555")
            .pull_address("tcp://127.0.0.1:5556")
            .pub_address("tcp://127.0.0.1:5557")
            .run(),
        ["client"] => client("tcp://127.0.0.1:5555"),
        _ => support::no_role("server, client"),
    })
}

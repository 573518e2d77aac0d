//! A server whose results go on to a sink, and from there to the client.
//!
//! A sink can take from any number of components; here it is one. The `stream_sink` example has two.
//!
//! Everything in one process: `cargo run --example sink`
//!
//! Or a role in each terminal, in any order:
//!
//!     cargo run --example sink server
//!     cargo run --example sink sink
//!     cargo run --example sink client

mod support;

use std::process::ExitCode;

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
struct MySink;

#[palm::sink]
impl MySink {
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        tracing::warn!("Got a message");
        [b"and I pipelined ", message].concat()
    }
}

fn server() -> palm::Server {
    palm::Server::new("my_server", MyServer).pipelined(true)
}

fn sink(sub_address: &str) -> palm::Sink {
    palm::Sink::new("my_pipeline", MySink).sub_addresses([sub_address]).previous(["my_server"])
}

/// Sends to the server, and takes what the sink publishes.
fn client(db_address: &str, sub_address: &str) -> palm::Result<()> {
    let client = palm::Client::builder("my_server", db_address).sub_address(sub_address).connect()?;
    let reply = client.eval(["my_server.foo", "my_pipeline.foo"], "a message")?;
    print(format_args!("Client got:  {reply:?}"));
    assert_eq!(reply, "and I pipelined you sent me a message");
    Ok(())
}

fn everything() -> palm::Result<()> {
    let server = server().start()?;
    let sink = sink(&server.address("pub_address")?).start()?;
    client(&server.address("db_address")?, &sink.address("pub_address")?)
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["server"] => server()
            .db_address("tcp://127.0.0.1:5555")
            .pull_address("tcp://127.0.0.1:5556")
            .pub_address("tcp://127.0.0.1:5557")
            .run(),
        ["sink"] => {
            sink("tcp://127.0.0.1:5557").db_address("tcp://127.0.0.1:5560").pub_address("tcp://127.0.0.1:5561").run()
        }
        ["client"] => client("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5561"),
        _ => support::no_role("server, sink, client"),
    })
}

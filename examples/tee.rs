//! A server whose results go on to two pipelines: one answers the client, the other only looks on.
//!
//! Everything in one process: `cargo run --example tee`
//!
//! Or a role in each terminal, in any order:
//!
//!     cargo run --example tee server
//!     cargo run --example tee pipeline_close
//!     cargo run --example tee pipeline_echo
//!     cargo run --example tee client

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
struct MyPipeline;

#[palm::pipeline]
impl MyPipeline {
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        tracing::warn!("Got a message");
        [b"and I pipelined ", message].concat()
    }
}

/// Lets the messages pass by: a method without a result delivers nothing.
#[derive(Default)]
struct Echo;

#[palm::pipeline]
impl Echo {
    fn foo(&mut self, message: &str) {
        tracing::warn!("Echo: {message}");
    }
}

/// Each result waits until both pipelines are there.
fn server() -> palm::Server {
    palm::Server::new("my_server", MyServer).pipelined(true).expected_subscribers(2)
}

fn pipeline_close(sub_address: &str) -> palm::Pipeline {
    palm::Pipeline::new("my_pipeline", MyPipeline).sub_address(sub_address).previous("my_server")
}

fn pipeline_echo(sub_address: &str) -> palm::Pipeline {
    palm::Pipeline::new("my_pipeline", Echo).sub_address(sub_address).previous("my_server")
}

/// Sends to the server, and takes what the first pipeline publishes.
fn client(db_address: &str, sub_address: &str) -> palm::Result<()> {
    let client = palm::Client::builder("my_server", db_address).sub_address(sub_address).connect()?;
    let reply = client.eval(["my_server.foo", "my_pipeline.foo"], "a message")?;
    print(format_args!("Client got:  {reply:?}"));
    assert_eq!(reply, "and I pipelined you sent me a message");
    Ok(())
}

fn everything() -> palm::Result<()> {
    let server = server().start()?;
    let server_pub = server.address("pub_address")?;
    let close = pipeline_close(&server_pub).start()?;
    let _echo = pipeline_echo(&server_pub).start()?;
    client(&server.address("db_address")?, &close.address("pub_address")?)
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["server"] => server()
            .db_address("tcp://127.0.0.1:5555")
            .pull_address("tcp://127.0.0.1:5556")
            .pub_address("tcp://127.0.0.1:5557")
            .run(),
        ["pipeline_close"] => pipeline_close("tcp://127.0.0.1:5557")
            .db_address("tcp://127.0.0.1:5560")
            .pub_address("tcp://127.0.0.1:5561")
            .run(),
        ["pipeline_echo"] => pipeline_echo("tcp://127.0.0.1:5557")
            .db_address("tcp://127.0.0.1:5570")
            .pub_address("tcp://127.0.0.1:5571")
            .run(),
        ["client"] => client("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5561"),
        _ => support::no_role("server, pipeline_close, pipeline_echo, client"),
    })
}

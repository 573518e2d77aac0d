//! A server that sends every other result to one pipeline and the rest to another, and a sink that joins them again.
//!
//! Everything in one process: `cargo run --example stream_sink`
//!
//! Or a role in each terminal, in any order:
//!
//!     cargo run --example stream_sink server
//!     cargo run --example stream_sink pipeline_even
//!     cargo run --example stream_sink pipeline_odd
//!     cargo run --example stream_sink sink
//!     cargo run --example stream_sink client

mod support;

use std::iter::repeat_n;
use std::process::ExitCode;

use palm::Message;
use support::print;

#[derive(Default)]
struct MyServer {
    counter: u32,
}

#[palm::server]
impl MyServer {
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        [b"you sent me ", message].concat()
    }

    /// Even messages go one way, odd ones the other.
    fn handle_stream(&mut self, message: &mut Message) -> &'static str {
        message.next_stage();
        self.counter += 1;
        if self.counter % 2 == 1 { "even" } else { "odd" }
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

#[derive(Default)]
struct MySink;

#[palm::sink]
impl MySink {
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        [b"and gathered ", message].concat()
    }
}

fn server() -> palm::Server {
    palm::Server::new("my_server", MyServer::default()).pipelined(true)
}

/// One of the two pipelines: its results go on, not back to the client.
fn pipeline(sub_address: &str, topic: &str) -> palm::Pipeline {
    palm::Pipeline::new("my_pipeline", MyPipeline).sub_address(sub_address).previous(topic).to_client(false)
}

fn sink(sub_addresses: [&str; 2]) -> palm::Sink {
    palm::Sink::new("my_sink", MySink).sub_addresses(sub_addresses).previous(["my_pipeline", "my_pipeline"])
}

/// Sends to the server, and takes what the sink publishes.
fn client(db_address: &str, sub_address: &str) -> palm::Result<()> {
    let client = palm::Client::builder("my_server", db_address).sub_address(sub_address).connect()?;
    let functions = ["my_server.foo", "my_pipeline.foo", "my_sink.foo"];
    let messages = repeat_n("a message", 10);
    for reply in client.job(functions, messages).messages(10) {
        let reply = reply?;
        print(format_args!("Client got:  {reply:?}"));
        assert_eq!(reply, "and gathered and I pipelined you sent me a message");
    }
    Ok(())
}

fn everything() -> palm::Result<()> {
    let server = server().start()?;
    let server_pub = server.address("pub_address")?;
    let even = pipeline(&server_pub, "even").start()?;
    let odd = pipeline(&server_pub, "odd").start()?;
    let sink = sink([&even.address("pub_address")?, &odd.address("pub_address")?]).start()?;
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
        ["pipeline_even"] => pipeline("tcp://127.0.0.1:5557", "even")
            .db_address("tcp://127.0.0.1:5560")
            .pub_address("tcp://127.0.0.1:5561")
            .run(),
        ["pipeline_odd"] => pipeline("tcp://127.0.0.1:5557", "odd")
            .db_address("tcp://127.0.0.1:5570")
            .pub_address("tcp://127.0.0.1:5571")
            .run(),
        ["sink"] => sink(["tcp://127.0.0.1:5561", "tcp://127.0.0.1:5571"])
            .db_address("tcp://127.0.0.1:5580")
            .pub_address("tcp://127.0.0.1:5581")
            .run(),
        ["client"] => client("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5581"),
        _ => support::no_role("server, pipeline_even, pipeline_odd, sink, client"),
    })
}

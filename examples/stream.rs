//! A server that sends every other result to one pipeline, and the rest to another.
//!
//! Of the ten messages, five come back to the client; the other pipeline keeps its own to itself.
//!
//! Everything in one process: `cargo run --example stream`
//!
//! Or a role in each terminal, in any order:
//!
//!     cargo run --example stream server
//!     cargo run --example stream pipeline_close
//!     cargo run --example stream pipeline_echo
//!     cargo run --example stream client

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

/// Lets the messages pass by: a method without a result delivers nothing.
#[derive(Default)]
struct Echo;

#[palm::pipeline]
impl Echo {
    fn foo(&mut self, message: &str) {
        tracing::info!("Echo: {message}");
    }
}

fn server() -> palm::Server {
    palm::Server::new("my_server", MyServer::default()).pipelined(true)
}

fn pipeline_close(sub_address: &str) -> palm::Pipeline {
    palm::Pipeline::new("my_pipeline", MyPipeline).sub_address(sub_address).previous("even")
}

fn pipeline_echo(sub_address: &str) -> palm::Pipeline {
    palm::Pipeline::new("my_pipeline", Echo).sub_address(sub_address).previous("odd")
}

/// Sends to the server, and takes what the first pipeline publishes.
fn client(db_address: &str, sub_address: &str) -> palm::Result<()> {
    let client = palm::Client::builder("my_server", db_address).sub_address(sub_address).connect()?;
    let functions = ["my_server.foo", "my_pipeline.foo"];
    let messages = repeat_n("a message", 10);
    for reply in client.job(functions, messages).messages(5) {
        let reply = reply?;
        print(format_args!("Client got:  {reply:?}"));
        assert_eq!(reply, "and I pipelined you sent me a message");
    }
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

//! A server with a method that panics: its caller gets an error, and the server lives on.
//!
//! Everything in one process: `cargo run --example error`
//!
//! Or a role in each terminal, in any order:
//!
//!     cargo run --example error server
//!     cargo run --example error client

mod support;

use std::process::ExitCode;

use palm::Reply;
use support::print;

#[derive(Default)]
struct MyServer;

#[palm::server]
impl MyServer {
    /// Doubles a number, and has a bug: not everything is a number.
    fn foo(&mut self, message: &str) -> String {
        let number: u32 = message.parse().expect("the message is a number");
        (2 * number).to_string()
    }
}

/// Calls the method twice, first with what it cannot cope with.
fn client(db_address: &str) -> palm::Result<[palm::Result<Reply>; 2]> {
    let client = palm::Client::connect("my_server", db_address)?;
    let answers = ["a message", "21"].map(|message| client.eval("my_server.foo", message));
    for answer in &answers {
        match answer {
            Ok(reply) => print(format_args!("Client got:  {reply:?}")),
            Err(error) => print(format_args!("Client got an error: {error}")),
        }
    }
    Ok(answers)
}

fn everything() -> palm::Result<()> {
    let server = palm::Server::new("my_server", MyServer).start()?;
    let [first, second] = client(&server.address("db_address")?)?;
    assert!(matches!(first, Err(palm::Error::Remote { .. })));
    assert_eq!(second?, "42");
    Ok(())
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["server"] => palm::Server::new("my_server", MyServer)
            .db_address("tcp://127.0.0.1:5555")
            .pull_address("tcp://127.0.0.1:5556")
            .pub_address("tcp://127.0.0.1:5557")
            .run(),
        ["client"] => client("tcp://127.0.0.1:5555").map(drop),
        _ => support::no_role("server, client"),
    })
}

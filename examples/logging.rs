//! Log lines with a level for each component: the master tells of trouble only, the workers of their progress as well.
//!
//! A component's level holds for the lines of this library, which its feature `log` has. They go to stderr;
//! the client's answers, on stdout, are those of the `gather` example.
//!
//! Everything in one process: `cargo run --features log --example logging`
//!
//! Or a role in each terminal, in any order, with as many workers as you like:
//!
//!     cargo run --features log --example logging master
//!     cargo run --features log --example logging worker worker1
//!     cargo run --features log --example logging worker worker2
//!     cargo run --features log --example logging client

mod support;

use std::iter::repeat_n;
use std::process::ExitCode;

use palm::{Call, Level, Message, Reply};
use support::print;

#[derive(Default)]
struct MyMaster {
    counter: u32,
}

#[palm::master]
impl MyMaster {
    /// Every message goes out three times.
    fn scatter(&mut self, message: Message) -> impl Iterator<Item = Message> {
        repeat_n(message, 3)
    }

    /// The thirtieth result is replaced.
    fn gather(&mut self, message: Message) -> Message {
        self.counter += 1;
        tracing::debug!("Got result {}", self.counter);
        if self.counter == 30 {
            tracing::error!("Changing the payload of the message");
            message.with_payload("final message")
        } else {
            message
        }
    }
}

#[derive(Default)]
struct MyWorker {
    calls: u32,
}

#[palm::worker]
impl MyWorker {
    fn foo(&mut self, message: &[u8], call: &Call) -> palm::Result<Vec<u8>> {
        self.calls += 1;
        if self.calls.is_multiple_of(10) {
            tracing::info!("Processed {} messages", self.calls);
        }
        let cached = call.cache().get("cached")?.unwrap_or_default();
        Ok([call.name().as_bytes(), &cached, message].concat())
    }
}

fn master() -> palm::Master {
    palm::Master::with("server", MyMaster::default()).log_level(Level::WARN)
}

fn worker(name: &str, db_address: &str) -> palm::Worker {
    palm::Worker::new(name, MyWorker::default()).log_level(Level::INFO).db_address(db_address)
}

fn client(db_address: &str) -> palm::Result<Vec<Reply>> {
    let client = palm::Client::connect("server", db_address)?;
    client.set(" cached data ", "cached")?;
    print(client.get("cached")?.unwrap_or_default());

    let mut replies = Vec::new();
    let messages = repeat_n("a message", 10);
    for reply in client.job("server.foo", messages).messages(30) {
        let reply = reply?;
        print(&reply);
        replies.push(reply);
    }
    Ok(replies)
}

fn everything() -> palm::Result<()> {
    let master = master().start()?;
    let db_address = master.address("db_address")?;
    let _worker1 = worker("worker1", &db_address).start()?;
    let _worker2 = worker("worker2", &db_address).start()?;
    let replies = client(&db_address)?;
    assert_eq!(replies[29], "final message");
    let cached = |reply: &Reply| reply.ends_with(b" cached data a message");
    assert!(replies[..29].iter().all(cached));
    Ok(())
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
        ["client"] => client("tcp://127.0.0.1:5559").map(drop),
        _ => support::no_role("master, worker NAME, client"),
    })
}

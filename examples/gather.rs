//! A master that looks at the results of its workers on their way back, and changes the last one.
//!
//! Everything in one process: `cargo run --example gather`
//!
//! Or a role in each terminal, in any order, with as many workers as you like:
//!
//!     cargo run --example gather master
//!     cargo run --example gather worker worker1
//!     cargo run --example gather worker worker2
//!     cargo run --example gather client

mod support;

use std::iter::repeat_n;
use std::process::ExitCode;

use palm::{Call, Message, Reply};
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
        if self.counter == 30 { message.with_payload("final message") } else { message }
    }
}

#[derive(Default)]
struct MyWorker;

#[palm::worker]
impl MyWorker {
    fn foo(&mut self, message: &[u8], call: &Call) -> palm::Result<Vec<u8>> {
        let cached = call.cache().get("cached")?.unwrap_or_default();
        Ok([call.name().as_bytes(), &cached, message].concat())
    }
}

fn worker(name: &str, db_address: &str) -> palm::Worker {
    palm::Worker::new(name, MyWorker).db_address(db_address)
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
    let master = palm::Master::with("server", MyMaster::default()).start()?;
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
        ["master"] => palm::Master::with("server", MyMaster::default())
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

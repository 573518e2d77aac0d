//! Components as executables with arguments of their own, as a registry's runner starts them.
//!
//! Everything in one process: `cargo run --features cli --example applications`
//!
//! Or a role in each terminal, in any order; `--help` tells of the addresses:
//!
//!     cargo run --features cli --example applications master --name server
//!     cargo run --features cli --example applications worker
//!     cargo run --features cli --example applications launcher --server server --function foo

#[expect(dead_code, reason = "the command line says itself which roles there are")]
mod support;

use std::iter::repeat_n;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::FalseyValueParser;
use palm::Call;
use support::print;

#[derive(Default)]
struct MyWorker;

#[palm::worker]
impl MyWorker {
    fn foo(&mut self, message: &[u8], call: &Call) -> Vec<u8> {
        [call.name().as_bytes(), b" processed", message].concat()
    }
}

#[derive(Parser)]
enum Application {
    /// Hands messages to workers.
    Master {
        /// Name of the component
        #[arg(long)]
        name: String,
        /// Address that clients push to
        #[arg(long, default_value = "tcp://127.0.0.1:5555")]
        pull: String,
        /// Address that results are published at
        #[arg(long, default_value = "tcp://127.0.0.1:5556")]
        r#pub: String,
        /// Address that workers pull from
        #[arg(long, default_value = "tcp://127.0.0.1:5557")]
        wpush: String,
        /// Address that workers push to
        #[arg(long, default_value = "tcp://127.0.0.1:5558")]
        wpull: String,
        /// Address of the cache
        #[arg(long, default_value = "tcp://127.0.0.1:5559")]
        db: String,
        /// Allows addresses beyond loopback, unencrypted as they are
        #[arg(long, env = "PALM_RUN_INSECURE", value_parser = FalseyValueParser::new())]
        insecure: bool,
    },
    /// Does the work of a master.
    Worker {
        /// Name of the component [default: a UUID]
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// Address of the master's cache
        #[arg(long, default_value = "tcp://127.0.0.1:5559")]
        db: String,
    },
    /// Sends ten messages and prints their results.
    Launcher {
        /// Name of the component to connect to
        #[arg(long)]
        server: String,
        /// Name of the function to call
        #[arg(long)]
        function: String,
        /// Address of that component's cache
        #[arg(long, default_value = "tcp://127.0.0.1:5559")]
        db: String,
    },
}

impl Application {
    fn run(self) -> palm::Result<()> {
        match self {
            Self::Master { name, pull, r#pub, wpush, wpull, db, insecure } => {
                let master = palm::Master::new(name)
                    .pull_address(pull)
                    .pub_address(r#pub)
                    .worker_push_address(wpush)
                    .worker_pull_address(wpull)
                    .db_address(db);
                if insecure { master.insecure() } else { master }.run()
            }
            Self::Worker { name, db } => palm::Worker::new(name, MyWorker).db_address(db).run(),
            Self::Launcher { server, function, db } => launch(&server, &function, &db),
        }
    }
}

fn launch(server: &str, function: &str, db_address: &str) -> palm::Result<()> {
    let client = palm::Client::connect(server, db_address)?;
    let function = format!("{server}.{function}");
    let messages = repeat_n(" a message", 10);
    for reply in client.job(&function, messages).messages(10) {
        let reply = reply?;
        print(&reply);
        assert!(reply.ends_with(b" processed a message"));
    }
    Ok(())
}

fn everything() -> palm::Result<()> {
    let master = palm::Master::new("server").start()?;
    let db_address = master.address("db_address")?;
    let _worker1 = palm::Worker::new("worker1", MyWorker).db_address(&db_address).start()?;
    let _worker2 = palm::Worker::new("worker2", MyWorker).db_address(&db_address).start()?;
    launch("server", "foo", &db_address)
}

fn main() -> ExitCode {
    support::run(|words| match words {
        [] => everything(),
        _ => Application::parse().run(),
    })
}

//! Measures a server, or a master and its workers, by payloads that come back as they went.
//!
//! Everything in one process, and small: `cargo run --release --example perf`
//!
//! Or a role in each terminal, for S the first of these alone, for M the others:
//!
//!     cargo run --release --example perf server
//!     cargo run --release --example perf master
//!     cargo run --release --example perf worker worker1
//!     cargo run --release --example perf worker worker2
//!
//! and then how many messages go through in a second, or how long one takes there and back, of so many bytes each:
//!
//!     cargo run --release --example perf client 1000000 150
//!     cargo run --release --example perf latency 10000 150
//!
//! `WORK_US=100` makes a worker spend 100 microseconds a message. `WIRE=classic` makes every role use the classic sockets only.

mod support;

use std::hint::spin_loop;
use std::iter::repeat_n;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use palm::{Bytes, Client, Master, Result, Server, Worker};
use support::print;

const DB: &str = "tcp://127.0.0.1:7559";
const PULL: &str = "tcp://127.0.0.1:7555";
const PUB: &str = "tcp://127.0.0.1:7556";
const WORKER_PULL: &str = "tcp://127.0.0.1:7557";
const WORKER_PUSH: &str = "tcp://127.0.0.1:7558";

/// Calls before those that count.
const UNCOUNTED: usize = 200;

struct Echo;

#[palm::server]
impl Echo {
    fn foo(&mut self, message: Bytes) -> Bytes {
        message
    }
}

struct Work {
    time: Duration,
}

#[palm::worker]
impl Work {
    fn foo(&mut self, message: Bytes) -> Bytes {
        spend(self.time);
        message
    }
}

/// A sleep ends up to a tenth of a millisecond late, so the last of the time is waited for awake.
fn spend(time: Duration) {
    if time.is_zero() {
        return;
    }
    let end = Instant::now() + time;
    sleep(time.saturating_sub(Duration::from_micros(100)));
    while Instant::now() < end {
        spin_loop();
    }
}

fn is_classic() -> bool {
    std::env::var("WIRE").is_ok_and(|wire| wire == "classic")
}

fn server() -> Server {
    let server = Server::new("server", Echo);
    if is_classic() { server.classic() } else { server }
}

fn master() -> Master {
    let master = Master::new("server");
    if is_classic() { master.classic() } else { master }
}

fn worker(name: &str, db_address: &str) -> Worker {
    let micros = std::env::var("WORK_US").ok().and_then(|micros| micros.parse().ok());
    let work = Work { time: Duration::from_micros(micros.unwrap_or_default()) };
    let worker = Worker::new(name, work).db_address(db_address);
    if is_classic() { worker.classic() } else { worker }
}

fn connect(db_address: &str) -> Result<Client> {
    let client = Client::builder("server", db_address);
    if is_classic() { client.classic() } else { client }.connect()
}

/// A job of `count` messages of `size` bytes, from the first one sent to the last answer.
fn throughput(db_address: &str, count: usize, size: usize) -> Result<()> {
    let client = connect(db_address)?;
    let payload = Bytes::from(vec![b'x'; size]);
    let (mut answered, mut failure) = (0_usize, None);
    let start = Instant::now();
    for reply in client.job("server.foo", repeat_n(payload, count)).messages(count) {
        match reply {
            Ok(reply) => {
                assert_eq!(reply.len(), size);
                answered += 1;
            }
            Err(error) => failure = Some(error),
        }
    }
    let rate = answered as f64 / start.elapsed().as_secs_f64();
    let megabytes = rate * size as f64 / 1e6;
    print(format_args!("palm: {answered} of {count} answered {rate:.0} msg/s {megabytes:.1} MB/s"));
    failure.map_or(Ok(()), Err)
}

/// `count` calls of `size` bytes, one after the other.
fn latency(db_address: &str, count: usize, size: usize) -> Result<()> {
    let client = connect(db_address)?;
    let payload = vec![b'x'; size];
    let call = |_| {
        let start = Instant::now();
        assert_eq!(client.eval("server.foo", &payload)?, payload);
        Ok(start.elapsed())
    };
    (0..UNCOUNTED).try_for_each(|number| call(number).map(drop))?;
    let mut times = (0..count).map(call).collect::<Result<Vec<_>>>()?;
    times.sort_unstable();
    let percentile = |percent| times.get(count * percent / 100).map_or(0, Duration::as_micros);
    print(format_args!("palm latency us p50 {} p99 {}", percentile(50), percentile(99)));
    Ok(())
}

fn everything() -> Result<()> {
    let measure = |db_address: &str| {
        throughput(db_address, 20_000, 150)?;
        throughput(db_address, 200, 100_000)?;
        latency(db_address, 500, 150)
    };
    measure(&server().start()?.address("db_address")?)?;
    let master = master().start()?;
    let db_address = master.address("db_address")?;
    let _worker1 = worker("worker1", &db_address).start()?;
    let _worker2 = worker("worker2", &db_address).start()?;
    measure(&db_address)
}

/// A word of the command line that says how many.
fn number(word: &str) -> usize {
    word.parse().unwrap_or_else(|_| support::no_role("client N SIZE, latency N SIZE, with whole numbers"))
}

fn main() -> ExitCode {
    support::run(|role| match role {
        [] => everything(),
        ["server"] => server().pull_address(PULL).pub_address(PUB).db_address(DB).run(),
        ["master"] => master()
            .pull_address(PULL)
            .pub_address(PUB)
            .worker_pull_address(WORKER_PULL)
            .worker_push_address(WORKER_PUSH)
            .db_address(DB)
            .run(),
        ["worker", name] => worker(name, DB).run(),
        ["client", count, size] => throughput(DB, number(count), number(size)),
        ["latency", count, size] => latency(DB, number(count), number(size)),
        _ => support::no_role("server, master, worker NAME, client N SIZE, latency N SIZE"),
    })
}

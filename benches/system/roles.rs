//! The roles of the systems that are written here, without the library, and how they are played.

use std::time::Duration;

use crate::load::{Caller, measure};
use crate::peer::BoxError;

/// What only says that a path is open. A worker answers it with its number, so that the client knows when all are there.
pub(crate) const PROBE: &[u8] = b"?";

/// Payloads that a client has under way at most: with as many messages as a job of this library has, and as few bytes as it tries.
/// More of large payloads is slower for everybody.
pub(crate) fn window(size: usize) -> usize {
    const MESSAGES: usize = 8_192;
    const BYTES: usize = 1_280 << 10;
    (BYTES / size).clamp(1, MESSAGES)
}

/// Each says when it is ready and at which addresses, and goes on until its process is ended or its peers are gone.
pub(crate) trait Roles: Sized {
    type Client: Caller;

    fn server(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError>;

    fn master(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError>;

    /// `addresses` are the master's, `number` is one digit.
    fn worker(self, addresses: &[&str], number: &str, ready: impl FnOnce(&[String])) -> Result<(), BoxError>;

    /// A client with one payload of that size, connected to everybody who answers.
    fn client(self, addresses: &[&str], answering: usize, size: usize) -> Result<Self::Client, BoxError>;
}

pub(crate) fn play(system: impl Roles, words: &[&str]) -> Result<(), BoxError> {
    let ready = |addresses: &[String]| say(&format!("ready {}", addresses.join(" ")));
    match *words {
        ["server"] => system.server(ready),
        ["master"] => system.master(ready),
        ["worker", number, addresses] => system.worker(&split(addresses), number, ready),
        ["client", addresses, size, seconds, calls, answering] => {
            let mut client = system.client(&split(addresses), answering.parse()?, size.parse()?)?;
            report(&mut client, seconds, calls)
        }
        _ => Err("no such role".into()),
    }
}

/// What a client does, in every system.
pub(crate) fn report(client: &mut impl Caller, seconds: &str, calls: &str) -> Result<(), BoxError> {
    let time = Duration::from_secs_f64(seconds.parse()?);
    say(&format!("sample {}", measure(client, time, calls.parse()?)?));
    Ok(())
}

fn split(addresses: &str) -> Vec<&str> {
    addresses.split(' ').collect()
}

#[expect(clippy::print_stdout, reason = "it is how a role answers")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

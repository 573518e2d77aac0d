//! `palm doctor`: what this machine has and lacks.

mod machine;
mod network;

use std::time::Instant;

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::table::Table;

/// Tells what this machine has and lacks: libzmq, limits, ports in use, clock, tools
///
/// Exit code 1 if something does not work that everything else needs.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Prints an array of objects: `{"what", "state", "text"}`, the state `ok`, `note` or `fault`
    #[arg(long)]
    json: bool,
}

/// What was found out about one thing.
#[derive(Debug)]
struct Finding {
    what: &'static str,
    state: State,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    /// Some use of PALM needs something that is not there.
    Note,
    /// Nothing works so.
    Fault,
}

impl Finding {
    fn new(what: &'static str, state: State, text: impl Into<String>) -> Self {
        Self { what, state, text: text.into() }
    }
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Fault => "fault",
        }
    }

    /// A thing that some uses need.
    const fn needed(there: bool) -> Self {
        if there { Self::Ok } else { Self::Note }
    }
}

impl Doctor {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut findings = vec![libzmq(), round_trip()];
        findings.extend(machine::findings());
        findings.extend(network::findings());
        if self.json {
            let json = |finding: &Finding| json!({ "what": finding.what, "state": finding.state.word(), "text": finding.text });
            print_json(&findings.iter().map(json).collect::<Value>())?;
        } else {
            let mut table = Table::new(&["STATE", "WHAT", "FOUND"]);
            for Finding { what, state, text } in &findings {
                table.row(vec![state.word().to_owned(), (*what).to_owned(), text.clone()]);
            }
            print(table.text())?;
        }
        let faults = findings.iter().filter(|finding| finding.state == State::Fault).count();
        if faults == 0 { Ok(()) } else { Err(Failure::failed(format!("{faults} faults were found"))) }
    }
}

fn libzmq() -> Finding {
    let (major, minor, patch) = palm::Context::version();
    let capabilities = ["ipc", "curve", "gssapi", "pgm", "norm", "draft"];
    let (has, lacks): (Vec<_>, Vec<_>) = capabilities.into_iter().partition(|one| palm::Context::has(one));
    let list = |names: &[&str]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let text = format!("{major}.{minor}.{patch}, with {}, without {}", list(&has), list(&lacks));
    Finding::new("libzmq", State::Ok, text)
}

/// The server that is called.
struct Echo;

#[palm::server]
impl Echo {
    fn back(&mut self, message: &[u8]) -> Vec<u8> {
        message.to_vec()
    }
}

/// Starts a server and calls it over loopback.
fn round_trip() -> Finding {
    let called = || -> palm::Result<u128> {
        let server = palm::Server::new("doctor", Echo).start()?;
        let client = palm::Client::connect("doctor", server.address("db_address")?)?;
        client.eval("doctor.back", "hello")?;
        let start = Instant::now();
        client.eval("doctor.back", "hello")?;
        Ok(start.elapsed().as_micros())
    };
    match called() {
        Ok(micros) => Finding::new("a call", State::Ok, format!("a server on loopback answers in {micros} us")),
        Err(error) => Finding::new("a call", State::Fault, format!("a server on loopback does not answer: {error}")),
    }
}

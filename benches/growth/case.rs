//! One cluster at one size: how fast it was and what it cost.

use std::io::Write;
use std::sync::Barrier;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Instant;

use palm::Bytes;

use crate::methods::{self, CALLED};
use crate::ours::{self, Wire};
use crate::peer::{BoxError, Peer, role};
use crate::sockets;

/// Bytes of a payload.
const SIZE: usize = 150;
/// Clients that share a ZeroMQ context, which has room for 1,023 sockets.
const CLIENTS_A_CONTEXT: usize = 50;
/// Clients of one process.
const CLIENTS_A_PROCESS: usize = 250;

/// What passes the messages on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Library(Wire),
    /// Without the library.
    Sockets,
}

impl System {
    const fn name(self) -> &'static str {
        match self {
            Self::Library(wire) => wire.name(),
            Self::Sockets => "sockets",
        }
    }

    fn named(name: &str) -> Result<Self, BoxError> {
        if name == Self::Sockets.name() { Ok(Self::Sockets) } else { Wire::named(name).map(Self::Library) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) system: System,
    pub(crate) messages: usize,
    /// 0 for a server.
    pub(crate) workers: usize,
    pub(crate) clients: usize,
    pub(crate) methods: usize,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) rate: f64,
    /// Microseconds of processor time, of all processes together, for each message.
    pub(crate) cost: f64,
    /// What of it the server or master used.
    pub(crate) server_cost: f64,
    /// MiB that the server or master had at most.
    pub(crate) server_mib: f64,
    /// MiB that the largest process of clients had at most.
    pub(crate) client_mib: f64,
}

impl Case {
    /// Starts the roles, has the clients send, and ends them.
    pub(crate) fn sample(&self) -> Result<Sample, BoxError> {
        let system = self.system.name();
        let server = if self.workers == 0 {
            Peer::start("server", role(["server", system, &self.methods.to_string()])?)?
        } else {
            Peer::start("master", role(["master", system, &self.workers.to_string()])?)?
        };
        let db_address = server.told("ready")?;
        let mut others = Vec::new();
        for number in 0..self.workers {
            let worker = Peer::start("worker", role(["worker", system, &number.to_string(), &db_address])?)?;
            worker.told("ready")?;
            others.push(worker);
        }
        let clients = self.start_clients(&db_address)?;
        for process in &clients {
            process.told("connected")?;
        }
        let peers = || others.iter().chain(&clients);
        let before = (processor_time([&server])?, processor_time(peers())?);
        let start = Instant::now();
        for mut stdin in clients.iter().filter_map(|process| process.stdin.as_ref()) {
            writeln!(stdin, "go")?;
        }
        for process in &clients {
            process.told("done")?;
        }
        let (taken, messages) = (start.elapsed().as_secs_f64(), self.messages as f64);
        let (by_server, by_peers) = (processor_time([&server])? - before.0, processor_time(peers())? - before.1);
        let peaks = clients.iter().map(Peer::peak_mib).collect::<Result<Vec<_>, _>>()?;
        Ok(Sample {
            rate: messages / taken,
            cost: (by_server + by_peers) / messages * 1e6,
            server_cost: by_server / messages * 1e6,
            server_mib: server.peak_mib()?,
            client_mib: peaks.into_iter().fold(0.0, f64::max),
        })
    }

    fn start_clients(&self, db_address: &str) -> Result<Vec<Peer>, BoxError> {
        let processes = self.clients.div_ceil(CLIENTS_A_PROCESS);
        let share = |of: usize, number: usize| (of / processes + usize::from(number < of % processes)).to_string();
        (0..processes)
            .map(|number| {
                let (clients, messages) = (share(self.clients, number), share(self.messages, number));
                let (system, all) = (self.system.name(), self.clients.to_string());
                Peer::start(
                    "clients",
                    role(["clients", system, &clients, &all, &messages, self.function(), db_address])?,
                )
            })
            .collect()
    }

    const fn function(&self) -> &'static str {
        if self.workers == 0 { CALLED } else { "server.foo" }
    }
}

/// Seconds on a processor, of all of them together.
fn processor_time<'a>(peers: impl IntoIterator<Item = &'a Peer>) -> Result<f64, BoxError> {
    peers.into_iter().map(|peer| Ok(peer.processor_time()?.as_secs_f64())).sum()
}

/// Plays the role that these words name, until this process is ended.
pub(crate) fn play(words: &[&str], told: &Receiver<String>) -> Result<(), BoxError> {
    let started = |handle: palm::Handle| {
        say(&format!("ready {}", handle.address("db_address").unwrap_or_default()));
        Ok(handle.join()?)
    };
    match *words {
        ["server", "sockets", _] => sockets::server(|address| say(&format!("ready {address}"))),
        ["master", "sockets", workers] => {
            sockets::master(workers.parse()?, |addresses| say(&format!("ready {addresses}")))
        }
        ["worker", "sockets", _, addresses] => sockets::worker(addresses, || say("ready ")),
        ["server", wire, methods] => started(methods::server(Wire::named(wire)?, methods.parse()?)?),
        ["master", wire, workers] => started(ours::master(Wire::named(wire)?, workers.parse()?)?),
        ["worker", wire, name, db_address] => started(ours::worker(Wire::named(wire)?, name, db_address)?),
        ["clients", system, clients, all, messages, function, address] => {
            let (clients, all, messages) = (clients.parse()?, all.parse()?, messages.parse()?);
            let payload = &Bytes::from(vec![b'x'; SIZE]);
            match System::named(system)? {
                System::Library(wire) => run_clients(
                    clients,
                    messages,
                    told,
                    palm::Context::new,
                    |context| Ok(ours::client(wire, address).context(context).connect()?),
                    |client, count| ours::job(client, function, payload, count),
                ),
                System::Sockets => run_clients(
                    clients,
                    messages,
                    told,
                    zmq::Context::new,
                    |context| sockets::Client::connect(context, address, all),
                    |client, count| client.job(payload, count),
                ),
            }
        }
        _ => Err("no such role".into()),
    }
}

/// Connects so many clients, and has each do its share at the same time.
fn run_clients<Context: Sync, Client: Send>(
    clients: usize,
    messages: usize,
    told: &Receiver<String>,
    context: impl Fn() -> Context,
    connect: impl Fn(&Context) -> Result<Client, BoxError> + Sync,
    job: impl Fn(&Client, usize) -> Result<(), BoxError> + Sync,
) -> Result<(), BoxError> {
    let contexts: Vec<Context> = (0..clients.div_ceil(CLIENTS_A_CONTEXT)).map(|_| context()).collect();
    let (connected, go) = (Barrier::new(clients + 1), Barrier::new(clients + 1));
    let clients = thread::scope(|scope| {
        let run = |number: usize| {
            let client = connect(&contexts[number / CLIENTS_A_CONTEXT]);
            connected.wait();
            go.wait();
            let client = client?;
            job(&client, messages / clients + usize::from(number < messages % clients))?;
            Ok::<_, BoxError>(client)
        };
        let threads: Vec<_> = (0..clients).map(|number| scope.spawn(move || run(number))).collect();
        connected.wait();
        say("connected");
        // `go`.
        told.recv()?;
        go.wait();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a client panicked")?).collect::<Result<Vec<_>, _>>()
    })?;
    say("done");
    // What it has used is read while it is there, and its clients: to close them is no part of a job.
    told.recv()?;
    drop(clients);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "it is how a role answers")]
fn say(line: &str) {
    println!("{line}");
}

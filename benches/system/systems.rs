//! The systems that are compared, and how each is started: a process for each role.

use std::process::Command;

use crate::bare::Bare;
use crate::by_hand::ByHand;
use crate::echo::Ours;
use crate::frames::Frames;
use crate::load::Sample;
use crate::options::Options;
use crate::ours::Wire;
use crate::peer::{BoxError, Peer, role};
use crate::roles::{report, say};
use crate::tcp::Tcp;
use crate::topology::{Topology, WORKERS};
use crate::{echo, ours, programs, pylm, roles};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    /// Connections without ZeroMQ.
    Tcp,
    /// Sockets without a library, one frame a message, and libzmq as the crate zmq has it.
    Bare,
    /// The same with this library's libzmq, which the others on sockets have too.
    BareMended,
    /// The same, and what is published has a topic before it, as the wire of PALM says.
    BareTopic,
    /// Sockets without a library, up to 64 or 512 messages a frame.
    Frames64,
    Frames512,
    /// Messages of the classic wire, without the library.
    ByHand,
    Link,
    Classic,
    /// Streams of gRPC.
    Tonic,
    Pylm,
}

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Seconds that a job takes.
    pub(crate) seconds: f64,
    /// Calls whose time is taken.
    pub(crate) calls: usize,
}

impl System {
    pub(crate) const ALL: [Self; 11] = [
        Self::Tcp,
        Self::Bare,
        Self::BareMended,
        Self::BareTopic,
        Self::Frames64,
        Self::Frames512,
        Self::ByHand,
        Self::Link,
        Self::Classic,
        Self::Tonic,
        Self::Pylm,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Bare => "bare",
            Self::BareMended => "bare-mended",
            Self::BareTopic => "bare-topic",
            Self::Frames64 => "frames-64",
            Self::Frames512 => "frames-512",
            Self::ByHand => "by-hand",
            Self::Link => Wire::Link.name(),
            Self::Classic => Wire::Classic.name(),
            Self::Tonic => "tonic",
            Self::Pylm => "pylm",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.name() == name)
    }

    /// Those that were asked for by `--only a,b` and can run here; the baseline always.
    pub(crate) fn chosen(options: &Options) -> Vec<Self> {
        let only: Option<String> = options.value("--only");
        let wanted = |system: &Self| only.as_ref().is_none_or(|only| only.split(',').any(|name| name == system.name()));
        Self::ALL
            .into_iter()
            .filter(|system| *system == Self::Bare || wanted(system))
            .filter(|system| *system != Self::Pylm || pylm::interpreter().is_some())
            .collect()
    }

    /// Builds what is not in this program, so that nothing is built while others are measured.
    pub(crate) fn prepare(self) -> Result<(), BoxError> {
        self.role([]).map(drop)
    }

    /// Starts the roles, has the client measure, and ends them.
    pub(crate) fn sample(self, topology: Topology, size: usize, pace: Pace) -> Result<Sample, BoxError> {
        let mut peers = Vec::new();
        let addresses = match self {
            Self::Pylm => self.start_pylm(topology, &mut peers)?,
            _ => self.start(topology, &mut peers)?,
        };
        let (size, seconds, calls) = (size.to_string(), pace.seconds.to_string(), pace.calls.to_string());
        let answering = topology.answering().to_string();
        let client = Peer::start("client", self.role(["client", &addresses, &size, &seconds, &calls, &answering])?)?;
        client.told("sample")?.parse()
    }

    fn start(self, topology: Topology, peers: &mut Vec<Peer>) -> Result<String, BoxError> {
        let component = topology.component();
        let server = Peer::start(component, self.role([component])?)?;
        let addresses = server.told("ready")?;
        peers.push(server);
        self.start_workers(topology, &addresses, peers)?;
        Ok(addresses)
    }

    fn start_pylm(self, topology: Topology, peers: &mut Vec<Peer>) -> Result<String, BoxError> {
        let addresses: [String; 5] = pylm::addresses()?;
        let [db, pull, publish, push, results] = addresses.each_ref().map(String::as_str);
        let command = match topology {
            Topology::Server => self.role(["server", db, pull, publish])?,
            Topology::Master => self.role(["master", db, pull, publish, push, results])?,
        };
        let server = Peer::start(topology.component(), command)?;
        server.told("ready")?;
        peers.push(server);
        self.start_workers(topology, db, peers)?;
        Ok(db.to_owned())
    }

    fn start_workers(self, topology: Topology, addresses: &str, peers: &mut Vec<Peer>) -> Result<(), BoxError> {
        for number in 0..topology.workers() {
            let worker = Peer::start("worker", self.role(["worker", &number.to_string(), addresses])?)?;
            worker.told("ready")?;
            peers.push(worker);
        }
        Ok(())
    }

    fn role<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Result<Command, BoxError> {
        match self {
            Self::Bare => programs::BARE.role(words),
            Self::Tonic => programs::GRPC.role(words),
            Self::Pylm => pylm::role(words),
            _ => role([self.name()].into_iter().chain(words)),
        }
    }
}

/// Plays the role that these words name, until this process is ended.
pub(crate) fn play(words: &[&str]) -> Result<(), BoxError> {
    let [name, words @ ..] = words else { return Err("no role".into()) };
    match System::named(name) {
        Some(System::Tcp) => roles::play(Tcp, words),
        Some(System::BareMended) => roles::play(Bare { topic: false }, words),
        Some(System::BareTopic) => roles::play(Bare { topic: true }, words),
        Some(System::Frames64) => roles::play(Frames::<64>, words),
        Some(System::Frames512) => roles::play(Frames::<512>, words),
        Some(System::ByHand) => roles::play(ByHand::default(), words),
        _ => play_ours(Wire::named(name)?, words),
    }
}

fn play_ours(wire: Wire, words: &[&str]) -> Result<(), BoxError> {
    let stay = |handle: palm::Handle, address: String| {
        say(&format!("ready {address}"));
        Ok(handle.join()?)
    };
    match *words {
        ["server"] => {
            let server = echo::server(wire)?;
            let address = server.address("db_address")?;
            stay(server, address)
        }
        ["master"] => {
            let master = ours::master(wire, WORKERS)?;
            let address = master.address("db_address")?;
            stay(master, address)
        }
        ["worker", number, db_address] => stay(ours::worker(wire, number, db_address)?, String::new()),
        ["client", db_address, size, seconds, calls, _] => {
            report(&mut Ours::connect(wire, db_address, size.parse()?)?, seconds, calls)
        }
        _ => Err("no such role".into()),
    }
}

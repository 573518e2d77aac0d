//! Bytes that mean harm, at a small size. The oracle: a good peer still gets its answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use palm::Client;
use palm::wire::proto::LinkHello;
use prost::Message as _;

use crate::cluster::{Random, Run};
use crate::figures::Figures;
use crate::process::{LONG, Process, until};
use crate::role::Spec;
use crate::zmtp::{self, Peer};
use crate::{payload, raw};

const KEYS: [&str; 5] = ["pull_address", "pub_address", "worker_pull_address", "worker_push_address", "db_address"];

/// Each of the ports is for one of them.
const KINDS: [&str; 4] = ["PUSH", "SUB", "PULL", "DEALER"];

struct Target {
    run: Run,
    master: Process,
    _worker: Process,
    client: Client,
}

impl Target {
    fn new(name: &str) -> Self {
        let run = Run::new(name);
        // What garbage asks for is held for nobody: not for long, or it counts as growth.
        let master = run.start(&Spec { hold_ms: Some(300), ..run.master() });
        let worker = run.start(&run.worker());
        let client = Client::connect("server", &run.db).unwrap();
        let target = Self { run, master, _worker: worker, client };
        target.is_well();
        target
    }

    fn is_well(&self) {
        let reply = self.client.eval("server.foo", payload::question(1, 50)).unwrap();
        assert_eq!(payload::read(payload::ANSWER, &reply), Some(1));
    }

    fn close(mut self, before_kib: u64) {
        self.is_well();
        assert!(self.master.ended().is_none());
        let mut figures = Figures::default();
        self.run.drained(&mut figures);
        let growth = self.master.memory_kib().saturating_sub(before_kib) >> 10;
        figures.at_most("growth, MiB", 32, growth);
        self.run.calm(&mut figures);
        assert_eq!(figures.wrong(), Vec::<String>::new());
    }
}

/// A greeting or none, frames or none, then noise.
fn noise(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    if random.below(4) > 0 {
        bytes.extend(zmtp::greeting());
    }
    if random.below(2) > 0 {
        bytes.extend(zmtp::ready(KINDS[random.below(KINDS.len() as u64) as usize]));
    }
    for _ in 0..random.below(8) {
        let length = random.below(300);
        match random.below(3) {
            0 => bytes.extend([random.next() as u8, length as u8]),
            1 => bytes.extend([0, length as u8]),
            _ => bytes.extend([&[2][..], &random.next().to_be_bytes()].concat()),
        }
        bytes.extend((0..length).map(|_| random.next() as u8));
    }
    let place = random.below(3 * bytes.len().max(1) as u64) as usize;
    if let Some(byte) = bytes.get_mut(place) {
        *byte = random.next() as u8;
    }
    bytes
}

pub(crate) fn random_bytes_on_every_port() {
    let mut target = Target::new("t37");
    let addresses = KEYS.map(|key| raw::address(&target.run.db, key));
    let before = target.master.memory_kib();
    for round in 0..40 {
        for address in &addresses {
            for _ in 0..5 {
                let mut stream = TcpStream::connect(address.strip_prefix("tcp://").unwrap()).unwrap();
                let bytes = noise(&mut target.run.random);
                let _ = stream.write_all(&bytes);
                stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
                let _ = stream.read(&mut [0; 512]);
            }
        }
        if round % 5 == 0 {
            target.is_well();
        }
    }
    target.close(before);
}

pub(crate) fn mutated_messages() {
    let mut target = Target::new("t38");
    let seeds = [
        raw::classic("nobody", "server.foo", payload::question(7, 60)).encode(),
        // Groups within groups, a length of 2^63, bytes that are not UTF-8, a field that comes again and again.
        [0x93, 0x3f].repeat(50_000),
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec(),
        b"\x22\x02\xff\xfe".to_vec(),
        b"\x32\x01a".repeat(10_000),
    ];
    let before = target.master.memory_kib();
    for key in ["pull_address", "worker_pull_address"] {
        let push = raw::push(&raw::address(&target.run.db, key));
        for round in 0..5_000 {
            let random = &mut target.run.random;
            let mut bytes = seeds[random.below(seeds.len() as u64) as usize].clone();
            for _ in 0..random.below(4) {
                let place = random.below(bytes.len() as u64) as usize;
                bytes[place] = random.next() as u8;
            }
            bytes.truncate(1 + random.below(bytes.len() as u64 * 2) as usize);
            push.send(bytes, 0).unwrap();
            if round % 1_000 == 0 {
                target.is_well();
            }
        }
    }
    target.close(before);
}

/// A worker's socket is never read from, so that what this one says soon stays where it is. Then it is killed, which is to be
/// noticed as if it had said nothing: what it was given is done by another one.
pub(crate) fn a_worker_that_talks_is_killed() {
    let run = Run::new("talks");
    let mut master = run.start(&run.master());
    let client = Client::builder("server", &run.db).timeout(LONG).connect().unwrap();
    let endpoint = String::from_utf8(client.get("worker_push_address").unwrap().unwrap().to_vec()).unwrap();
    assert_ne!(endpoint, raw::address(&run.db, "worker_push_address"), "not an endpoint of its own");
    let mut talker = Peer::connect(&endpoint, "PULL");
    let asked = thread::spawn(move || client.eval("server.foo", payload::question(1, 50)).unwrap());
    while !talker.frame().windows(10).any(|bytes| bytes == b"server.foo") {}
    talker.block(&zmtp::message(&[b'x'; 1_000]));
    talker.reset();
    let _worker = run.start(&run.worker());
    until("an answer, or the end of the master", || asked.is_finished() || master.ended().is_some());
    assert!(master.ended().is_none(), "{}", master.log());
    assert_eq!(payload::read(payload::ANSWER, &asked.join().unwrap()), Some(1));
}

/// There are no workers, so that the master stops to read. When it goes on there are PINGs in what it reads, and nobody to
/// answer them to.
pub(crate) fn a_client_that_is_held_back_is_killed() {
    let run = Run::new("heldback");
    let mut master = run.start(&Spec { hold_ms: Some(300), ..run.master() });
    let pull = raw::address(&run.db, "pull_address");
    let message = zmtp::message(&raw::classic("nobody", "server.foo", payload::question(7, 1_000)).encode());
    let mut talker = Peer::connect(&pull, "PUSH");
    talker.block(&[&message, &zmtp::PING.repeat(20)[..]].concat());
    talker.reset();
    let results = raw::ready_subscriber(&raw::address(&run.db, "pub_address"), "good");
    raw::push(&pull).send(raw::classic("good", "server.foo", payload::question(1, 50)).encode(), 0).unwrap();
    let _worker = run.start(&run.worker());
    let mut answer = None;
    until("an answer, or the end of the master", || {
        answer = answer.take().or_else(|| raw::result(&results, Duration::from_millis(20)));
        answer.is_some() || master.ended().is_some()
    });
    assert!(master.ended().is_none(), "{}", master.log());
    assert_eq!(payload::read(payload::ANSWER, answer.unwrap().payload()), Some(1));
    // By then it has gone on to read what the other one had said.
    let done = |stats: Vec<u8>| {
        let stats: serde_json::Value = serde_json::from_slice(&stats).unwrap();
        stats["in_flight"] == 0 && stats["holding"] == 0
    };
    until("the end of all work, or of the master", || {
        raw::get(&run.db, "_palm.stats").is_some_and(done) || master.ended().is_some()
    });
    assert!(master.ended().is_none(), "{}", master.log());
}

/// What a component that ends still has for a peer, it tries to hand over; what the peer says meanwhile, nobody reads.
pub(crate) fn a_peer_of_a_component_that_ends_is_killed() {
    let run = Run::new("ends");
    let mut server = run.start(&run.spec("server", "server"));
    let link = raw::address(&run.db, "_palm.link");
    let mut peer = Peer::connect(&link, "DEALER");
    let hello = LinkHello { protocol: 1, session: vec![7; 16].into(), ..LinkHello::default() };
    let hello = zmtp::message(&[&[1][..], &hello.encode_to_vec()].concat());
    // Each is answered, and no answer is read.
    peer.send(&[hello.repeat(100_000), zmtp::message(b"nonsense")].concat());
    // A busy machine takes longer for them than the heartbeat waits for a sign of life.
    until("answers to all greetings", || {
        peer.send(zmtp::PONG);
        run.stat("undecodable") == 1
    });
    server.signal("TERM");
    until("a closed socket", || {
        peer.send(zmtp::PONG);
        TcpStream::connect(link.strip_prefix("tcp://").unwrap()).is_err()
    });
    peer.block(&hello);
    peer.reset();
    assert_eq!(server.join().code(), Some(0), "{}", server.log());
}

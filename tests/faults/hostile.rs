//! Bytes that mean harm, at a small size. The oracle: a good peer still gets its answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use palm::Client;

use crate::cluster::{Random, Run};
use crate::figures::Figures;
use crate::payload;
use crate::process::Process;
use crate::raw;

const KEYS: [&str; 5] = ["pull_address", "pub_address", "worker_pull_address", "worker_push_address", "db_address"];

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
        let master = run.start(&crate::role::Spec { hold_ms: Some(300), ..run.master() });
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
        bytes.extend(b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL");
        bytes.resize(64, 0);
    }
    if random.below(2) > 0 {
        bytes.extend(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x04PUSH");
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

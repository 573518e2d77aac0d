//! The cache under many clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Instant;

use palm::Client;

use crate::cluster::{Random, Run};
use crate::figures::{Figures, Scale};
use crate::process::until;

const CLIENTS: usize = 8;

/// What each key's writer has begun and what it has done: a read that began after the one and ended before the other has a
/// value between them.
#[derive(Default)]
struct Key {
    begun: AtomicU64,
    done: AtomicU64,
}

pub(crate) fn t12_one_writer_for_each_key(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t12"), Figures::default());
    let rounds: u64 = scale.pick(2_500, 40_000);
    let _server = run.start(&run.spec("server", "server"));
    let hammer = run.spec("cache", "server");
    let mut victim = run.start(&hammer);
    let keys: Arc<[Key]> = (0..CLIENTS).map(|_| Key::default()).collect();
    let start = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|own| {
            let (db, keys) = (run.db.clone(), keys.clone());
            thread::spawn(move || one_client(&db, own, rounds, &keys))
        })
        .collect();
    for _ in 0..scale.pick(3, 20) {
        let pause = 20 + run.random.below(100);
        thread::sleep(std::time::Duration::from_millis(pause));
        victim.kill();
        victim = run.start(&hammer);
    }
    until("the clients are done", || clients.iter().all(thread::JoinHandle::is_finished));
    let (mut answered, mut wrong) = (0, 0);
    for client in clients {
        let (more, bad) = client.join().unwrap();
        answered += more;
        wrong += bad;
    }
    let wanted = CLIENTS as u64 * rounds * 3;
    figures.is("requests answered", wanted, answered);
    figures.is("reads that were not linear, deletes of nothing that were", 0, wrong);
    let pace = (answered as f64 / start.elapsed().as_secs_f64()) as u64;
    figures.at_least("requests a second", scale.pick(1, 1_000), pace);
    run.calm(&mut figures);
    figures
}

/// Requests that were answered, and answers that were wrong.
fn one_client(db: &str, own: usize, rounds: u64, keys: &[Key]) -> (u64, u64) {
    let client = Client::connect("server", db).unwrap();
    let mut random = Random::new(&format!("t12 {own}"));
    let (mut answered, mut wrong) = (0, 0);
    for value in 1..=rounds {
        keys[own].begun.store(value, SeqCst);
        client.set(value.to_string(), &format!("key{own}")).unwrap();
        keys[own].done.store(value, SeqCst);
        let other = random.below(keys.len() as u64) as usize;
        let least = keys[other].done.load(SeqCst);
        let read = client.get(&format!("key{other}")).unwrap();
        let most = keys[other].begun.load(SeqCst);
        let read = read.map_or(0, |read| String::from_utf8(read.to_vec()).unwrap().parse().unwrap());
        wrong += u64::from(!(least..=most).contains(&read));
        wrong += u64::from(client.delete(&format!("missing{value}")).unwrap());
        answered += 3;
    }
    (answered, wrong)
}

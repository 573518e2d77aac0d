//! The store that survives.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use palm::cache::{Cache, DurableCache};
use palm::{Bytes, Client, Error, Master};

use crate::stores::{keeps_its_promises, serves_a_cluster};
use crate::support::guarded;

const FILE: &str = "PALM_TEST_DURABLE_FILE";

#[test]
fn durable() {
    guarded(|| {
        let directory = tempfile::tempdir().unwrap();
        keeps_its_promises(&DurableCache::open(directory.path().join("one")).unwrap());
        serves_a_cluster(DurableCache::open(directory.path().join("two")).unwrap());
    });
}

#[test]
fn what_was_set_is_there_after_a_restart() {
    guarded(|| {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("cache");
        let cache = DurableCache::open(&file).unwrap();
        cache.set("key", Bytes::from_static(b"value")).unwrap();
        cache.set_for("brief", Bytes::from_static(b"value"), Duration::from_millis(1)).unwrap();
        cache.set_for("long", Bytes::from_static(b"value"), Duration::from_secs(3600)).unwrap();
        assert!(matches!(DurableCache::open(&file), Err(Error::System { .. })), "one has it at a time");
        drop(cache);
        thread::sleep(Duration::from_millis(20));
        let cache = DurableCache::open(&file).unwrap();
        assert_eq!(cache.get("key").unwrap().as_deref(), Some(&b"value"[..]));
        assert!(cache.contains("long").unwrap() && !cache.contains("brief").unwrap());
        cache.set("other", Bytes::new()).unwrap();
        assert_eq!(cache.used().unwrap(), 22, "what has had its time is let go of");
    });
}

#[test]
fn the_file_is_free_once_the_component_has_ended() {
    guarded(|| {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("cache");
        for round in 0..50 {
            let master = Master::new("server").cache(DurableCache::open(&file).unwrap()).start().unwrap();
            master.shutdown();
            master.join().unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
    });
}

#[test]
fn a_value_beyond_the_limit_is_refused() {
    guarded(|| {
        let directory = tempfile::tempdir().unwrap();
        let cache = DurableCache::open(directory.path().join("cache")).unwrap().limit(10);
        cache.set("key", Bytes::from_static(b"1234567")).unwrap();
        assert!(matches!(cache.set("k", Bytes::new()), Err(Error::Cache { key, .. }) if key == "k"));
        assert!(cache.set("key", Bytes::from_static(b"12345678")).is_err());
        assert_eq!(cache.get("key").unwrap().as_deref(), Some(&b"1234567"[..]));
        cache.set("key", Bytes::from_static(b"7654321")).unwrap();
        cache.delete("key").unwrap();
        cache.set("k", Bytes::from_static(b"123456789")).unwrap();
    });
}

#[test]
fn what_is_no_such_file_is_refused() {
    guarded(|| {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("text");
        std::fs::write(&file, "nothing of the kind").unwrap();
        let error = DurableCache::open(&file).unwrap_err();
        assert!(matches!(error, Error::System { .. }), "{error}");
        assert!(DurableCache::open(directory.path().join("no/such/directory")).is_err());
    });
}

/// A master with a durable cache, in a process that can be killed.
struct Killed {
    child: Child,
    db_address: String,
}

impl Killed {
    fn start(file: &Path) -> Self {
        let test = ["--exact", "durable::master", "--ignored", "--nocapture"];
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(test)
            .env(FILE, file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let db_address = lines.filter_map(|line| Some(line.strip_prefix("at ")?.to_owned())).next().unwrap();
        Self { child, db_address }
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // SIGKILL.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
#[ignore = "a process of its own, started by another test"]
#[expect(clippy::print_stdout, reason = "its parent reads it")]
fn master() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let master = Master::new("master").cache(DurableCache::open(file).unwrap()).start().unwrap();
    println!("\nat {}", master.address("db_address").unwrap());
    master.join().unwrap();
}

/// Clients set and delete keys of their own while the master is killed again and again: what was answered is there.
#[test]
fn what_set_has_answered_survives_a_kill_at_any_moment() {
    const KILLS: u32 = 6;
    const CLIENTS: u64 = 4;
    guarded(|| {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("cache");
        // Of each key: the last value that was answered, and the one that was under way when the master died.
        let known: Arc<Mutex<BTreeMap<String, (u64, u64)>>> = Arc::default();
        let (last, mut answered) = (Arc::new(AtomicU64::new(0)), 0);
        for kill in 0..KILLS {
            let master = Killed::start(&file);
            let client = Client::connect("master", &master.db_address).unwrap();
            for (key, (done, begun)) in known.lock().unwrap().iter_mut() {
                let read = client
                    .get(key)
                    .unwrap()
                    .map_or(0, |value| String::from_utf8(value.to_vec()).unwrap().parse().unwrap());
                assert!(read == *done || read == *begun, "{key} is {read}; {done} was answered, {begun} was under way");
                (*done, *begun) = (read, read);
            }
            let before = last.load(SeqCst);
            let writers: Vec<_> = (0..CLIENTS)
                .map(|own| {
                    let (known, last, db_address) = (known.clone(), last.clone(), master.db_address.clone());
                    thread::spawn(move || {
                        let builder = Client::builder("master", db_address).timeout(Duration::from_millis(500));
                        let builder = builder.connect_timeout(Duration::from_millis(500));
                        let Ok(client) = builder.connect() else { return };
                        loop {
                            let value = last.fetch_add(1, SeqCst) + 1;
                            let key = format!("{own}/{}", value % 7);
                            known.lock().unwrap().entry(key.clone()).or_default().1 = value;
                            if client.set(value.to_string(), &key).is_err() {
                                return;
                            }
                            known.lock().unwrap().entry(key).or_default().0 = value;
                        }
                    })
                })
                .collect();
            // At a moment of no meaning to the store.
            let enough = before + 5 + u64::from(kill) * 17;
            while last.load(SeqCst) < enough && !writers.iter().all(thread::JoinHandle::is_finished) {
                thread::yield_now();
            }
            thread::sleep(Duration::from_micros(u64::from(kill) * 377));
            drop(master);
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            answered += last.load(SeqCst) - before - CLIENTS;
        }
        assert!(answered > u64::from(KILLS), "{answered}");
        // And in this process, once more.
        let cache = DurableCache::open(&file).unwrap();
        let keys = known.lock().unwrap().len();
        assert!(cache.clean("").unwrap() >= keys - CLIENTS as usize);
    });
}

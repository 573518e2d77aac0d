//! What holds for every store.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use palm::cache::{Cache, MemoryCache};
use palm::{Bytes, Call, Client, Error, Master, Server, Worker};

use crate::support::{address, client, guarded};

const HOUR: Duration = Duration::from_secs(3600);

/// The contract, call by call.
pub(crate) fn keeps_its_promises(cache: &dyn Cache) {
    let value = |text: &str| Bytes::from(text.to_owned());
    assert_eq!(cache.get("a").unwrap(), None);
    assert!(!cache.contains("a").unwrap() && !cache.delete("a").unwrap());
    cache.set("a", value("1")).unwrap();
    cache.set("a", value("2")).unwrap();
    assert_eq!(cache.get("a").unwrap(), Some(value("2")));
    assert!(cache.contains("a").unwrap() && cache.delete("a").unwrap());
    assert!(!cache.delete("a").unwrap());

    // Keys are text of any kind, values bytes of any kind.
    for key in ["", "a b", "ключ", "a*", "a[b]", "\\", "\u{0}", "a\nb"] {
        let odd = Bytes::from(vec![0, 255, b'\n', b'\r']);
        cache.set(key, odd.clone()).unwrap();
        assert_eq!(cache.get(key).unwrap(), Some(odd));
        assert!(cache.delete(key).unwrap());
    }
    cache.set("empty", Bytes::new()).unwrap();
    assert_eq!(cache.get("empty").unwrap(), Some(Bytes::new()));
    let large = Bytes::from(vec![7; 3 << 20]);
    cache.set("large", large.clone()).unwrap();
    assert_eq!(cache.get("large").unwrap(), Some(large));

    for key in ["job*1", "job*2", "job1", "jobs", "j"] {
        cache.set(key, value("x")).unwrap();
    }
    cache.set_for("job*3", value("x"), HOUR).unwrap();
    assert_eq!(cache.clean("job*").unwrap(), 3, "a prefix is no pattern");
    assert!(cache.contains("job1").unwrap() && cache.contains("jobs").unwrap());
    assert_eq!(cache.clean("").unwrap(), 5);
    assert_eq!(cache.clean("").unwrap(), 0);
    // More than one step of any store.
    for number in 0..1_200 {
        cache.set(&format!("many{number}"), value("x")).unwrap();
    }
    assert_eq!(cache.clean("many").unwrap(), 1_200);

    cache.set_for("brief", value("x"), Duration::from_millis(1)).unwrap();
    cache.set_for("long", value("x"), HOUR).unwrap();
    thread::sleep(Duration::from_millis(20));
    assert!(!cache.contains("brief").unwrap() && !cache.delete("brief").unwrap());
    assert_eq!(cache.get("brief").unwrap(), None);
    assert!(cache.delete("long").unwrap());
    // The last `set` says how long.
    cache.set_for("kept", value("x"), Duration::from_millis(1)).unwrap();
    cache.set("kept", value("y")).unwrap();
    thread::sleep(Duration::from_millis(20));
    assert_eq!(cache.get("kept").unwrap(), Some(value("y")));
    assert_eq!(cache.clean("").unwrap(), 1);

    // What one thread has set, every other one sees.
    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for number in 0..20 {
                    let (key, value) = (format!("{thread}/{number}"), Bytes::from(vec![number]));
                    cache.set(&key, value.clone()).unwrap();
                    assert_eq!(cache.get(&key).unwrap(), Some(value));
                }
            });
        }
    });
    assert_eq!(cache.clean("").unwrap(), 80);
}

/// What one client sets, another one, a worker and the process itself find; and the component's own keys are not in the store.
pub(crate) fn serves_a_cluster<C: Cache>(cache: C) {
    #[derive(Default)]
    struct Reader;

    #[palm::worker]
    impl Reader {
        fn read(&mut self, key: &str, call: &Call) -> palm::Result<Vec<u8>> {
            let value = call.cache().get(key)?.unwrap_or_default();
            call.cache().set(&value, "copy")?;
            Ok(value)
        }
    }

    let cache = Arc::new(cache);
    let master = Master::new("master").cache(cache.clone()).preset_cache("greeting", "hello").start().unwrap();
    let other = Server::new("other", Nothing).cache(cache.clone()).start().unwrap();
    let db_address = address(&master, "db_address");
    let _worker = Worker::new("worker", Reader).db_address(&db_address).start().unwrap();
    let client = client(&master);
    client.set("a value", "key").unwrap();
    assert_eq!(client.eval("master.read", "key").unwrap(), "a value");
    assert_eq!(&cache.get("copy").unwrap().unwrap()[..], b"a value");
    // Two components on one store, each with its own name and addresses.
    let second = Client::connect("other", address(&other, "db_address")).unwrap();
    assert_eq!(&second.get("copy").unwrap().unwrap()[..], b"a value");
    assert_eq!(second.get("greeting").unwrap(), None);
    assert_eq!(&client.get("greeting").unwrap().unwrap()[..], b"hello");
    for key in ["name", "db_address", "pull_address", "greeting", "_palm.features"] {
        assert!(!cache.contains(key).unwrap(), "{key} is in the store");
    }
    assert!(matches!(client.set("mine", "name"), Err(Error::Cache { .. })));
    assert!(client.delete("key").unwrap() && !client.delete("key").unwrap());
    cache.clean("").unwrap();
}

#[derive(Default)]
struct Nothing;

#[palm::server]
impl Nothing {}

#[test]
fn memory() {
    guarded(|| {
        keeps_its_promises(&MemoryCache::new());
        serves_a_cluster(MemoryCache::new());
    });
}

/// Values without end, large ones and tiny ones: refused at the limit, and the memory of the process stays within it.
#[test]
#[cfg(target_os = "linux")]
fn what_is_refused_takes_no_memory() {
    // In processes of their own: other tests have memory, too.
    for test in ["stores::fill::with_large_values", "stores::fill::with_tiny_values"] {
        let arguments = ["--exact", test, "--ignored", "--nocapture"];
        let output = std::process::Command::new(std::env::current_exe().unwrap()).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("1 passed"), "{text}");
    }
}

#[cfg(target_os = "linux")]
mod fill {
    use super::*;

    const LIMIT: usize = 64 << 20;
    /// What the promise allows beside the limit.
    const BESIDE: usize = 32 << 20;

    /// The most memory that this process has had.
    fn peak() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    }

    #[test]
    #[ignore = "a process of its own, started by another test"]
    fn with_large_values() {
        let server = Server::new("server", Nothing).cache(MemoryCache::with_limit(LIMIT)).start().unwrap();
        let client = client(&server);
        let (before, large) = (peak(), vec![7; 1 << 20]);
        let fits = (0..1_000).filter(|number| client.set(&large, &format!("large{number}")).is_ok()).count();
        assert_eq!(fits, 63, "of 1 MiB each, with their keys and what keeps them");
        assert_eq!(client.get("large0").unwrap().unwrap().len(), 1 << 20);
        let more = peak() - before;
        assert!(more <= LIMIT + BESIDE, "{} MiB for a cache of 64 MiB", more >> 20);
    }

    #[test]
    #[ignore = "a process of its own, started by another test"]
    fn with_tiny_values() {
        let (cache, before) = (MemoryCache::with_limit(LIMIT), peak());
        let is_set = |number: &u32| cache.set(&number.to_string(), Bytes::from_static(b"1")).is_ok();
        let fits = (0..1_000_000).filter(is_set).count();
        assert!((300_000..350_000).contains(&fits), "{fits}");
        // Reading takes nothing that stays.
        assert!((0..300_000).all(|number: u32| cache.get(&number.to_string()).unwrap().is_some()));
        let more = peak() - before;
        assert!(more <= LIMIT + BESIDE, "{} MiB for a cache of 64 MiB", more >> 20);
    }
}

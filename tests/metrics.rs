//! The counters through the `metrics` facade, as a recorder of the program's gets them.
#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use palm::{Client, Error, Server};

struct Echo;

#[palm::server]
impl Echo {
    fn foo(&mut self, text: String) -> String {
        text
    }
}

/// What a recorder was given so far, by component and name. A snapshot takes it away, and so has to be added up.
struct Seen {
    snapshotter: Snapshotter,
    values: BTreeMap<(String, String), f64>,
}

impl Seen {
    fn look(&mut self) {
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let key = key.key();
            let component = key.labels().find(|label| label.key() == "component").unwrap().value().to_owned();
            let value = match value {
                DebugValue::Counter(value) => value as f64,
                DebugValue::Gauge(value) => value.into_inner(),
                DebugValue::Histogram(_) => panic!("there are no histograms"),
            };
            *self.values.entry((component, key.name().to_owned())).or_default() += value;
        }
    }

    fn of(&self, component: &str, name: &str) -> f64 {
        self.values.get(&(component.to_owned(), name.to_owned())).copied().unwrap_or(-1.0)
    }

    fn until(&mut self, component: &str, name: &str, wanted: f64) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.of(component, name) != wanted {
            assert!(Instant::now() < end, "{name} of {component} is {}", self.of(component, name));
            sleep(Duration::from_millis(5));
            self.look();
        }
    }
}

fn call(server: &palm::Handle, times: usize) {
    let client = Client::connect(server.name(), server.address("db_address").unwrap()).unwrap();
    for _ in 0..times {
        client.eval(format!("{}.foo", server.name()), "x").unwrap();
    }
}

/// One test: a process has one recorder.
#[test]
fn a_recorder_has_what_the_counters_say() {
    let start = || Server::new("metered", Echo).start().unwrap();
    let server = start();
    call(&server, 7);
    // The calls are published to nobody meanwhile; whether that has happened already makes no difference for what is right.
    sleep(Duration::from_millis(1_200));
    let recorder = DebuggingRecorder::new();
    let mut seen = Seen { snapshotter: recorder.snapshotter(), values: BTreeMap::new() };
    recorder.install().unwrap();
    seen.until("metered", "palm_calls_total", 7.0);
    seen.until("metered", "palm_received_total", 7.0);
    // Every counter, under the names of the cache key `_palm.stats`. What was seen may have been half of what is published at a
    // time.
    for (name, value) in server.stats().iter() {
        seen.until("metered", &format!("palm_{name}_total"), value as f64);
    }
    seen.until("metered", "palm_in_flight", 0.0);
    seen.until("metered", "palm_holding_bytes", 0.0);

    // The last values are there as soon as the component has ended.
    let client = Client::connect("metered", server.address("db_address").unwrap()).unwrap();
    assert!(matches!(client.set("x", "name"), Err(Error::Cache { .. })));
    assert!(client.eval("metered.bar", "x").is_err());
    drop(client);
    call(&server, 3);
    server.shutdown();
    server.join().unwrap();
    seen.look();
    assert_eq!(seen.of("metered", "palm_calls_total"), 10.0);
    assert_eq!(seen.of("metered", "palm_refused_total"), 2.0);

    // The next run goes on counting, and twins add up.
    let (next, twin) = (start(), start());
    call(&next, 5);
    call(&twin, 4);
    drop((next, twin));
    seen.look();
    assert_eq!(seen.of("metered", "palm_calls_total"), 19.0);
}

//! Several clients, several threads, and clients that go away.

use std::thread;

use palm::cache::MemoryCache;
use palm::stats::Counter;
use palm::{Error, Server};

use crate::support::{client, guarded, logged, until};

struct Echo;

#[palm::server]
impl Echo {
    fn foo(&mut self, text: &str) -> String {
        format!("<{text}>")
    }

    fn fail(&mut self) -> Result<String, String> {
        Err("as it should".to_owned())
    }

    fn store(&mut self, text: String, call: &palm::Call) -> palm::Result<String> {
        call.cache().set(text, "stored")
    }
}

#[test]
fn every_thread_gets_its_own_answers() {
    guarded(|| {
        let server = Server::new("both", Echo).start().unwrap();
        let clients = [client(&server), client(&server)];
        thread::scope(|scope| {
            for (number, client) in clients.iter().enumerate() {
                for thread in 0..4 {
                    scope.spawn(move || {
                        for call in 0..100 {
                            let text = format!("{number}/{thread}/{call}");
                            assert_eq!(client.eval("both.foo", &*text).unwrap(), format!("<{text}>"));
                        }
                        let texts: Vec<_> = (0..1_000).map(|call| format!("{number}/{thread}/job {call}")).collect();
                        let replies = client.job("both.foo", texts.clone()).messages(1_000);
                        for (reply, text) in replies.zip(texts) {
                            assert_eq!(reply.unwrap(), format!("<{text}>"));
                        }
                    });
                }
            }
        });
        let stats = server.stats();
        // It counts after it has sent.
        until("the count", || stats.get(Counter::Sent) == 8 * 1_100);
        assert_eq!(stats.get(Counter::Calls), 8 * 1_100);
        assert_eq!(stats.get(Counter::Expired), 0);
    });
}

#[test]
fn a_client_that_goes_away_in_the_middle_is_missed_by_nobody() {
    guarded(|| {
        let server = Server::new("left", Echo).hold_time(std::time::Duration::from_millis(300)).start().unwrap();
        let stays = client(&server);
        for _ in 0..5 {
            let leaves = client(&server);
            let mut job = leaves.job("left.foo", (0..100_000).map(|number| number.to_string()));
            assert_eq!(job.next().unwrap().unwrap(), "<0>");
            drop(job);
            drop(leaves);
            assert_eq!(stays.eval("left.foo", "x").unwrap(), "<x>");
        }
        server.shutdown();
        server.join().unwrap();
        assert_eq!(logged(&["left", "ended with"]), 0);
    });
}

#[test]
fn the_counters_say_what_happened() {
    guarded(|| {
        let server = Server::new("counted", Echo).hold_time(std::time::Duration::from_millis(50)).start().unwrap();
        let caller = client(&server);
        for _ in 0..3 {
            assert_eq!(caller.eval("counted.foo", "x").unwrap(), "<x>");
            assert!(matches!(caller.eval("counted.fail", "x"), Err(Error::Remote { .. })));
            assert!(matches!(caller.eval("counted.none", "x"), Err(Error::Remote { .. })));
        }
        let context = zmq::Context::new();
        let push = context.socket(zmq::PUSH).unwrap();
        push.connect(&server.address("pull_address").unwrap()).unwrap();
        for client in ["absent", ""] {
            let mut message = palm::Message::new("counted.foo", "x");
            message.set_client(client);
            push.send(message.encode(), 0).unwrap();
        }
        push.send([0xff; 11].to_vec(), 0).unwrap();
        let stats = server.stats();
        until("the count", || stats.get(Counter::Undecodable) == 1 && stats.get(Counter::Expired) == 1);
        let counts: std::collections::BTreeMap<_, _> = stats.iter().filter(|(_, count)| *count > 0).collect();
        let expected = [
            ("received", 11),
            ("calls", 8),
            ("errors", 3),
            ("sent", 9),
            ("undecodable", 1),
            ("held", 1),
            ("expired", 1),
            ("discarded", 1),
            ("refused", 3),
        ];
        assert_eq!(counts, expected.into_iter().collect());
    });
}

#[test]
fn a_full_cache_refuses_and_lives_on() {
    guarded(|| {
        let server = Server::new("full", Echo).cache(MemoryCache::with_limit(2_000)).start().unwrap();
        let caller = client(&server);
        assert!(matches!(caller.set(vec![0; 2_000], "large"), Err(Error::Cache { .. })));
        assert_eq!(caller.get("large").unwrap(), None);
        assert_eq!(caller.set("small", "key").unwrap(), "key");
        assert!(matches!(caller.eval("full.store", "y".repeat(2_000)), Err(Error::Remote { .. })));
        assert_eq!(caller.eval("full.store", "y").unwrap(), "stored");
        assert_eq!(caller.get("stored").unwrap().unwrap(), b"y");
        assert!(caller.delete("key").unwrap());
        assert!(!caller.delete("name").unwrap());
        assert_eq!(caller.get("name").unwrap().unwrap(), b"full");
        // A component's own keys are not in its store.
        let tiny = Server::new("tiny", Echo).cache(MemoryCache::with_limit(10)).start().unwrap();
        assert_eq!(client(&tiny).get("name").unwrap().unwrap(), b"tiny");
    });
}

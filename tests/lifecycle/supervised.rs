//! Parts that fail: those with a thread of their own are started anew, and none fails for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use palm::cache::{Cache, MemoryCache};
use palm::part::{
    Address, Bypass, BypassOpening, BypassPart, CacheService, FromAddress, Methods, Opening, Outbound, Part,
    PubService, PullService, Stop, Turn,
};
use palm::stats::Counter;
use palm::topology::Route;
use palm::{Bytes, Client, Error, Result, Server, ServerTemplate};

use crate::support::{address, client, guarded, logged, until};

struct Echo;

#[palm::server]
impl Echo {
    fn foo(&mut self, text: String) -> String {
        text
    }
}

fn template(name: &str) -> ServerTemplate {
    let any = "tcp://127.0.0.1:*";
    ServerTemplate::new(name)
        .service(Echo)
        .register_inbound("Pull", PullService::new(any), "Methods")
        .register_outbound("Methods", Methods::default(), "Pub")
        .register_outbound("Pub", PubService::new(any), Route::exterior())
}

/// The cache service, with a `run` that fails so many times.
struct Shaky {
    cache: CacheService,
    failures: usize,
    opened: Arc<AtomicUsize>,
    /// Ends instead of a panic.
    ends: bool,
}

impl Shaky {
    fn new(failures: usize, ends: bool) -> (Self, Arc<AtomicUsize>) {
        let opened = Arc::<AtomicUsize>::default();
        let cache = CacheService::new(Address::any());
        (Self { cache, failures, opened: opened.clone(), ends }, opened)
    }
}

impl BypassPart for Shaky {
    fn open(&mut self, opening: &mut BypassOpening<'_>) -> Result<()> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        self.cache.open(opening)
    }

    fn run(&mut self, stop: &Stop) {
        if self.failures > 0 {
            self.failures -= 1;
            assert!(self.ends, "shaky on purpose");
            return;
        }
        self.cache.run(stop);
    }
}

impl FromAddress for Shaky {
    fn at(_: Address) -> Self {
        Self::new(0, false).0
    }
}

impl Bypass for Shaky {
    const BINDS: bool = true;
    const KEY: Option<&'static str> = Some("db_address");
}

#[test]
fn a_part_that_fails_is_opened_anew_on_its_port() {
    guarded(|| {
        for ends in [false, true] {
            let (shaky, opened) = Shaky::new(2, ends);
            let name = if ends { "shaky_ends" } else { "shaky_panics" };
            let server = template(name).register_bypass("Cache", shaky).start().unwrap();
            // Connecting waits for the cache, at the address that was told before it failed.
            assert_eq!(client(&server).eval(format!("{name}.foo"), "x").unwrap(), "x");
            assert_eq!(opened.load(Ordering::SeqCst), 3);
            assert_eq!(server.stats().get(Counter::Errors), 2);
            let said = if ends { "it ended by itself" } else { "shaky on purpose" };
            assert_eq!(logged(&[name, "the part failed, and is started anew", said]), 2);
            server.shutdown();
            server.join().unwrap();
        }
    });
}

#[test]
fn one_that_fails_too_often_takes_its_component_with_it() {
    guarded(|| {
        let (shaky, opened) = Shaky::new(usize::MAX, false);
        let server = template("shaky_always").register_bypass("Cache", shaky).start().unwrap();
        until("the failure", || server.has_ended());
        let error = server.join().unwrap_err();
        assert!(
            matches!(&error, Error::PartFailed { component, part, text }
                if component == "shaky_always" && part == "Cache" && text == "shaky on purpose"),
            "{error}"
        );
        assert_eq!(opened.load(Ordering::SeqCst), 6, "opened, and five times anew");
    });
}

#[test]
fn one_that_is_done_is_left_alone() {
    guarded(|| {
        let server = Server::new("shaky_done", Echo).cache_messages(1).start().unwrap();
        let context = zmq::Context::new();
        let socket = context.socket(zmq::REQ).unwrap();
        socket.set_rcvtimeo(20_000).unwrap();
        socket.set_linger(0).unwrap();
        socket.connect(&address(&server, "db_address")).unwrap();
        socket.send(palm::Message::new("x.get", "name").encode(), 0).unwrap();
        assert_eq!(socket.recv_bytes(0).unwrap(), b"shaky_done");
        server.shutdown();
        server.join().unwrap();
        assert_eq!(logged(&["shaky_done", "the part failed"]), 0);
    });
}

/// A store of a user's that panics on some keys.
struct Rude(MemoryCache);

impl Cache for Rude {
    fn get(&self, key: &str) -> Result<Option<Bytes>> {
        assert_ne!(key, "rude", "a store with bugs");
        self.0.get(key)
    }

    fn set(&self, key: &str, value: Bytes) -> Result<()> {
        self.0.set(key, value)
    }

    fn delete(&self, key: &str) -> Result<bool> {
        self.0.delete(key)
    }

    fn clean(&self, prefix: &str) -> Result<usize> {
        self.0.clean(prefix)
    }
}

#[test]
fn a_store_that_panics_costs_one_request() {
    guarded(|| {
        let server = Server::new("shaky_store", Echo).cache(Rude(MemoryCache::new())).start().unwrap();
        let client: Client = client(&server);
        for _ in 0..20 {
            assert_eq!(client.get("rude").unwrap(), None);
            client.set("value", "key").unwrap();
            assert_eq!(client.get("key").unwrap().unwrap(), "value");
        }
        assert_eq!(server.stats().get(Counter::Errors), 20);
        assert_eq!(logged(&["shaky_store", "the part failed"]), 0);
    });
}

/// An outbound part whose timer panics.
struct Bomb;

impl Part for Bomb {
    fn open(&mut self, _opening: &mut Opening<'_>) -> Result<()> {
        Ok(())
    }

    fn deliver(&mut self, turn: &mut Turn<'_>, envelope: palm::part::Envelope) {
        turn.wake_in(std::time::Duration::ZERO);
        assert_ne!(*envelope.message.payload(), "panic", "of one message");
    }

    fn resume(&mut self, turn: &mut Turn<'_>) {
        turn.wake_in(std::time::Duration::ZERO);
        panic!("a bomb");
    }
}

impl FromAddress for Bomb {
    fn at(_: Address) -> Self {
        Self
    }
}

impl Outbound for Bomb {
    const BINDS: bool = false;
}

#[test]
fn a_part_of_the_router_that_panics_by_itself_does_not_do_so_for_ever() {
    guarded(|| {
        let server = ServerTemplate::new("shaky_bomb")
            .register_inbound("Pull", PullService::new(Address::any()), "Bomb")
            .register_outbound("Bomb", Bomb, Route::exterior())
            .start()
            .unwrap();
        let context = zmq::Context::new();
        let push = context.socket(zmq::PUSH).unwrap();
        push.connect(&address(&server, "pull_address")).unwrap();
        push.send(palm::Message::new("x.y", "x").encode(), 0).unwrap();
        until("the failure", || server.has_ended());
        let stats = server.stats();
        let error = server.join().unwrap_err();
        assert!(
            matches!(&error, Error::PartFailed { part, text, .. } if part == "Bomb" && text == "a bomb"),
            "{error}"
        );
        assert_eq!(stats.get(Counter::Errors), 6);
    });
}

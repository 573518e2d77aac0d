//! User code that panics, wherever it stands.

use palm::stats::Counter;
use palm::wire::Code;
use palm::{Client, Error, Master, Message, Server, Topic, Worker};

use crate::support::{address, client, guarded, logged};

struct Rude;

#[palm::server]
impl Rude {
    fn started(&mut self) {
        panic!("rude when started");
    }

    fn stopping(&mut self) {
        panic!("rude when stopping");
    }

    fn foo(&mut self, text: String) -> String {
        assert_ne!(text, "panic", "rude in foo");
        text
    }

    fn some(&mut self) -> impl Iterator<Item = String> {
        (0..1_000).map(|number| if number < 700 { number.to_string() } else { panic!("rude in an iterator") })
    }
}

/// Panics in the hook that the payload names.
struct RudeHooks;

fn panics(message: &Message, hook: &str) {
    assert!(!message.payload().ends_with(hook.as_bytes()), "rude in {hook}");
}

#[palm::master]
impl RudeHooks {
    fn scatter(&mut self, message: Message) -> Option<Message> {
        panics(&message, "scatter");
        Some(message)
    }

    fn gather(&mut self, message: Message) -> Option<Message> {
        panics(&message, "gather");
        Some(message)
    }

    fn handle_stream(&mut self, message: &mut Message) -> Topic {
        panics(message, "handle_stream");
        message.client().into()
    }
}

struct Hand;

#[palm::worker]
impl Hand {
    fn foo(&mut self, text: String) -> String {
        text
    }
}

fn is_panic(result: palm::Result<palm::client::Reply>, said: &str) {
    let error = result.unwrap_err();
    assert!(matches!(&error, Error::Remote { code: Code::MethodPanicked, text, .. } if text.contains(said)), "{error}");
}

#[test]
fn a_server_outlives_the_panics_of_its_methods_and_hooks() {
    guarded(|| {
        let server = Server::new("rude_server", Rude).start().unwrap();
        let caller = client(&server);
        for _ in 0..20 {
            is_panic(caller.eval("rude_server.foo", "panic"), "rude in foo");
            assert_eq!(caller.eval("rude_server.foo", "x").unwrap(), "x");
        }
        assert_eq!(server.stats().get(Counter::Errors), 20);
        let mut results = caller.job("rude_server.some", ["x"]).messages(701);
        for number in 0..700 {
            assert_eq!(results.next().unwrap().unwrap(), number.to_string());
        }
        is_panic(results.next().unwrap(), "rude in an iterator");
        server.shutdown();
        server.join().unwrap();
        assert_eq!(logged(&["rude_server", "ERROR", "rude when started"]), 1);
        assert_eq!(logged(&["rude_server", "ERROR", "rude when stopping"]), 1);
    });
}

#[test]
fn a_master_outlives_the_panics_of_its_hooks() {
    guarded(|| {
        let master = Master::with("rude_master", RudeHooks).start().unwrap();
        let worker = Worker::new("rude_worker", Hand).db_address(address(&master, "db_address")).start().unwrap();
        let caller: Client = client(&master);
        for _ in 0..5 {
            for hook in ["scatter", "gather", "handle_stream"] {
                is_panic(caller.eval("rude_master.foo", hook), &format!("rude in {hook}"));
                assert_eq!(caller.eval("rude_master.foo", "x").unwrap(), "x");
            }
        }
        drop(worker);
    });
}

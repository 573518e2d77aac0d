//! Where components bind, and what they say when they cannot.

use palm::part::Address;
use palm::{Client, Context, Error, Master, Server, Worker};

use crate::support::{address, client, guarded};

struct Echo;

#[palm::server]
impl Echo {
    fn foo(&mut self, text: String) -> String {
        text
    }
}

struct Hand;

#[palm::worker]
impl Hand {
    fn foo(&mut self, text: &str) -> String {
        format!("<{text}>")
    }
}

#[test]
fn a_port_of_the_system_s_choice_is_told() {
    guarded(|| {
        for given in ["tcp://127.0.0.1:0", "tcp://127.0.0.1:*", "tcp://localhost:0"] {
            let server =
                Server::new("chosen", Echo).db_address(given).pull_address(given).pub_address(given).start().unwrap();
            for key in ["db_address", "pull_address", "pub_address"] {
                let port: u16 = address(&server, key).rsplit_once(':').unwrap().1.parse().unwrap();
                assert_ne!(port, 0);
                assert_eq!(client(&server).get(key).unwrap().unwrap(), address(&server, key).as_bytes());
            }
            assert_eq!(client(&server).eval("chosen.foo", "x").unwrap(), "x");
        }
        assert_eq!(Server::new("any", Echo).pull_address(Address::any()).start().unwrap().addresses().len(), 4);
    });
}

#[test]
fn a_classic_master_offers_no_link() {
    guarded(|| {
        assert!(Master::new("linking").start().unwrap().address("_palm.link").is_ok());
        let master = Master::new("classic").link_address(Address::any()).classic().start().unwrap();
        assert!(matches!(master.address("_palm.link"), Err(Error::NoAddress { .. })));
        let _worker = Worker::new("hand", Hand).db_address(address(&master, "db_address")).start().unwrap();
        assert_eq!(client(&master).eval("classic.foo", "x").unwrap(), "<x>");
    });
}

#[test]
fn an_address_in_use_is_told_with_its_part() {
    guarded(|| {
        let first = Server::new("first", Echo).start().unwrap();
        let taken = address(&first, "pull_address");
        let second = || Server::new("second", Echo);
        for (part, server) in [
            ("Pull", second().pull_address(&*taken)),
            ("Pub", second().pub_address(&*taken)),
            ("Cache", second().db_address(&*taken)),
        ] {
            let error = server.start().unwrap_err();
            let text = error.to_string();
            assert!(
                matches!(&error, Error::Address { component, part: own, address, .. }
                if component == "second" && own == part && *address == taken),
                "{text}"
            );
            for word in ["second", part, &taken, "in use"] {
                assert!(text.contains(word), "{word}: {text}");
            }
        }
        // What was bound before the failure is free again.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let own = format!("tcp://127.0.0.1:{port}");
        assert!(second().pull_address(&*own).db_address(&*taken).start().is_err());
        drop(second().pull_address(&*own).start().unwrap());
    });
}

#[test]
fn nonsense_for_an_address_is_an_error() {
    guarded(|| {
        for given in [
            "",
            "tcp",
            "tcp://",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:x",
            "nothing://x:1",
            "tcp://127.0.0.1:\0",
            "inproc://\0",
        ] {
            let error = Server::new("nonsense", Echo).pull_address(given).start().unwrap_err();
            assert!(matches!(&error, Error::Address { part, .. } if part == "Pull"), "{given}: {error}");
        }
    });
}

#[test]
fn beyond_loopback_is_refused_unless_it_is_meant() {
    guarded(|| {
        for given in ["tcp://*:*", "tcp://0.0.0.0:0", "tcp://[::]:0"] {
            for server in [
                Server::new("open", Echo).pull_address(given),
                Server::new("open", Echo).pub_address(given),
                Server::new("open", Echo).db_address(given),
            ] {
                let error = server.start().unwrap_err();
                assert!(matches!(&error, Error::Insecure { component, .. } if component == "open"), "{error}");
                assert!(error.to_string().contains("insecure()"), "{error}");
            }
        }
        let server = Server::new("open", Echo).insecure().advertise("localhost");
        let server = server.pull_address("tcp://*:*").pub_address("tcp://0.0.0.0:0").start().unwrap();
        for key in ["pull_address", "pub_address"] {
            assert!(address(&server, key).starts_with("tcp://localhost:"), "{}", address(&server, key));
        }
        assert!(address(&server, "db_address").starts_with("tcp://127.0.0.1:"));
        assert_eq!(client(&server).eval("open.foo", "x").unwrap(), "x");
    });
}

#[test]
fn a_whole_cluster_lives_in_one_context() {
    guarded(|| {
        let context = Context::new();
        let master = Master::new("master").context(&context).db_address("inproc://db").pull_address("inproc://pull");
        let master = master.pub_address("inproc://pub").worker_push_address("inproc://work");
        let master = master.worker_pull_address("inproc://done").start().unwrap();
        let workers = ["one", "two"]
            .map(|name| Worker::new(name, Hand).context(&context).db_address("inproc://db").start().unwrap());
        let client = Client::builder("master", "inproc://db").context(&context).connect().unwrap();
        let replies: Vec<_> =
            client.job("master.foo", (0..2_000).map(|number| number.to_string())).messages(2_000).collect();
        let mut numbers: Vec<usize> = replies
            .into_iter()
            .map(|reply| String::from_utf8(reply.unwrap().to_vec()).unwrap().trim_matches(['<', '>']).parse().unwrap())
            .collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..2_000));
        drop(client);
        for worker in workers {
            worker.shutdown();
            worker.join().unwrap();
        }
        master.shutdown();
        master.join().unwrap();
    });
}

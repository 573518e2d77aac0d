//! Every bound socket of a server and of a master, while a job runs.

use std::collections::BTreeSet;
use std::time::Duration;

use palm::part::{CacheService, PushPullService, RepBypassService, RepService};
use palm::stats::Counter;
use palm::topology::Route;
use palm::wire::proto::LinkHello;
use palm::{Client, Handle, Hub, Master, Message, Server, ServerTemplate, Worker};
use prost::Message as _;

use crate::attack::{Attack, Noise};
use crate::support::{address, client, guarded, logged, until};

const MESSAGES: usize = 5_000;

/// How long what goes to nobody is kept: it would have to be waited for at the end.
const SHORT: Duration = Duration::from_millis(500);

struct Echo;

#[palm::server]
impl Echo {
    fn foo(&mut self, text: &str) -> String {
        format!("<{text}>")
    }
}

struct Hand;

#[palm::worker]
impl Hand {
    fn foo(&mut self, text: &str) -> String {
        format!("<{text}>")
    }
}

fn job(client: &Client, function: &str) -> Vec<String> {
    let messages = (0..MESSAGES).map(|number| number.to_string());
    let replies = client.job(function, messages).messages(MESSAGES);
    replies.map(|reply| String::from_utf8(reply.unwrap().to_vec()).unwrap()).collect()
}

fn expected() -> Vec<String> {
    (0..MESSAGES).map(|number| format!("<{number}>")).collect()
}

fn still_well(handle: &Handle, before: &Client) {
    assert_eq!(before.eval(format!("{}.foo", handle.name()), "again").unwrap(), "<again>");
    let name = client(handle).get("name").unwrap().unwrap();
    assert_eq!(name, handle.name().as_bytes());
    assert_eq!(logged(&["panicked in palm"]), 0);
}

#[test]
fn a_server_works_on() {
    guarded(|| {
        let server = Server::new("abused_server", Echo).hold_time(SHORT).start().unwrap();
        let caller = client(&server);
        let mut attack = Attack::new();
        attack.messages(zmq::PUSH, &address(&server, "pull_address"));
        attack.messages(zmq::XSUB, &address(&server, "pub_address"));
        attack.messages(zmq::DEALER, &address(&server, "db_address"));
        for key in ["pull_address", "pub_address", "db_address"] {
            attack.bytes(&address(&server, key));
            attack.stranger(zmq::PAIR, &address(&server, key));
        }
        for _ in 0..3 {
            assert!(job(&caller, "abused_server.foo") == expected());
        }
        let bad = attack.end();
        assert!(bad > 0);
        still_well(&server, &caller);
        server.shutdown();
        server.join().unwrap();
    });
}

/// A pool of workers behind a service, with everything beside the router.
#[test]
fn parts_that_answer_work_on() {
    guarded(|| {
        let any = "tcp://127.0.0.1:*";
        let pool = ServerTemplate::new("abused_pool")
            .register_inbound("Rep", RepService::new(any), Route::to("Workers").blocking())
            .register_outbound("Workers", PushPullService::new(any, any), Route::exterior())
            .register_bypass("Cache", CacheService::new(any))
            .register_bypass("Health", RepBypassService::new(any).answer(|_, _| b"alive".to_vec()))
            .start()
            .unwrap();
        let worker = Worker::new("abused_hand", Hand).db_address(address(&pool, "db_address")).start().unwrap();
        let context = zmq::Context::new();
        let connected = |key| {
            let socket = context.socket(zmq::REQ).unwrap();
            socket.set_rcvtimeo(20_000).unwrap();
            socket.connect(&address(&pool, key)).unwrap();
            socket
        };
        let (rep, health) = (connected("rep_address"), connected("rep_bypass_address"));
        let works = |number: usize| {
            rep.send(Message::new("abused_pool.foo", number.to_string()).encode(), 0).unwrap();
            let answer = Message::decode(rep.recv_bytes(0).unwrap().into()).unwrap();
            assert_eq!(answer.payload(), format!("<{number}>").as_bytes());
            health.send("well?", 0).unwrap();
            assert_eq!(health.recv_bytes(0).unwrap(), b"alive");
        };
        // The worker is there before anybody else pulls.
        works(0);
        let mut attack = Attack::new();
        attack.messages(zmq::PUSH, &address(&pool, "worker_pull_address"));
        for key in ["rep_address", "rep_bypass_address", "db_address"] {
            attack.messages(zmq::DEALER, &address(&pool, key));
        }
        for key in ["rep_address", "rep_bypass_address", "worker_push_address", "worker_pull_address"] {
            attack.bytes(&address(&pool, key));
            attack.stranger(zmq::PAIR, &address(&pool, key));
        }
        (1..MESSAGES / 10).for_each(works);
        assert!(attack.end() > 0);
        works(MESSAGES);
        assert_eq!(logged(&["panicked in palm"]), 0);
        pool.shutdown();
        pool.join().unwrap();
        drop(worker);
    });
}

#[test]
fn what_is_no_message_is_counted_and_logged() {
    guarded(|| {
        let server = Server::new("counting_server", Echo).hold_time(SHORT).start().unwrap();
        let caller = client(&server);
        let mut attack = Attack::new();
        attack.messages(zmq::PUSH, &address(&server, "pull_address"));
        assert!(job(&caller, "counting_server.foo") == expected());
        let bad = attack.end();
        let stats = server.stats();
        until("the count", || stats.get(Counter::Undecodable) >= bad);
        assert_eq!(stats.get(Counter::Undecodable), bad);
        let lines = logged(&["counting_server", "no PALM message"]) + logged(&["counting_server", "number of frames"]);
        assert_eq!(lines as u64, bad);
        still_well(&server, &caller);
    });
}

#[test]
fn what_is_no_request_is_answered_and_counted() {
    guarded(|| {
        let server = Server::new("counting_cache", Echo).start().unwrap();
        let context = zmq::Context::new();
        let asker = context.socket(zmq::REQ).unwrap();
        asker.set_rcvtimeo(20_000).unwrap();
        asker.connect(&address(&server, "db_address")).unwrap();
        for _ in 0..100 {
            asker.send([0xff; 11].to_vec(), 0).unwrap();
            assert_eq!(asker.recv_bytes(0).unwrap(), b"");
            asker.send("", 0).unwrap();
            assert_eq!(asker.recv_bytes(0).unwrap(), b"");
        }
        let rude = context.socket(zmq::DEALER).unwrap();
        rude.connect(&address(&server, "db_address")).unwrap();
        for _ in 0..100 {
            rude.send_multipart(["", "x", "y"], 0).unwrap();
        }
        let stats = server.stats();
        until("the count", || stats.get(Counter::Undecodable) >= 200);
        assert_eq!(stats.get(Counter::Undecodable), 200);
        assert_eq!(client(&server).get("name").unwrap().unwrap(), b"counting_cache");
    });
}

#[test]
fn a_master_and_its_workers_work_on() {
    guarded(|| {
        let master = Master::new("abused_master").hold_time(SHORT).start().unwrap();
        let db = address(&master, "db_address");
        let workers = ["abused_one", "abused_two"].map(|name| Worker::new(name, Hand).db_address(&db).start().unwrap());
        let caller = client(&master);
        let mut attack = Attack::new();
        attack.messages(zmq::PUSH, &address(&master, "pull_address"));
        attack.messages(zmq::PUSH, &address(&master, "worker_pull_address"));
        attack.messages(zmq::XSUB, &address(&master, "pub_address"));
        attack.messages(zmq::DEALER, &db);
        attack.messages(zmq::DEALER, &address(&master, "_palm.link"));
        for key in
            ["pull_address", "pub_address", "db_address", "worker_pull_address", "worker_push_address", "_palm.link"]
        {
            attack.bytes(&address(&master, key));
        }
        attack.stranger(zmq::REP, &address(&master, "worker_push_address"));
        attack.stranger(zmq::REQ, &address(&master, "worker_pull_address"));
        for _ in 0..2 {
            let replies: BTreeSet<_> = job(&caller, "abused_master.foo").into_iter().collect();
            assert!(replies == expected().into_iter().collect());
        }
        assert!(attack.end() > 0);
        assert!(master.stats().get(Counter::Undecodable) > 0);
        still_well(&master, &caller);
        drop(workers);
    });
}

/// Somebody who is linked, and then says nonsense: its session ends, and nobody else's.
#[test]
fn a_master_survives_those_who_are_linked() {
    guarded(|| {
        let master = Master::new("linked_master").start().unwrap();
        let worker = Worker::new("abused_four", Hand).db_address(address(&master, "db_address")).start().unwrap();
        let caller = client(&master);
        assert_eq!(caller.eval("linked_master.foo", "it").unwrap(), "<it>");
        let context = zmq::Context::new();
        let mut noise = Noise(7);
        for number in 0..60_u8 {
            let rude = context.socket(zmq::DEALER).unwrap();
            rude.set_linger(0).unwrap();
            rude.set_rcvtimeo(20_000).unwrap();
            rude.connect(&address(&master, "_palm.link")).unwrap();
            let hello = LinkHello { protocol: 1, session: vec![number; 16].into(), ..LinkHello::default() };
            rude.send([&[1][..], &hello.encode_to_vec()].concat(), 0).unwrap();
            assert_eq!(rude.recv_bytes(0).unwrap()[0], 2, "a welcome");
            let head = |kind: u8| [&[kind][..], &1_u64.to_le_bytes(), &0_u64.to_le_bytes()].concat();
            let nonsense = match number % 4 {
                // A frame of noise, an acknowledgement of what was never said, a record of a length that is not there, and a
                // result of a message that this peer never got.
                0 => [head(3), noise.bytes(200)].concat(),
                1 => [&[4][..], &u64::MAX.to_le_bytes()].concat(),
                2 => [head(3), u32::MAX.to_le_bytes().to_vec()].concat(),
                _ => [head(3), 16_u32.to_le_bytes().to_vec(), vec![4], vec![1; 8], vec![0; 4], vec![1], b"it".to_vec()]
                    .concat(),
            };
            rude.send(nonsense, 0).unwrap();
        }
        let replies: BTreeSet<_> = job(&caller, "linked_master.foo").into_iter().collect();
        assert!(replies == expected().into_iter().collect());
        until("the count", || master.stats().get(Counter::Undecodable) >= 30);
        still_well(&master, &caller);
        drop(worker);
    });
}

#[test]
fn a_hub_works_on() {
    guarded(|| {
        let server = Server::new("abused_source", Echo).pipelined(true).hold_time(SHORT).start().unwrap();
        let hub = Hub::new("abused_hub").sub_address(address(&server, "pub_address")).previous("abused_source");
        let hub = hub.hold_time(SHORT).start().unwrap();
        let worker = Worker::new("abused_three", Hand).db_address(address(&hub, "db_address")).start().unwrap();
        let caller = Client::builder("abused_source", address(&server, "db_address"));
        let caller = caller.sub_address(address(&hub, "pub_address")).connect().unwrap();
        let mut attack = Attack::new();
        attack.messages(zmq::PUSH, &address(&hub, "worker_pull_address"));
        attack.messages(zmq::XSUB, &address(&server, "pub_address"));
        for key in ["pub_address", "db_address", "worker_pull_address", "worker_push_address"] {
            attack.bytes(&address(&hub, key));
        }
        let replies: BTreeSet<_> = job(&caller, "abused_source.foo abused_hub.foo").into_iter().collect();
        assert!(replies == (0..MESSAGES).map(|number| format!("<<{number}>>")).collect());
        attack.end();
        assert_eq!(logged(&["panicked in palm"]), 0);
        drop(worker);
    });
}

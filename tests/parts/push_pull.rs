//! Workers whose results are the feedback.

use std::time::Duration;

use palm::part::{CacheService, Methods, PubService, PullService, PushPullService, PushService, RepService};
use palm::stats::Counter;
use palm::topology::Route;
use palm::wire::Code;
use palm::{Handle, Message, ServerTemplate, Worker};

use crate::peers::{ask, ask_raw, code_of, connected, decode, message, text};
use crate::support::{address, client, guarded, until};

fn part() -> PushPullService {
    PushPullService::new("tcp://127.0.0.1:*", "tcp://127.0.0.1:*")
}

fn pool(part: PushPullService) -> Handle {
    ServerTemplate::new("pool")
        .register_inbound("Rep", RepService::new("tcp://127.0.0.1:*"), Route::to("Workers").blocking())
        .register_outbound("Workers", part, Route::exterior())
        .register_bypass("Cache", CacheService::new("tcp://127.0.0.1:*"))
        .start()
        .unwrap()
}

#[derive(Default)]
struct Work;

#[palm::worker]
impl Work {
    fn foo(&mut self, text: &str) -> String {
        format!("<{text}>")
    }

    fn fails(&mut self) -> Result<String, String> {
        Err("as it should".to_owned())
    }

    fn none(&mut self) -> impl Iterator<Item = String> {
        std::iter::empty()
    }

    fn many(&mut self) -> impl Iterator<Item = String> {
        (0..3).map(|number| number.to_string())
    }
}

fn worker(name: &str, pool: &Handle) -> Handle {
    Worker::new(name, Work).db_address(address(pool, "db_address")).start().unwrap()
}

#[test]
fn workers_find_it_and_answer_its_callers() {
    guarded(|| {
        let pool = pool(part());
        let _workers = [worker("worker1", &pool), worker("worker2", &pool)];
        let rep = address(&pool, "rep_address");
        let callers: Vec<_> = (0..40).map(|_| connected(zmq::REQ, &rep)).collect();
        for (number, caller) in callers.iter().enumerate() {
            caller.send(message("pool.foo", &number.to_string()), 0).unwrap();
        }
        for (number, caller) in callers.iter().enumerate() {
            let answer = decode(caller.recv_bytes(0).unwrap());
            assert_eq!(text(&answer), format!("<{number}>"));
            assert!(answer.delivery().is_none(), "the mark means something inside only");
        }
        let caller = &callers[0];
        assert_eq!(code_of(&ask(caller, "pool.fails", "a")), Code::MethodFailed);
        assert_eq!(ask_raw(caller, &message("pool.none", "a")), b"");
        assert_eq!(text(&ask(caller, "pool.many", "a")), "0");
        until("the other results", || pool.stats().get(Counter::Discarded) == 2);
    });
}

/// A chain of feedback: workers, then methods, then the client.
#[test]
fn every_result_goes_on_to_the_next_part() {
    guarded(|| {
        #[derive(Default)]
        struct Shout;

        #[palm::server]
        impl Shout {
            fn many(&mut self, text: &str) -> String {
                format!("{text}!")
            }
        }

        let pool = ServerTemplate::new("pool")
            .register_inbound("Pull", PullService::new("tcp://127.0.0.1:*"), "Workers")
            .register_outbound("Workers", part(), "Methods")
            .register_outbound("Methods", Methods::default(), "Pub")
            .register_outbound("Pub", PubService::new("tcp://127.0.0.1:*"), Route::exterior())
            .register_bypass("Cache", CacheService::new("tcp://127.0.0.1:*"))
            .service(Shout)
            .start()
            .unwrap();
        let _worker = worker("worker", &pool);
        let client = client(&pool);
        for _ in 0..10 {
            let all = client.eval_all("pool.many", "a", 3).unwrap();
            assert_eq!(all, ["0!", "1!", "2!"]);
        }
    });
}

#[test]
fn what_a_worker_loses_is_answered_with_an_error() {
    guarded(|| {
        let pool = pool(part().result_timeout(Duration::from_millis(100)));
        let caller = connected(zmq::REQ, &address(&pool, "rep_address"));
        // There is no worker at all.
        let error = ask(&caller, "pool.foo", "a").error().unwrap();
        assert_eq!(Code::from(error.code), Code::Late);
        // One takes it, and is too late.
        let pull = connected(zmq::PULL, &address(&pool, "worker_push_address"));
        let push = connected(zmq::PUSH, &address(&pool, "worker_pull_address"));
        caller.send(message("pool.foo", "b"), 0).unwrap();
        let lost = pull.recv_bytes(0).unwrap();
        assert_eq!(text(&decode(lost.clone())), "b", "what was given up before it was sent is not sent");
        assert_eq!(code_of(&decode(caller.recv_bytes(0).unwrap())), Code::Late);
        push.send(lost, 0).unwrap();
        until("it is stale", || pool.stats().get(Counter::Stale) == 1);
        assert_eq!(pool.stats().get(Counter::Discarded), 0);
    });
}

#[test]
fn workers_that_drop_the_mark_are_told_by_what_they_bring_back() {
    guarded(|| {
        let pool = pool(part());
        let pull = connected(zmq::PULL, &address(&pool, "worker_push_address"));
        let push = connected(zmq::PUSH, &address(&pool, "worker_pull_address"));
        let rep = address(&pool, "rep_address");
        let callers: Vec<_> = (0..10).map(|_| connected(zmq::REQ, &rep)).collect();
        for (number, caller) in callers.iter().enumerate() {
            caller.send(message("pool.foo", &number.to_string()), 0).unwrap();
        }
        let mut asked: Vec<_> = callers.iter().map(|_| decode(pull.recv_bytes(0).unwrap())).collect();
        asked.reverse();
        for message in asked {
            let mut bare = Message::new(message.function(), message.payload().clone());
            bare.set_client(message.client());
            bare.set_cache(message.cache());
            push.send(bare.encode(), 0).unwrap();
        }
        for (number, caller) in callers.iter().enumerate() {
            assert_eq!(text(&decode(caller.recv_bytes(0).unwrap())), number.to_string());
        }
        // What is nobody's result, and what is none at all.
        push.send(message("pool.foo", "forged"), 0).unwrap();
        push.send("\u{7f}nonsense", 0).unwrap();
        until("both are counted", || {
            (pool.stats().get(Counter::Discarded), pool.stats().get(Counter::Undecodable)) == (1, 1)
        });
    });
}

#[test]
fn workers_that_are_slow_slow_what_leads_to_them() {
    guarded(|| {
        let pool = ServerTemplate::new("pool")
            .register_inbound("Pull", PullService::new("tcp://127.0.0.1:*"), "Workers")
            .register_outbound("Workers", part().max_messages(4), "Push")
            .register_outbound("Push", PushService::new("tcp://127.0.0.1:*"), Route::exterior())
            .start()
            .unwrap();
        let push = connected(zmq::PUSH, &address(&pool, "pull_address"));
        let results = connected(zmq::PULL, &address(&pool, "push_address"));
        let work = connected(zmq::PULL, &address(&pool, "worker_push_address"));
        let done = connected(zmq::PUSH, &address(&pool, "worker_pull_address"));
        for number in 0..40 {
            push.send(message("x.y", &number.to_string()), 0).unwrap();
        }
        for number in 0..40 {
            let taken = work.recv_bytes(0).unwrap();
            assert!(pool.stats().get(Counter::Received) <= number + 5, "more is inside than may be");
            done.send(taken, 0).unwrap();
            assert_eq!(text(&decode(results.recv_bytes(0).unwrap())), number.to_string());
        }
    });
}

#[test]
fn the_end_does_not_wait_for_workers_that_are_not_there() {
    guarded(|| {
        let pool = pool(part());
        let caller = connected(zmq::REQ, &address(&pool, "rep_address"));
        caller.send(message("pool.foo", "a"), 0).unwrap();
        until("it is inside", || pool.stats().get(Counter::Received) == 1);
        pool.shutdown();
        assert_eq!(code_of(&decode(caller.recv_bytes(0).unwrap())), Code::ShuttingDown);
        pool.join().unwrap();
    });
}

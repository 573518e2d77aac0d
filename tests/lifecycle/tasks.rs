//! Methods that are `async`, as tasks of a runtime.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use palm::stats::Counter;
use palm::wire::Code;
use palm::{Call, Client, Error, Master, Pipeline, Server, Sink, Worker};
use tokio::sync::{Barrier, Semaphore};

use crate::support::{address, client, guarded, logged, until};

/// Nobody leaves `meet` before all have come.
struct Meeting {
    barrier: Barrier,
    inside: AtomicUsize,
    most: Arc<AtomicUsize>,
    count: usize,
}

impl Meeting {
    fn of(people: usize) -> Self {
        Self { barrier: Barrier::new(people), inside: AtomicUsize::new(0), most: Arc::default(), count: 0 }
    }
}

#[palm::server]
impl Meeting {
    async fn meet(&self, text: &str) -> String {
        self.most.fetch_max(self.inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        self.barrier.wait().await;
        tokio::task::yield_now().await;
        self.inside.fetch_sub(1, Ordering::SeqCst);
        text.to_owned()
    }

    fn look(&self) -> String {
        self.count.to_string()
    }

    /// Nobody is inside meanwhile.
    fn count(&mut self) -> String {
        self.count += 1;
        format!("{} {}", self.count, self.inside.load(Ordering::SeqCst))
    }
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:04}")).collect()
}

/// Every answer of a job, sorted.
fn answers(client: &Client, function: &str, payloads: &[String], each: usize) -> Vec<String> {
    let answers = client.job(function, payloads.to_vec()).messages(payloads.len() * each);
    let mut answers: Vec<_> = answers.map(|answer| String::from_utf8(answer.unwrap().to_vec()).unwrap()).collect();
    answers.sort();
    answers
}

#[test]
fn two_hundred_calls_of_a_server_meet() {
    guarded(|| {
        let server = Server::new("tasks_many", Meeting::of(200)).start().unwrap();
        let client = client(&server);
        assert_eq!(answers(&client, "tasks_many.meet", &numbers(1000), 1), numbers(1000));
        server.shutdown();
        server.join().unwrap();
        assert_eq!(logged(&["tasks_many", "ended with"]), 0);
    });
}

#[test]
fn so_many_tasks_and_no_more() {
    guarded(|| {
        let meeting = Meeting::of(3);
        let most = meeting.most.clone();
        let server = Server::new("tasks_three", meeting).tasks(3).start().unwrap();
        let client = client(&server);
        assert_eq!(answers(&client, "tasks_three.meet", &numbers(300), 1), numbers(300));
        assert_eq!(most.load(Ordering::SeqCst), 3);
    });
}

#[test]
fn a_call_that_has_the_object_for_itself_comes_between() {
    guarded(|| {
        for threads in [1, 4] {
            let server = Server::new("tasks_between", Meeting::of(5)).threads(threads).start().unwrap();
            let client = client(&server);
            // Each of them waits for the five before it.
            let calls = (0..60).map(|number| match number % 6 {
                5 => client.eval_async("tasks_between.count", ""),
                _ => client.eval_async("tasks_between.meet", "x"),
            });
            let answers = futures::executor::block_on(futures::future::join_all(calls));
            let answers: Vec<_> =
                answers.into_iter().map(|answer| String::from_utf8(answer.unwrap().to_vec()).unwrap()).collect();
            for (number, answer) in answers.iter().enumerate() {
                match number % 6 {
                    5 => assert_eq!(*answer, format!("{} 0", number / 6 + 1)),
                    _ => assert_eq!(answer, "x"),
                }
            }
            assert_eq!(client.eval("tasks_between.look", "").unwrap(), "10");
            assert_eq!(server.stats().get(Counter::Calls), 61);
        }
    });
}

/// What takes `&self` runs beside tasks that wait for it, on the thread that drives the component.
struct Gates {
    gate: Semaphore,
}

#[palm::server]
impl Gates {
    async fn pass(&self, text: String) -> String {
        self.gate.acquire().await.unwrap().forget();
        text
    }

    fn open(&self) {
        self.gate.add_permits(1);
    }
}

#[test]
fn what_takes_the_object_by_reference_runs_beside_tasks() {
    guarded(|| {
        for threads in [1, 2] {
            let server =
                Server::new("tasks_beside", Gates { gate: Semaphore::new(0) }).threads(threads).start().unwrap();
            let client = client(&server);
            let calls: Vec<_> = (0..10).map(|_| client.eval_async("tasks_beside.pass", "x")).collect();
            let calls = std::thread::spawn(|| futures::executor::block_on(futures::future::join_all(calls)));
            for _ in 0..10 {
                assert_eq!(client.eval("tasks_beside.open", "").unwrap(), "");
            }
            assert!(calls.join().unwrap().into_iter().all(|answer| answer.unwrap() == "x"));
        }
    });
}

struct Hands(Barrier);

#[palm::worker]
impl Hands {
    async fn greet(&self, call: &Call<'_>) -> String {
        call.name().to_owned()
    }

    async fn meet(&self, text: String) -> String {
        self.0.wait().await;
        text
    }

    async fn twice<'a>(&'a self, text: &'a str) -> impl Iterator<Item = String> + 'a {
        self.0.wait().await;
        (0..2).map(move |number| format!("{text}.{number}"))
    }
}

/// On the link as on the classic sockets, one worker does very many messages at a time, and its master hears of each.
#[test]
fn two_hundred_calls_of_one_worker_meet() {
    guarded(|| {
        for classic in [false, true] {
            let master = Master::new("tasks_master").start().unwrap();
            let db = address(&master, "db_address");
            let worker = Worker::new("hands", Hands(Barrier::new(200))).db_address(&db);
            let worker = if classic { worker.classic() } else { worker }.start().unwrap();
            let client = Client::connect("tasks_master", &db).unwrap();
            // A classic worker says with its first result how many messages it does at a time.
            assert_eq!(client.eval("tasks_master.greet", "").unwrap(), "hands");
            assert_eq!(answers(&client, "tasks_master.meet", &numbers(600), 1), numbers(600));
            if !classic {
                let expected: Vec<_> =
                    numbers(200).iter().flat_map(|text| [format!("{text}.0"), format!("{text}.1")]).collect();
                assert_eq!(answers(&client, "tasks_master.twice", &numbers(200), 2), expected);
            }
            worker.shutdown();
            worker.join().unwrap();
            assert_eq!(master.stats().get(Counter::Redelivered), 0);
            assert_eq!(master.stats().get(Counter::Stale), 0);
        }
    });
}

#[derive(Default)]
struct Moods;

#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is broken")
    }
}

impl std::error::Error for Broken {}

/// Panics when it is dropped.
struct Brittle;

impl Drop for Brittle {
    fn drop(&mut self) {
        panic!("dropped {}", "badly");
    }
}

#[palm::server]
impl Moods {
    async fn fails(&self) -> Result<String, Broken> {
        tokio::task::yield_now().await;
        Err(Broken)
    }

    async fn panics(&self, text: &str) {
        tokio::task::yield_now().await;
        panic!("no {text}")
    }

    async fn brittle(&self) -> &'static str {
        let _brittle = Brittle;
        tokio::task::yield_now().await;
        "whole"
    }

    async fn text(&self, text: &str) -> String {
        text.to_owned()
    }

    async fn nothing(&self) -> Option<String> {
        None
    }

    async fn count(&self, text: &str) -> impl Iterator<Item = String> {
        let count: usize = text.parse().unwrap();
        (0..count).map(|number| number.to_string())
    }
}

fn code(error: &Error) -> Option<Code> {
    match error {
        Error::Remote { code, .. } => Some(*code),
        _ => None,
    }
}

#[test]
fn what_goes_wrong_is_the_answer_to_its_own_call() {
    guarded(|| {
        let server = Server::new("tasks_moods", Moods).start().unwrap();
        let client = client(&server);
        let of = |method: &str, payload: &[u8]| client.eval(format!("tasks_moods.{method}"), payload.to_vec());
        for _ in 0..10 {
            let error = of("fails", b"").unwrap_err();
            assert_eq!(code(&error), Some(Code::MethodFailed));
            assert!(error.to_string().contains("it is broken"), "{error}");
            let error = of("panics", b"way").unwrap_err();
            assert_eq!(code(&error), Some(Code::MethodPanicked));
            assert!(error.to_string().contains("no way"), "{error}");
            assert_eq!(code(&of("brittle", b"").unwrap_err()), Some(Code::MethodPanicked));
            assert_eq!(code(&of("text", b"\xff").unwrap_err()), Some(Code::PayloadRefused));
            assert_eq!(of("text", b"x").unwrap(), "x");
            assert_eq!(of("nothing", b"").unwrap(), "");
            assert_eq!(of("echo", b"x").unwrap(), "x");
        }
        assert_eq!(server.stats().get(Counter::Errors), 40);
    });
}

#[test]
fn a_deadline_is_known_and_a_late_call_is_not_begun() {
    guarded(|| {
        let gates = Arc::new(Semaphore::new(0));
        let server = Server::new("tasks_late", Late { gate: gates.clone() }).tasks(1).start().unwrap();
        let caller = client(&server);
        let soon = caller.clone().with_deadline(Duration::from_secs(20));
        assert_eq!(soon.eval("tasks_late.remaining", "").unwrap(), "true");
        let first = caller.eval_async("tasks_late.pass", "");
        let first = std::thread::spawn(|| futures::executor::block_on(first));
        until("the first call has come", || server.stats().get(Counter::Received) == 2);
        let second = caller.clone().with_deadline(Duration::from_millis(20));
        assert!(second.eval("tasks_late.pass", "").is_err());
        gates.add_permits(1);
        first.join().unwrap().unwrap();
        // Refused as late, or taken back by its client before.
        let stats = server.stats();
        until("the second call is refused", || stats.get(Counter::Late) + stats.get(Counter::Cancelled) == 1);
        assert_eq!(server.stats().get(Counter::Calls), 2);
    });
}

struct Late {
    gate: Arc<Semaphore>,
}

#[palm::server]
impl Late {
    async fn remaining(&self, call: &Call<'_>) -> String {
        let before = call.remaining();
        tokio::time::sleep(Duration::from_millis(1)).await;
        (before > call.remaining() && call.remaining().is_some()).to_string()
    }

    async fn pass(&self) {
        self.gate.acquire().await.unwrap().forget();
    }
}

/// Results beyond what is kept leave while the iterator is still pulled, on either kind of runtime.
#[test]
fn an_iterator_gives_as_many_results_as_it_likes() {
    guarded(|| {
        let one = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let handle = one.handle().clone();
        let (ended, end) = tokio::sync::oneshot::channel::<()>();
        let one = std::thread::spawn(move || one.block_on(end));
        for given in [false, true] {
            let server = Server::new("tasks_counting", Moods);
            let server = if given { server.runtime(handle.clone()) } else { server }.start().unwrap();
            let client = client(&server);
            let counts = vec!["3000"; 8];
            let results: Vec<_> = client.job("tasks_counting.count", counts).messages(24_000).collect();
            let mut results: Vec<usize> = results
                .into_iter()
                .map(|result| std::str::from_utf8(&result.unwrap()).unwrap().parse().unwrap())
                .collect();
            results.sort_unstable();
            let expected: Vec<_> = (0..3000).flat_map(|number| [number; 8]).collect();
            assert_eq!(results, expected);
        }
        drop(ended);
        let _ = one.join().unwrap();
    });
}

#[test]
fn a_given_runtime_may_be_the_callers_own() {
    guarded(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::new("tasks_given", Meeting::of(50)).runtime(tokio::runtime::Handle::current());
            let server = server.start().unwrap();
            let client = client(&server);
            let calls = (0..100).map(|_| client.eval_async("tasks_given.meet", "x"));
            assert!(futures::future::join_all(calls).await.into_iter().all(|answer| answer.unwrap() == "x"));
            // Nothing is under way, so this waits for nobody.
            drop(server);
        });
    });
}

#[test]
fn when_a_given_runtime_ends_its_calls_are_answered() {
    guarded(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let server = Server::new("tasks_orphans", Gates { gate: Semaphore::new(0) });
        let server = server.runtime(runtime.handle().clone()).start().unwrap();
        let client = client(&server);
        let calls: Vec<_> = (0..10).map(|_| client.eval_async("tasks_orphans.pass", "x")).collect();
        let calls = std::thread::spawn(|| futures::executor::block_on(futures::future::join_all(calls)));
        until("the calls are under way", || server.stats().get(Counter::Received) == 10);
        runtime.shutdown_background();
        for answer in calls.join().unwrap() {
            assert_eq!(code(&answer.unwrap_err()), Some(Code::ShuttingDown));
        }
        // Those that come later are not even begun.
        assert_eq!(code(&client.eval("tasks_orphans.pass", "x").unwrap_err()), Some(Code::ShuttingDown));
        assert_eq!(client.eval("tasks_orphans.open", "").unwrap(), "");
        server.shutdown();
        server.join().unwrap();
    });
}

/// Its object is dropped when it ends, with all that it holds.
struct Held {
    entered: Mutex<Sender<()>>,
    go: Arc<Semaphore>,
    stopped: Arc<AtomicBool>,
    dropped: Arc<AtomicBool>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::SeqCst);
    }
}

#[palm::server]
impl Held {
    async fn hold(&self, text: String) -> String {
        let _ = self.entered.lock().map(|entered| entered.send(()));
        self.go.acquire().await.unwrap().forget();
        text
    }

    fn stopping(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_component_ends_when_its_tasks_have_ended() {
    guarded(|| {
        let (entered, entrances) = channel();
        let (go, stopped, dropped) = (Arc::new(Semaphore::new(0)), Arc::default(), Arc::default());
        let held = Held {
            entered: Mutex::new(entered),
            go: go.clone(),
            stopped: Arc::clone(&stopped),
            dropped: Arc::clone(&dropped),
        };
        let server = Server::new("tasks_held", held).start().unwrap();
        let client = client(&server);
        let calls: Vec<_> = (0..20).map(|_| client.eval_async("tasks_held.hold", "x")).collect();
        let calls = std::thread::spawn(|| futures::executor::block_on(futures::future::join_all(calls)));
        for _ in 0..20 {
            entrances.recv().unwrap();
        }
        server.shutdown();
        // The cache answers, and so says that nothing has ended.
        assert_eq!(client.set("value", "key").unwrap(), "key");
        assert!(!server.has_ended() && !dropped.load(Ordering::SeqCst));
        go.add_permits(20);
        assert!(calls.join().unwrap().into_iter().all(|answer| answer.unwrap() == "x"));
        server.join().unwrap();
        assert!(stopped.load(Ordering::SeqCst));
        until("the object is dropped", || dropped.load(Ordering::SeqCst));
        assert_eq!(logged(&["tasks_held", "ended with"]), 0);
    });
}

/// A call that does not end is given up when the time to hand over is used up, those behind it are not begun, and the callers
/// are told.
#[test]
fn a_task_that_does_not_end_keeps_its_component_for_a_while_only() {
    guarded(|| {
        let (entered, entrances) = channel();
        let dropped = Arc::<AtomicBool>::default();
        let held = Held {
            entered: Mutex::new(entered),
            go: Arc::new(Semaphore::new(0)),
            stopped: Arc::default(),
            dropped: dropped.clone(),
        };
        let server = Server::new("tasks_endless", held).tasks(1).start().unwrap();
        let builder = Client::builder("tasks_endless", address(&server, "db_address"));
        let client = builder.timeout(Duration::from_secs(40)).connect().unwrap();
        let calls: Vec<_> = (0..3).map(|_| client.eval_async("tasks_endless.hold", "x")).collect();
        let calls = std::thread::spawn(|| futures::executor::block_on(futures::future::join_all(calls)));
        entrances.recv().unwrap();
        let stats = server.stats();
        until("the calls have come", || stats.get(Counter::Received) == 3);
        server.shutdown();
        for answer in calls.join().unwrap() {
            assert_eq!(code(&answer.unwrap_err()), Some(Code::ShuttingDown));
        }
        server.join().unwrap();
        assert_eq!(logged(&["tasks_endless", "gave up 1 calls"]), 1);
        assert!(stats.get(Counter::Errors) >= 1);
        assert!(entrances.try_recv().is_err());
        until("the object is dropped", || dropped.load(Ordering::SeqCst));
    });
}

struct Stuck(Arc<AtomicUsize>);

#[palm::worker]
impl Stuck {
    /// The first one to get it never ends.
    async fn foo(&self, call: &Call<'_>) -> String {
        if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
            std::future::pending::<()>().await;
        }
        call.name().to_owned()
    }
}

/// What a worker gives up is done by another one.
#[test]
fn a_worker_that_ends_leaves_its_tasks_to_others() {
    guarded(|| {
        let calls = Arc::<AtomicUsize>::default();
        let master = Master::new("tasks_heir").start().unwrap();
        let db = address(&master, "db_address");
        let stuck = Worker::new("stuck", Stuck(calls.clone())).db_address(&db).start().unwrap();
        let client = Client::builder("tasks_heir", &db).timeout(Duration::from_secs(40)).connect().unwrap();
        let call = std::thread::spawn(move || client.eval("tasks_heir.foo", ""));
        until("it is begun", || calls.load(Ordering::SeqCst) == 1);
        let _heir = Worker::new("heir", Stuck(calls)).db_address(&db).start().unwrap();
        stuck.shutdown();
        stuck.join().unwrap();
        assert_eq!(call.join().unwrap().unwrap(), "heir");
        assert_eq!(master.stats().get(Counter::Redelivered), 1);
    });
}

struct Stage;

#[palm::pipeline]
impl Stage {
    async fn foo(&self, text: &str) -> Option<String> {
        tokio::task::yield_now().await;
        (text != "server(2)").then(|| format!("stage({text})"))
    }
}

struct End;

#[palm::sink]
impl End {
    async fn foo(&self, text: &str) -> String {
        tokio::task::yield_now().await;
        format!("sink({text})")
    }
}

struct Start;

#[palm::server]
impl Start {
    async fn foo(&self, text: &str) -> String {
        format!("server({text})")
    }
}

#[test]
fn every_component_with_methods_has_tasks() {
    guarded(|| {
        let server = Server::new("tasks_start", Start).pipelined(true).start().unwrap();
        let stage = Pipeline::new("tasks_stage", Stage).sub_address(address(&server, "pub_address")).to_client(false);
        let stage = stage.previous("tasks_start").start().unwrap();
        let sink = Sink::new("tasks_end", End).sub_addresses([address(&stage, "pub_address")]);
        let sink = sink.previous(["tasks_stage"]).start().unwrap();
        let client = Client::builder("tasks_start", address(&server, "db_address"));
        let client = client.sub_address(address(&sink, "pub_address")).connect().unwrap();
        let functions = ["tasks_start.foo", "tasks_stage.foo", "tasks_end.foo"];
        let answers = client.job(functions, (0..5).map(|number| number.to_string())).messages(4);
        let mut answers: Vec<_> = answers.map(|answer| String::from_utf8(answer.unwrap().to_vec()).unwrap()).collect();
        answers.sort();
        let expected = [0, 1, 3, 4].map(|number| format!("sink(stage(server({number})))"));
        assert_eq!(answers, expected);
    });
}

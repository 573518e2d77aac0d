//! What networks do to connections.

use std::sync::atomic::Ordering::SeqCst;
use std::thread::{self, sleep};
use std::time::Duration;

use palm::{Client, Error};

use crate::cluster::Run;
use crate::figures::{Figures, Scale};
use crate::history::{Event, History};
use crate::payload;
use crate::proxy::Proxy;
use crate::raw;
use crate::relay::Relay;
use crate::role::Spec;
use crate::scenarios::stages::Stages;

struct Between {
    push: Proxy,
    results: Proxy,
}

impl Between {
    fn client_and(run: &Run) -> Self {
        let before = |key| Proxy::before(&raw::address(&run.db, key));
        Self { push: before("pull_address"), results: before("pub_address") }
    }

    fn connect(&self, run: &Run, timeout: Duration) -> Client {
        let builder =
            Client::builder("server", &run.db).push_address(&self.push.address).sub_address(&self.results.address);
        builder.connect_timeout(Duration::from_secs(60)).timeout(timeout).connect().unwrap()
    }
}

fn eval(run: &Run, client: &Client, seq: u64, size: usize) {
    run.history.write(&Event::Attempt { seq });
    let reply = client.eval("server.foo", payload::question(seq, size)).unwrap();
    run.history.write(&match payload::read(payload::ANSWER, &reply) {
        Some(seq) => Event::Result { seq },
        None => Event::Corrupt { who: "client".to_owned() },
    });
}

/// A job on a thread of its own.
fn job(run: &Run, client: Client, count: u64) -> thread::JoinHandle<()> {
    let path = run.history_path();
    thread::spawn(move || {
        let (history, attempts) = (History::at(&path), History::at(&path));
        let questions = (0..count).map(move |seq| {
            attempts.write(&Event::Attempt { seq });
            payload::question(seq, 100)
        });
        for outcome in client.job("server.foo", questions).messages(usize::try_from(count).unwrap()) {
            history.write(&match outcome {
                Ok(reply) => payload::read(payload::ANSWER, &reply)
                    .map_or(Event::Corrupt { who: "client".to_owned() }, |seq| Event::Result { seq }),
                Err(Error::Remote { code, .. }) => Event::Error { code: code.into() },
                Err(_) => Event::TimedOut,
            });
        }
    })
}

/// On classic sockets a reset loses what the kernel had: what is promised here is that the client is told, that nothing comes
/// twice, and that the next call works.
pub(crate) fn t27_resets_between_client_and_server(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t27"), Figures::default());
    let _server = run.start(&run.spec("server", "server"));
    let between = Between::client_and(&run);
    let client = between.connect(&run, scale.pick(Duration::from_secs(2), Duration::from_secs(10)));
    let job = job(&run, client.clone(), scale.pick(20_000, 100_000));
    for _ in 0..scale.pick(5, 50) {
        sleep(Duration::from_millis(5 + run.random.below(30)));
        if run.random.below(2) == 0 {
            between.push.reset()
        } else {
            between.results.reset()
        };
    }
    job.join().unwrap();
    let report = run.report();
    figures.is("duplicated", 0, report.duplicated);
    figures.is("unexpected", 0, report.unexpected);
    figures.is("corrupt", 0, report.corrupt);
    figures.is("lost, and the client not told", 0, if report.timed_out == 0 { report.lost } else { 0 });
    let again =
        crate::process::within(Duration::from_secs(60), || client.eval("server.foo", payload::question(0, 50)).is_ok());
    figures.is("calls that work afterwards", 1, u64::from(again));
    figures
}

/// Links resume: nothing is lost, and nothing comes twice.
pub(crate) fn t27_resets_of_links(scale: Scale) -> Figures {
    reset_links(scale, &[])
}

pub(crate) fn reset_links(scale: Scale, off: &[&str]) -> Figures {
    let (mut run, mut figures) = (Run::new("t27l"), Figures::default());
    let (count, resets) = scale.pick((10_000, 20), (100_000, 200));
    let off: Vec<String> = off.iter().map(|off| (*off).to_owned()).collect();
    let timeout_ms = if off.is_empty() { 60_000 } else { 2_000 };
    let _master = run.start(&Spec { off, ..run.master() });
    let link = raw::address(&run.db, "_palm.link");
    let (to_client, to_workers) = (Proxy::before(&link), Proxy::before(&link));
    let relay = Relay::of_cache(&run.db, &link, &to_workers.address);
    let _workers = [0, 1].map(|_| run.start(&Spec { work_us: 200, db: relay.address.clone(), ..run.worker() }));
    let via = to_client.address.clone();
    let mut client = run.start(&Spec { size: 100, uncounted: true, timeout_ms, via, ..run.client(count) });
    for reset in 1..=resets {
        run.outcomes(count * reset / (resets + 1), &mut client);
        sleep(Duration::from_micros(run.random.below(2_000)));
        to_client.reset_one(0);
        to_workers.reset_one(run.random.next());
    }
    client.join();
    figures.all_answered(&run.report());
    figures.is("frames that were not understood", 0, run.stat("undecodable"));
    run.drained(&mut figures);
    run.calm(&mut figures);
    figures
}

/// The link between a server and the stage after it.
pub(crate) fn t27_resets_before_a_stage(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t27s"), Figures::default());
    let (count, resets) = scale.pick((10_000, 20), (100_000, 200));
    let line = Stages::start(&run, |link, publisher| {
        let proxy = Proxy::before(link);
        let relay = Relay::of_publisher(publisher, link, &proxy.address);
        (relay.address.clone(), (proxy, relay))
    });
    let (proxy, _) = &line.between;
    let mut client = run.start(&Spec { size: 100, uncounted: true, ..line.client(&run, count) });
    for reset in 1..=resets {
        run.outcomes(count * reset / (resets + 1), &mut client);
        proxy.reset_one(0);
    }
    client.join();
    figures.all_answered(&run.report());
    line.drained(&mut figures);
    run.calm(&mut figures);
    figures
}

/// Nothing passes for a while, one way or both; the connections stand.
pub(crate) fn t29_the_network_stands_still(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t29"), Figures::default());
    let count = scale.pick(20_000, 200_000);
    let _server = run.start(&run.spec("server", "server"));
    let between = Between::client_and(&run);
    let job = job(&run, between.connect(&run, Duration::from_secs(60)), count);
    for _ in 0..scale.pick(4, 10) {
        let which = run.random.below(3);
        let set = |on| {
            for (proxy, skip) in [(&between.push, 1), (&between.results, 2)] {
                if which != skip {
                    proxy.both(|way| way.stalled.store(on, SeqCst));
                }
            }
        };
        set(true);
        sleep(scale.pick(Duration::from_millis(200), Duration::from_secs(10)));
        set(false);
        sleep(scale.pick(Duration::from_millis(50), Duration::from_secs(1)));
    }
    job.join().unwrap();
    figures.all_answered(&run.report());
    run.drained(&mut figures);
    figures
}

pub(crate) fn t31_bytes_in_pieces(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t31"), Figures::default());
    let _server = run.start(&run.spec("server", "server"));
    let between = Between::client_and(&run);
    let patience = Duration::from_secs(60);
    // The greeting, the handshake and one message, each way.
    for split in (0..330_u64).step_by(scale.pick(10, 1)) {
        for proxy in [&between.push, &between.results] {
            proxy.both(|way| way.split.store(split, SeqCst));
        }
        eval(&run, &between.connect(&run, patience), split, 150);
    }
    for proxy in [&between.push, &between.results] {
        proxy.both(|way| way.split.store(u64::MAX, SeqCst));
        proxy.both(|way| way.piece.store(1, SeqCst));
    }
    let client = between.connect(&run, patience);
    (1_000..1_020).for_each(|seq| eval(&run, &client, seq, 150));
    for proxy in [&between.push, &between.results] {
        proxy.both(|way| way.piece.store(u64::MAX, SeqCst));
    }
    // A thousand frames that wait in the proxy, and leave it together.
    let answers = raw::ready_subscriber(&raw::address(&run.db, "pub_address"), "t31");
    let push = raw::push(&between.push.address);
    between.push.forth().stalled.store(true, SeqCst);
    for seq in 2_000..3_000 {
        run.history.write(&Event::Attempt { seq });
        push.send(raw::classic("t31", "server.foo", payload::question(seq, 50)).encode(), 0).unwrap();
    }
    between.push.forth().stalled.store(false, SeqCst);
    for _ in 0..1_000 {
        let Some(message) = raw::result(&answers, patience) else { break };
        run.history.write(&raw::result_event(&message));
    }
    figures.all_answered(&run.report());
    figures.is("frames that were not understood", 0, run.stat("undecodable"));
    figures
}

/// The greetings, the handshake, one message and its answer, cut everywhere.
pub(crate) fn t31_bytes_of_a_link_in_pieces(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t31l"), Figures::default());
    let _server = run.start(&run.spec("server", "server"));
    let proxy = Proxy::before(&raw::address(&run.db, "_palm.link"));
    let connect = || {
        let builder = Client::builder("server", &run.db).this_config([("_palm.link", proxy.address.clone())]);
        builder.connect_timeout(Duration::from_secs(60)).connect().unwrap()
    };
    for split in (0..600_u64).step_by(scale.pick(20, 1)) {
        proxy.both(|way| way.split.store(split, SeqCst));
        eval(&run, &connect(), split, 150);
    }
    proxy.both(|way| way.split.store(u64::MAX, SeqCst));
    proxy.both(|way| way.piece.store(1, SeqCst));
    let client = connect();
    (1_000..1_020).for_each(|seq| eval(&run, &client, seq, 150));
    figures.all_answered(&run.report());
    figures.is("frames that were not understood", 0, run.stat("undecodable"));
    figures
}

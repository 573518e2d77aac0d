//! Calls that cannot be answered well, and results that nobody asked for.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crate::cluster::Run;
use crate::figures::{Figures, Scale};
use crate::payload;
use crate::process::{Process, until};
use crate::raw::{self, Spy};
use crate::role::Spec;

const PANICKED: u32 = 2;

pub(crate) fn t10_methods_panic(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t10"), Figures::default());
    let count = scale.pick(10_000, 100_000);
    let mut master = run.start(&run.master());
    let mut workers = [0, 1].map(|_| run.start(&Spec { panic_every: 100, ..run.worker() }));
    run.start(&run.client(count)).join();
    let report = run.report();
    figures.is("answered", count - count / 100, report.ok);
    figures.is("errors: panicked", count / 100, report.errors_of(PANICKED));
    figures.is("errors", count / 100, report.failed());
    figures.is("done again", 0, report.reruns);
    figures.once(&report);
    let ended = workers.iter_mut().chain([&mut master]).filter_map(Process::ended).count();
    figures.is("processes that ended", 0, ended as u64);
    run.calm(&mut figures);
    figures
}

pub(crate) fn t11_bad_calls(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t11"), Figures::default());
    let count: u64 = scale.pick(500, 10_000);
    let mut server = run.start(&run.spec("server", "server"));
    let answers = raw::ready_subscriber(&raw::address(&run.db, "pub_address"), "t11");
    let pull = raw::address(&run.db, "pull_address");
    let long = format!("server.{}", "x".repeat(1_000_000));
    let kinds = [
        ("unknown function", "server.nothing", 0, count),
        ("attributes", "server.__class__", 0, count),
        ("no dot", "foo", 0, count),
        ("stage -1", "server.foo server.foo", -1, count),
        ("stage 2^63-1", "server.foo server.foo", i64::MAX, count),
        ("no function", "", 0, count),
        ("another server", "other.foo", 0, count),
        ("a name of 1 MB", long.as_str(), 0, count / 100),
    ];
    let all = kinds.iter().map(|(.., count)| count).sum();
    for (kind, function, stage, count) in kinds {
        let mut message = raw::classic("t11", function, b"a message".to_vec());
        message.set_stage(stage);
        let pull = pull.clone();
        let sender = thread::spawn(move || {
            let push = raw::push(&pull);
            for number in 0..count {
                message.set_cache(number.to_string());
                push.send(message.encode(), 0).unwrap();
            }
        });
        let (mut replies, mut errors) = (BTreeMap::new(), 0);
        while replies.values().sum::<u64>() < count {
            let Some(reply) = raw::result(&answers, Duration::from_secs(20)) else { break };
            errors += u64::from(reply.error().is_some() && reply.payload() == "0");
            *replies.entry(reply.cache().to_owned()).or_insert(0) += 1;
        }
        sender.join().unwrap();
        figures.is(&format!("{kind}: error replies"), count, errors);
        figures.is(&format!("{kind}: calls answered"), count, replies.len() as u64);
    }
    let more = raw::result(&answers, Duration::from_millis(100));
    figures.is("counted as refused", all, run.stat("refused"));
    figures.is("replies that are too many", 0, u64::from(more.is_some()));
    run.start(&run.client(10)).join();
    figures.all_answered(&run.report());
    figures.is("restarts", 0, u64::from(server.ended().is_some()));
    run.calm(&mut figures);
    figures
}

/// Results with the mark of a hand-out that never was.
pub(crate) fn t46_forged_results(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t46"), Figures::default());
    let forged: u64 = scale.pick(50_000, 1_000_000);
    let count = scale.pick(5_000, 50_000);
    let _master = run.start(&run.master());
    let _spy = Spy::on(&run.db, "t46", &run.history_path());
    let _workers = [0, 1].map(|_| run.start(&run.worker()));
    let mut client = run.start(&Spec { client_id: "t46".to_owned(), ..run.client(count) });
    run.outcomes(count / 10, &mut client);
    let address = raw::address(&run.db, "worker_pull_address");
    let forger = thread::spawn(move || {
        let push = raw::push(&address);
        let honest = raw::classic("t46", "server.foo", payload::question(1, 30)).encode();
        for number in 0..forged {
            push.send([honest.as_slice(), &mark(number, number % 7, number % 4)].concat(), 0).unwrap();
        }
    });
    client.join();
    forger.join().unwrap();
    until("the forged results are counted", || run.stat("stale") >= forged);
    figures.is("forged results counted as stale", forged, run.stat("stale"));
    let report = run.report();
    figures.all_answered(&report);
    figures.is("done again", 0, report.reruns);
    run.drained(&mut figures);
    figures
}

/// The field `delivery`, as a worker brings it back.
fn mark(epoch: u64, sequence: u64, attempt: u64) -> Vec<u8> {
    let mut inner = vec![0x09];
    inner.extend(epoch.to_le_bytes());
    inner.extend([0x10, (sequence & 0x7f) as u8, 0x18, (attempt & 0x7f) as u8]);
    let mut field = vec![0x8a, 0x01, inner.len() as u8];
    field.extend(inner);
    field
}

//! Clients whose subscription comes late, and names that begin with others.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use palm::Message;

use crate::cluster::Run;
use crate::figures::{Figures, Scale};
use crate::history::Event;
use crate::payload;
use crate::process::until;
use crate::raw;
use crate::role::Spec;

pub(crate) fn t19_python_clients(scale: Scale) -> Figures {
    python_clients(scale, &[], Duration::from_secs(230))
}

pub(crate) fn python_clients(scale: Scale, off: &[&str], patience: Duration) -> Figures {
    let (run, mut figures) = (Run::new("t19"), Figures::default());
    let off = off.iter().map(|off| (*off).to_owned()).collect();
    let hold_ms = Some(30_000);
    let _server = run.start(&Spec { off, hold_ms, ..run.spec("server", "server") });
    for (mode, count) in [("row", scale.pick(200, 1_000)), ("fresh", scale.pick(100, 9_000)), ("trickle", 1_000)] {
        let before = run.report().ok;
        let count_text: String = count.to_string();
        let Some(mut client) = run.python("client.py", &[mode, &run.db, &count_text, "50"]) else {
            return Figures::skipped("there is no pylm");
        };
        let start = Instant::now();
        let ended = crate::process::within(patience, || client.ended().is_some());
        figures.is(&format!("{mode}: answered"), count, run.report().ok - before + repeats(before, count));
        figures.is(&format!("{mode}: hang"), 0, u64::from(!ended));
        figures.within(&format!("{mode}: time"), Duration::from_secs(60), start.elapsed());
        if !ended {
            return figures;
        }
    }
    run.calm(&mut figures);
    figures
}

/// Each mode numbers its calls from 0, so that of those that an earlier one had too only the first counts.
fn repeats(before: u64, count: u64) -> u64 {
    before.min(count)
}

pub(crate) fn t20_subscribers_come_late(scale: Scale) -> Figures {
    late_subscribers(scale, 30_000)
}

pub(crate) fn late_subscribers(scale: Scale, hold_ms: u64) -> Figures {
    let (run, mut figures) = (Run::new("t20"), Figures::default());
    let _server = run.start(&Spec { hold_ms: Some(hold_ms), ..run.spec("server", "server") });
    let (pull, publisher) = (raw::address(&run.db, "pull_address"), raw::address(&run.db, "pub_address"));
    let push = raw::push(&pull);
    let each = scale.pick(10, 100);
    let mut subscribers = Vec::new();
    for (round, late) in [0, 1, 10, 100, 1000].into_iter().enumerate() {
        let first = round as u64 * each;
        for seq in first..first + each {
            run.history.write(&Event::Attempt { seq });
            let client = format!("client {seq} ");
            push.send(raw::classic(&client, "server.foo", payload::question(seq, 50)).encode(), 0).unwrap();
            if late < 100 {
                sleep(Duration::from_millis(late));
                subscribers.push(raw::subscriber(&publisher, &client));
            }
        }
        if late >= 100 {
            // All at once, or it takes minutes.
            sleep(Duration::from_millis(late));
            subscribers.extend((first..first + each).map(|seq| raw::subscriber(&publisher, &format!("client {seq} "))));
        }
    }
    let patience = Duration::from_millis(if hold_ms == 0 { 200 } else { 20_000 });
    for subscriber in &subscribers {
        if let Some(message) = raw::result(subscriber, patience) {
            run.history.write(&raw::result_event(&message));
        }
    }
    figures.all_answered(&run.report());
    figures.is("expired", 0, run.stat("expired"));
    run.drained(&mut figures);
    figures
}

pub(crate) fn t20_and_too_late(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t20l"), Figures::default());
    let hold_ms = Some(scale.pick(300, 30_000));
    let _server = run.start(&Spec { hold_ms, ..run.spec("server", "server") });
    let push = raw::push(&raw::address(&run.db, "pull_address"));
    let count = scale.pick(10, 100);
    for seq in 0..count {
        push.send(raw::classic("late", "server.foo", payload::question(seq, 50)).encode(), 0).unwrap();
    }
    until("they expire", || run.stat("expired") >= count);
    let late = raw::ready_subscriber(&raw::address(&run.db, "pub_address"), "late");
    figures.is("expired", count, run.stat("expired"));
    figures.is("delivered all the same", 0, u64::from(raw::result(&late, Duration::from_millis(100)).is_some()));
    run.drained(&mut figures);
    figures
}

/// A subscription matches every topic that begins with it: what is another's must go no further.
pub(crate) fn t23_one_name_begins_with_another(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t23"), Figures::default());
    let count = scale.pick(500, 5_000);
    let _server = run.start(&run.spec("server", "server"));
    let clients: Vec<_> = ["a", "ab", "abc"].into_iter().zip(0..).collect();
    let threads: Vec<_> = clients
        .into_iter()
        .map(|(id, place)| {
            let spec = Spec { client_id: id.to_owned(), first: place * count, ..run.client(count) };
            let history = format!("{}-{id}", spec.history);
            thread::spawn(move || {
                let spec = Spec { history, ..spec };
                let history = crate::history::History::at(spec.history.as_ref());
                crate::role::run_client(&spec, &history).unwrap();
                history.report()
            })
        })
        .collect();
    for (thread, id) in threads.into_iter().zip(["a", "ab", "abc"]) {
        let report = thread.join().unwrap();
        figures.is(&format!("client {id}: answered"), count, report.ok);
        figures.is(&format!("client {id}: foreign or twice"), 0, report.unexpected + report.duplicated);
    }
    for (stage, foreign) in stages(count) {
        figures.is(&format!("stage of {stage}: foreign messages"), 0, foreign);
    }
    figures
}

/// Two servers whose streams go out at one address, and a stage for each: foreign messages at each stage.
fn stages(count: u64) -> [(&'static str, u64); 2] {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    static SEEN: [[AtomicU64; 2]; 2] = [const { [const { AtomicU64::new(0) }; 2] }; 2];

    struct Source;
    #[palm::server]
    impl Source {
        fn foo(&mut self, message: &[u8]) -> Vec<u8> {
            message.to_vec()
        }

        fn handle_stream(&mut self, message: &mut Message) -> &'static str {
            message.next_stage();
            if message.payload() == "first" { "first" } else { "first2" }
        }
    }

    struct Stage(usize);
    #[palm::pipeline]
    impl Stage {
        fn foo(&mut self, message: &str) {
            let wanted = ["first", "first2"][self.0];
            SEEN[self.0][usize::from(message != wanted)].fetch_add(1, SeqCst);
        }
    }

    let source = palm::Server::new("source", Source).pipelined(true).start().unwrap();
    let publisher = source.address("pub_address").unwrap();
    let _stages = [0, 1].map(|place| {
        let name = ["stage", "stage2"][place];
        let stage = palm::Pipeline::new(name, Stage(place)).previous(["first", "first2"][place]);
        stage.sub_address(publisher.as_str()).start().unwrap()
    });
    let push = raw::push(&source.address("pull_address").unwrap());
    for _ in 0..count {
        for topic in ["first2", "first"] {
            let function = if topic == "first" { "source.foo stage.foo" } else { "source.foo stage2.foo" };
            push.send(raw::classic("nobody", function, topic.into()).encode(), 0).unwrap();
        }
    }
    until("each stage has its own", || SEEN.iter().all(|seen| seen[0].load(SeqCst) >= count));
    [("first", SEEN[0][1].load(SeqCst)), ("first2", SEEN[1][1].load(SeqCst))]
}

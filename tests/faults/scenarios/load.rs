//! Too much, too slow, beside others.

use std::thread;
use std::time::{Duration, Instant};

use crate::cluster::Run;
use crate::figures::{Figures, Scale};
use crate::history::{Event, History};
use crate::payload;
use crate::raw;
use crate::role::Spec;

/// Sends classic messages as fast as they are taken, on a thread of its own.
fn flood(run: &Run, client: &'static str, count: u64, size: usize) -> thread::JoinHandle<()> {
    let (address, history) = (raw::address(&run.db, "pull_address"), run.history_path());
    thread::spawn(move || {
        let (push, history) = (raw::push(&address), History::at(&history));
        for seq in 0..count {
            history.write(&Event::Attempt { seq });
            push.send(raw::classic(client, "server.foo", payload::question(seq, size)).encode(), 0).unwrap();
        }
    })
}

fn take(run: &Run, answers: &zmq::Socket, count: u64, pause: Duration) {
    for _ in 0..count {
        let Some(message) = raw::result(answers, Duration::from_secs(30)) else {
            return run.history.write(&Event::TimedOut);
        };
        run.history.write(&raw::result_event(&message));
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }
}

pub(crate) fn t16_a_client_reads_slowly(scale: Scale) -> Figures {
    slow_reader(scale, 4 << 20)
}

pub(crate) fn t16_a_linked_client_reads_slowly(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t16l"), Figures::default());
    let (count, size) = scale.pick((10_000, 8 << 10), (100_000, 1 << 10));
    let hold_bytes = Some(scale.pick(4 << 20, 64 << 20));
    let master = run.start(&Spec { hold_bytes, ..run.master() });
    let _workers = [0, 1].map(|_| run.start(&run.worker()));
    let start = Instant::now();
    run.start(&Spec { size, pause_us: 200, uncounted: true, ..run.client(count) }).join();
    figures.all_answered(&run.report());
    figures.at_most("VmHWM of the master, MiB", scale.pick(48, 96), master.peak_kib() >> 10);
    figures.within("time", Duration::from_secs(60), start.elapsed());
    run.drained(&mut figures);
    figures
}

pub(crate) fn t16_a_python_client_reads_slowly(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t16py"), Figures::default());
    let count: u64 = scale.pick(3_000, 40_000);
    let master = run.start(&Spec { hold_bytes: Some(scale.pick(1 << 20, 64 << 20)), ..run.master() });
    let _workers = [0, 1].map(|_| run.start(&run.worker()));
    let Some(mut client) = run.python("client.py", &["slow", &run.db, &count.to_string(), "1000"]) else {
        return Figures::skipped("there is no pylm");
    };
    figures.is("clients that ended badly", 0, u64::from(!client.join().success()));
    figures.all_answered(&run.report());
    figures.at_most("VmHWM of the master, MiB", scale.pick(48, 96), master.peak_kib() >> 10);
    run.drained(&mut figures);
    figures
}

pub(crate) fn slow_reader(scale: Scale, hold_bytes: usize) -> Figures {
    let (run, mut figures) = (Run::new("t16"), Figures::default());
    let (count, size) = scale.pick((12_000, 8 << 10), (100_000, 1 << 10));
    let hold_bytes = Some(if scale == Scale::Full { hold_bytes.max(64 << 20) } else { hold_bytes });
    let master = run.start(&Spec { hold_bytes, ..run.master() });
    let _workers = [0, 1].map(|_| run.start(&run.worker()));
    let answers = raw::ready_subscriber(&raw::address(&run.db, "pub_address"), "t16");
    let sender = flood(&run, "t16", count, size);
    let start = Instant::now();
    take(&run, &answers, count, Duration::from_micros(200));
    sender.join().unwrap();
    figures.all_answered(&run.report());
    figures.at_most("VmHWM of the master, MiB", scale.pick(64, 96), master.peak_kib() >> 10);
    figures.within("time", Duration::from_secs(60), start.elapsed());
    run.drained(&mut figures);
    figures
}

pub(crate) fn t18_no_worker_for_a_while(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t18"), Figures::default());
    let count = scale.pick(50_000, 1_000_000);
    let master = run.start(&run.master());
    let answers = raw::ready_subscriber(&raw::address(&run.db, "pub_address"), "t18");
    let sender = flood(&run, "t18", count, 100);
    thread::sleep(scale.pick(Duration::from_secs(1), Duration::from_secs(20)));
    let _workers = [0, 1].map(|_| run.start(&run.worker()));
    let start = Instant::now();
    take(&run, &answers, count, Duration::ZERO);
    sender.join().unwrap();
    figures.all_answered(&run.report());
    figures.at_most("VmHWM of the master, MiB", 96, master.peak_kib() >> 10);
    figures.within("time from the first worker", Duration::from_secs(90), start.elapsed());
    run.drained(&mut figures);
    figures
}

/// A small job gets its share: it does not wait for all that the large one had asked before, 8,192 messages.
pub(crate) fn t25_a_small_job_beside_a_large_one(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t25"), Figures::default());
    let (count, work_us) = scale.pick((20_000, 100), (1_000_000, 0));
    let _master = run.start(&run.master());
    let _workers = [0, 1].map(|_| run.start(&Spec { work_us, ..run.worker() }));
    let (alone, _) = small_job(&run, 10_000_000);
    let mut large = run.start(&run.client(count));
    run.outcomes(100 + count / 20, &mut large);
    let (beside, meanwhile) = small_job(&run, 20_000_000);
    figures.is("large jobs that were done before", 0, u64::from(large.ended().is_some()));
    figures.at_most("results of the large job meanwhile", scale.pick(8_000, 100_000), meanwhile);
    figures.within("small job (alone x 2)", alone * 2, beside);
    large.join();
    figures.all_answered(&run.report());
    figures
}

/// How long a job of 100 messages took, and how many results others had between its first message and its last result.
fn small_job(run: &Run, first: u64) -> (Duration, u64) {
    let start = Instant::now();
    run.start(&Spec { first, ..run.client(100) }).join();
    let elapsed = start.elapsed();
    let events = run.history.events();
    let from = events.iter().position(|event| matches!(event, Event::Attempt { seq } if *seq == first)).unwrap();
    let own = |event: &Event| matches!(event, Event::Result { seq } if (first..first + 100).contains(seq));
    let to = events.iter().rposition(own).unwrap();
    let results = events[from..to].iter().filter(|event| matches!(event, Event::Result { .. })).count() as u64;
    (elapsed, results - 99)
}

//! Starts in any order, and ends that were asked for.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cluster::Run;
use crate::figures::{Figures, Scale};
use crate::payload;
use crate::process::{Process, until, within};
use crate::raw;
use crate::role::Spec;

pub(crate) fn t35_any_order_of_starts(scale: Scale) -> Figures {
    let mut figures = Figures::default();
    let pause = scale.pick(Duration::from_millis(300), Duration::from_secs(2));
    for order in ["cwm", "cmw", "wcm", "wmc", "mcw", "mwc"] {
        for _ in 0..scale.pick(1, 5) {
            let run = Run::new(&format!("t35{order}"));
            let mut processes = Vec::new();
            let mut client = None;
            for role in order.chars() {
                match role {
                    'c' => client = Some(run.start(&run.client(100))),
                    'w' => processes.push(run.start(&run.worker())),
                    _ => processes.push(run.start(&run.master())),
                }
                sleep(pause);
            }
            client.unwrap().join();
            figures.all_answered(&run.report());
        }
    }
    figures
}

/// With nothing held, nobody is waited for: peers that are there, and one that is frozen.
pub(crate) fn t52_idle_components_are_told_to_end(_scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t52i"), Figures::default());
    let master = run.start(&run.master());
    let worker = run.start(&run.worker());
    let frozen = run.start(&run.worker());
    run.start(&run.client(100)).join();
    figures.all_answered(&run.report());
    run.drained(&mut figures);
    frozen.signal("STOP");
    for (what, mut process) in [("the worker", worker), ("the master", master)] {
        process.signal("TERM");
        let told = Instant::now();
        figures.is(&format!("exit code of {what}"), 0, process.join().code().unwrap_or(-1) as u64);
        figures.within(&format!("time to end of {what}"), Duration::from_secs(1), told.elapsed());
        figures.is(&format!("lines of {what} of what was left"), 0, process.log().matches("ended").count() as u64);
    }
    run.calm(&mut figures);
    figures
}

pub(crate) fn t52_a_master_is_told_to_end(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t52"), Figures::default());
    let mut master = run.start(&run.master());
    let _workers = [0, 1].map(|_| run.start(&Spec { work_us: 2_000, ..run.worker() }));
    let mut client = run.start(&run.client(1_000_000));
    run.outcomes(scale.pick(200, 2_000), &mut client);
    master.signal("TERM");
    let told = Instant::now();
    let status = master.join();
    figures.is("exit code", 0, status.code().unwrap_or(-1) as u64);
    figures.within("time to end", Duration::from_secs(25), told.elapsed());
    // What was done has reached the client, which knows of everything else that it does not know.
    let unanswered = || {
        let report = run.report();
        (report.executed.difference(&report.answered).count() as u64).saturating_sub(report.failed())
    };
    within(Duration::from_secs(5), || unanswered() == 0);
    figures.is("done and not answered", 0, unanswered());
    figures.is("duplicated", 0, run.report().duplicated);
    run.calm(&mut figures);
    figures
}

pub(crate) fn t52_a_master_is_told_twice(_scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t52t"), Figures::default());
    let mut master = run.start(&run.master());
    let _worker = run.start(&Spec { work_us: 600_000_000, ..run.worker() });
    let _client = run.start(&run.client(10));
    let follower = &mut run.follower;
    until("the worker has begun", || follower.counts().executed > 0);
    master.signal("TERM");
    until("the first signal is noticed", || master.log().contains("stopping"));
    figures.is("ended by the first signal", 0, u64::from(master.ended().is_some()));
    let again = Instant::now();
    master.signal("TERM");
    figures.is("exit code", 143, master.join().code().unwrap_or(-1) as u64);
    figures.within("time to end", Duration::from_secs(1), again.elapsed());
    figures
}

pub(crate) fn t53_workers_are_told_to_end(scale: Scale) -> Figures {
    workers_are_told_to_end(scale, false)
}

pub(crate) fn t53_classic_workers_are_told_to_end(scale: Scale) -> Figures {
    workers_are_told_to_end(scale, true)
}

fn workers_are_told_to_end(scale: Scale, classic: bool) -> Figures {
    let (mut run, mut figures) = (Run::new("t53"), Figures::default());
    let (count, rounds) = scale.pick((5_000, 4), (50_000, 20));
    let _master = run.start(&Spec { classic, ..run.master() });
    let spec = Spec { work_us: 500, ..run.worker() };
    let mut workers = [0, 1].map(|_| run.start(&spec));
    let mut client = run.start(&run.client(count));
    let (mut codes, mut longest) = (0, Duration::ZERO);
    for round in 1..=rounds {
        run.outcomes(count * round / (rounds + 1), &mut client);
        let victim = run.random.below(2) as usize;
        let told = Instant::now();
        workers[victim].signal("TERM");
        codes += u64::from(!workers[victim].join().success());
        longest = longest.max(told.elapsed());
        workers[victim] = run.start(&spec);
    }
    client.join();
    figures.all_answered(&run.report());
    figures.is("workers that ended badly", 0, codes);
    figures.within("time to end, at most", Duration::from_secs(1), longest);
    run.drained(&mut figures);
    run.calm(&mut figures);
    figures
}

pub(crate) fn t54_a_peer_never_reads(_scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t54"), Figures::default());
    let mut server = run.start(&run.spec("server", "server"));
    let _deaf = raw::ready_subscriber(&raw::address(&run.db, "pub_address"), "deaf");
    let push = raw::push(&raw::address(&run.db, "pull_address"));
    push.set_linger(0).unwrap();
    push.set_sndtimeo(500).unwrap();
    // Until its pipe, the kernel's buffers and the server's own budget are full.
    let mut sent = 0;
    while sent < 20_000
        && push.send(raw::classic("deaf", "server.foo", payload::question(sent, 10_000)).encode(), 0).is_ok()
    {
        sent += 1;
    }
    until("results that nobody takes", || run.stat("calls") >= 100 && run.stat("holding") >= 8 << 20);
    server.signal("TERM");
    let told = Instant::now();
    figures.is("exit code", 0, Process::join(&mut server).code().unwrap_or(-1) as u64);
    figures.within("time to end", Duration::from_secs(6), told.elapsed());
    let said = server.log().contains("bytes of results that nobody took");
    figures.is("ended without saying what was left", 0, u64::from(!said));
    run.calm(&mut figures);
    figures
}

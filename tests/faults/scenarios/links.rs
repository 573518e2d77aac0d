//! What the link promises when components and clients go.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cluster::{Run, free_port};
use crate::figures::{Figures, Scale};
use crate::history::{Event, History};
use crate::process::{until, within};
use crate::role::Spec;

pub(crate) fn t07_a_master_is_killed(scale: Scale) -> Figures {
    killed_component(scale, "master", &[])
}

pub(crate) fn t07_a_server_is_killed(scale: Scale) -> Figures {
    killed_component(scale, "server", &[])
}

pub(crate) fn killed_component(scale: Scale, role: &str, off: &[&str]) -> Figures {
    let (mut run, mut figures) = (Run::new("t07"), Figures::default());
    let (count, kills) = scale.pick((10_000, 4), (100_000, 20));
    let off: Vec<String> = off.iter().map(|off| (*off).to_owned()).collect();
    let timeout_ms = if off.is_empty() { 60_000 } else { 2_000 };
    let ports = Spec { link_port: Some(free_port()), pub_port: Some(free_port()), ..run.spec(role, "server") };
    let spec = Spec { work_us: 100, ..ports };
    let mut component = run.start(&spec);
    let workers = if role == "master" { 2 } else { 0 };
    let _workers: Vec<_> = (0..workers).map(|_| run.start(&Spec { work_us: 200, ..run.worker() })).collect();
    let mut client = run.start(&Spec { size: 100, uncounted: true, timeout_ms, off, ..run.client(count) });
    let mut longest = Duration::ZERO;
    for kill in 1..=kills {
        run.outcomes(count * kill / (kills + 1), &mut client);
        component.kill();
        sleep(Duration::from_millis(500));
        run.history.fault("restart");
        let before = run.follower.counts().outcomes;
        let start = Instant::now();
        component = run.start(&spec);
        run.outcomes(before + 1, &mut client);
        longest = longest.max(start.elapsed());
    }
    client.join();
    let report = run.report();
    figures.all_answered_in(&report, kills + 1);
    figures.is("workers that did not come back", 0, workers - at_work_after_the_last_fault(&run).min(workers));
    figures.within("back after a restart, at most", Duration::from_secs(2), longest);
    run.drained(&mut figures);
    run.calm(&mut figures);
    figures
}

fn at_work_after_the_last_fault(run: &Run) -> u64 {
    let events = run.history.events();
    let last = events.iter().rposition(|event| matches!(event, Event::Fault { .. })).unwrap_or(0);
    let workers: BTreeSet<_> = events[last..]
        .iter()
        .filter_map(|event| match event {
            Event::Executed { who, .. } => Some(who),
            _ => None,
        })
        .collect();
    workers.len() as u64
}

pub(crate) fn t17_a_client_freezes_for_ever(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t17"), Figures::default());
    let count = scale.pick(5_000, 50_000);
    let hold_ms = Some(scale.pick(1_000, 5_000));
    let (stall_ms, session_ms) = (Some(scale.pick(3_000, 30_000)), Some(scale.pick(1_000, 25_000)));
    let hold_bytes = Some(1 << 20);
    let master = run.start(&Spec { hold_ms, hold_bytes, stall_ms, session_ms, ..run.master() });
    let _workers = [0, 1].map(|_| run.start(&Spec { work_us: 100, ..run.worker() }));
    let start = Instant::now();
    run.start(&Spec { size: 1_000, ..run.client(count) }).join();
    let alone = start.elapsed();
    let (memory, descriptors) = (master.memory_kib(), master.descriptors());
    // Not of the history: nobody can say what it had.
    let frozen_path = format!("{}.frozen", run.history_path().display());
    let history = frozen_path.clone();
    let mut frozen = run.start(&Spec { first: 10_000_000, size: 1_000, history, ..run.client(1_000_000) });
    let mut follower = History::at(frozen_path.as_ref()).follow();
    until("it is under way", || follower.counts().outcomes > 1_000);
    frozen.signal("STOP");
    let stopped = Instant::now();
    // What it had asked for until then is worked on; the healthy one begins beside that.
    run.start(&Spec { first: count, size: 1_000, uncounted: true, ..run.client(count) }).join();
    let beside = stopped.elapsed();
    figures.all_answered(&run.report());
    figures.percent("pace of the healthy client", 90.0, 100.0 * alone.as_secs_f64() / beside.as_secs_f64());
    let gone = || run.stat("stalled") + run.stat("expired") > 0;
    figures.is("given up and counted", 1, u64::from(within(Duration::from_secs(60), gone)));
    figures.within("given up after", Duration::from_secs(35), stopped.elapsed());
    run.drained(&mut figures);
    // A peer that neither reads nor leaves keeps its connection: TCP has no word for it.
    frozen.kill();
    let back = within(Duration::from_secs(10), || master.descriptors() <= descriptors);
    figures.is("descriptors not given back (I8)", 0, if back { 0 } else { master.descriptors() - descriptors });
    figures.at_most("growth of the master, MiB", scale.pick(16, 8), master.memory_kib().saturating_sub(memory) >> 10);
    run.calm(&mut figures);
    figures
}

//! Processes that are killed, frozen, or hang.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cluster::{Run, free_port, free_ports};
use crate::figures::{Figures, Scale};
use crate::process::{Process, until, within};
use crate::raw::{self, Spy};
use crate::role::{PORTS, Spec};

const POISONED: u32 = 9;
const NO_WORKERS: u32 = 7;
/// What a frozen process may cost before it is noticed.
const NOTICED: Duration = Duration::from_millis(3500);

pub(crate) fn t01_workers_are_killed(scale: Scale) -> Figures {
    killed_workers(scale, false, &[])
}

pub(crate) fn t01_classic_workers_are_killed(scale: Scale) -> Figures {
    killed_workers(scale, true, &[])
}

pub(crate) fn killed_workers(scale: Scale, classic: bool, off: &[&str]) -> Figures {
    let run = Run::new("t01");
    let (count, kills) = scale.pick((10_000, 4), (100_000, 20));
    kill_workers(run, classic, off, count, kills, |run| run.start(&Spec { work_us: 200, ..run.worker() }))
}

pub(crate) fn t02_python_workers_are_killed(scale: Scale) -> Figures {
    if crate::python::interpreter().is_none() {
        return Figures::skipped("there is no pylm");
    }
    let run = Run::new("t02");
    let (count, kills) = scale.pick((2_000, 2), (20_000, 10));
    kill_workers(run, true, &[], count, kills, |run| {
        let worker = run.worker();
        run.python("worker.py", &[&worker.name, &worker.db, "0.0002"]).unwrap()
    })
}

fn kill_workers(
    mut run: Run,
    classic: bool,
    off: &[&str],
    count: u64,
    kills: u64,
    make: impl Fn(&Run) -> Process,
) -> Figures {
    const CAP: u64 = 16;
    let mut figures = Figures::default();
    let off: Vec<String> = off.iter().map(|off| (*off).to_owned()).collect();
    let timeout_ms = if off.is_empty() { 60_000 } else { 2_000 };
    let master = run.start(&Spec { worker_messages: Some(CAP as usize), classic, off, ..run.master() });
    let mut workers = [make(&run), make(&run)];
    let start = Instant::now();
    let mut client = run.start(&Spec { size: 100, timeout_ms, client_id: "t".to_owned(), ..run.client(count) });
    for kill in 1..=kills {
        run.outcomes(count * kill / (kills + 1), &mut client);
        let victim = run.random.below(2) as usize;
        run.history.fault(format!("kill -9 of worker {victim}"));
        workers[victim].kill();
        sleep(Duration::from_millis(100));
        workers[victim] = make(&run);
    }
    client.join();
    let report = run.report();
    figures.all_answered(&report);
    // What a worker held, and one message that it had to itself.
    figures.at_most("handed out again", kills * (CAP + 1), run.stat("redelivered"));
    figures.at_most("done again", kills * (CAP + 1), report.reruns);
    figures.at_most("VmHWM of the master, MiB", 64, master.peak_kib() >> 10);
    run.drained(&mut figures);
    run.calm(&mut figures);
    figures.within("time of the job", Duration::from_secs(60), start.elapsed());
    figures
}

pub(crate) fn t03_a_worker_freezes(scale: Scale) -> Figures {
    frozen_worker(scale, false, &[])
}

pub(crate) fn t03_a_classic_worker_freezes(scale: Scale) -> Figures {
    frozen_worker(scale, true, &[])
}

pub(crate) fn frozen_worker(scale: Scale, classic: bool, off: &[&str]) -> Figures {
    let (mut run, mut figures) = (Run::new("t03"), Figures::default());
    let count = scale.pick(2_000, 10_000);
    let off = off.iter().map(|off| (*off).to_owned()).collect();
    let _master = run.start(&Spec { off, classic, ..run.master() });
    let _spy = Spy::on(&run.db, "t03", &run.history_path());
    let workers = [0, 1].map(|_| run.start(&Spec { work_us: 1000, ..run.worker() }));
    let mut client = run.start(&Spec { client_id: "t03".to_owned(), ..run.client(count) });
    run.outcomes(count / 10, &mut client);
    workers[0].signal("STOP");
    let frozen = Instant::now();
    until("the frozen worker's messages are handed out again", || run.stat("redelivered") > 0);
    figures.within("noticed", NOTICED, frozen.elapsed());
    client.join();
    sleep(scale.pick(Duration::ZERO, Duration::from_secs(10)).saturating_sub(frozen.elapsed()));
    workers[0].signal("CONT");
    // What it still had it does now; each of these results is a copy.
    let late = || run.stat("stale") > 0 && run.stat("stale") >= run.report().reruns;
    let all_stale = within(Duration::from_secs(10), late);
    let report = run.report();
    figures.all_answered(&report);
    figures.at_least("late results", 1, report.reruns);
    figures.is("late results that were not stale", 0, if all_stale { 0 } else { report.reruns - run.stat("stale") });
    run.drained(&mut figures);
    run.calm(&mut figures);
    figures
}

pub(crate) fn t04_a_method_hangs(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t04"), Figures::default());
    let count = scale.pick(500, 5_000);
    let timeout = scale.pick(500, 2_000);
    let _master = run.start(&Spec { work_timeout_ms: Some(timeout), ..run.master() });
    let worker = Spec { work_us: 500, hang: Some(count / 2), ..run.worker() };
    let mut workers = [0, 1, 2, 3].map(|_| run.start(&worker));
    let start = Instant::now();
    run.start(&run.client(count)).join();
    figures.within("time of three attempts", Duration::from_millis(timeout) * 5, start.elapsed());
    let report = run.report();
    figures.is("answered", count - 1, report.ok);
    figures.is("errors: poisoned", 1, report.errors_of(POISONED));
    figures.once(&report);
    run.drained(&mut figures);
    // A thread cannot be ended: its process does it.
    let failed = |worker: &mut Process| worker.ended().is_some_and(|status| status.code() == Some(1));
    let all = within(Duration::from_secs(10), || {
        workers.iter_mut().filter_map(|worker| failed(worker).then_some(())).count() == 3
    });
    figures.is("workers that hung and did not end themselves", 0, u64::from(!all));
    let told = workers
        .iter()
        .filter(|worker| worker.log().contains("`foo` hangs: it has given no result of message `"))
        .count();
    figures.is("workers that said why", 3, told as u64);
    figures
}

/// The time-out is for a method, not for all that waits before it.
pub(crate) fn t04_slow_is_not_hanging(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t04s"), Figures::default());
    let count = scale.pick(16, 32);
    let _master = run.start(&Spec { work_timeout_ms: Some(1_500), ..run.master() });
    let _worker = run.start(&Spec { work_us: 250_000, ..run.worker() });
    run.start(&run.client(count)).join();
    figures.all_answered(&run.report());
    figures.is("handed out again", 0, run.stat("redelivered"));
    figures
}

pub(crate) fn t05_a_message_kills_its_workers(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t05"), Figures::default());
    let count = scale.pick(1_000, 10_000);
    let _master = run.start(&run.master());
    let spec = Spec { work_us: 200, poison: Some(count / 2), ..run.worker() };
    let mut workers = [0, 1].map(|_| run.start(&spec));
    let mut client = run.start(&run.client(count));
    let mut deaths = 0;
    until("the end of the job", || {
        for worker in &mut workers {
            if worker.ended().is_some() {
                deaths += 1;
                *worker = run.start(&spec);
            }
        }
        client.ended().is_some()
    });
    let report = run.report();
    figures.is("answered", count - 1, report.ok);
    figures.is("errors: poisoned", 1, report.errors_of(POISONED));
    figures.is("errors", 1, report.failed());
    figures.at_most("deaths of workers", 3, deaths);
    figures.once(&report);
    run.drained(&mut figures);
    figures
}

pub(crate) fn t06_all_workers_die(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t06"), Figures::default());
    let count = scale.pick(4_000, 40_000);
    let _master = run.start(&run.master());
    let spec = Spec { work_us: 100, ..run.worker() };
    let mut workers = [0, 1].map(|_| run.start(&spec));
    let mut client = run.start(&run.client(count));
    run.outcomes(count / 4, &mut client);
    workers.iter_mut().for_each(Process::kill);
    sleep(scale.pick(Duration::from_millis(300), Duration::from_secs(5)));
    let _workers = [0, 1].map(|_| run.start(&spec));
    client.join();
    figures.all_answered(&run.report());
    run.drained(&mut figures);
    run.calm(&mut figures);
    figures
}

/// Messages with an `id` get an error, all of a job's at about the same time; classic ones wait.
pub(crate) fn t06_nobody_comes_back(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t06n"), Figures::default());
    let count = scale.pick(4_000, 40_000);
    let patience = scale.pick(1_000, 30_000);
    let _master = run.start(&Spec { no_workers_ms: Some(patience), hold_ms: Some(120_000), ..run.master() });
    let spec = Spec { work_us: 100, ..run.worker() };
    let mut workers = [0, 1].map(|_| run.start(&spec));
    let mut client = run.start(&Spec { timeout_ms: 100_000, ..run.client(count) });
    run.outcomes(count / 4, &mut client);
    let push = raw::push(&raw::address(&run.db, "pull_address"));
    let answers = raw::ready_subscriber(&raw::address(&run.db, "pub_address"), "classic");
    workers.iter_mut().for_each(Process::kill);
    let died = Instant::now();
    push.send(raw::classic("classic", "server.foo", crate::payload::question(count, 50)).encode(), 0).unwrap();
    client.join();
    figures.within("all told", Duration::from_millis(patience + 1_000), died.elapsed());
    let report = run.report();
    figures.at_least("errors: no workers", 1, report.errors_of(NO_WORKERS));
    figures.is("outcomes", count, report.ok + report.errors_of(NO_WORKERS));
    figures.once(&report);
    let _worker = run.start(&spec);
    let answer = raw::result(&answers, Duration::from_secs(60));
    figures.is("classic messages answered", 1, u64::from(answer.is_some_and(|answer| answer.error().is_none())));
    figures
}

pub(crate) fn t09_a_client_is_killed(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t09"), Figures::default());
    let count = scale.pick(4_000, 40_000);
    let hold_ms = Some(scale.pick(1_000, 25_000));
    let master = run.start(&Spec { hold_ms, session_ms: hold_ms, ..run.master() });
    let spec = Spec { work_us: 100, ..run.worker() };
    let _workers = [0, 1].map(|_| run.start(&spec));
    // One that warms everything up, and is what the healthy one is compared with.
    let alone = Instant::now();
    run.start(&Spec { size: 1_000, ..run.client(count) }).join();
    let alone = alone.elapsed();
    let (memory, descriptors) = (master.memory_kib(), master.descriptors());
    let healthy = Spec { first: count, size: 1_000, ..run.client(count) };
    // Not of the history: nobody can say what it had.
    let other = run.spec("client", "server");
    let victim = Spec {
        first: 10_000_000,
        count: 1_000_000,
        size: 1_000,
        history: format!("{}.victim", other.history),
        ..other
    };
    let mut victim = run.start(&victim);
    let start = Instant::now();
    let mut healthy = run.start(&healthy);
    run.outcomes(count + count / 4, &mut healthy);
    victim.kill();
    let killed = Instant::now();
    healthy.join();
    figures.percent("pace of the healthy client", 45.0, 100.0 * alone.as_secs_f64() / start.elapsed().as_secs_f64());
    figures.all_answered(&run.report());
    run.drained(&mut figures);
    figures.within("state freed", Duration::from_secs(30), killed.elapsed());
    let back = within(Duration::from_secs(10), || master.descriptors() <= descriptors + 2);
    figures.is("descriptors not given back (I8)", 0, if back { 0 } else { master.descriptors() - descriptors });
    figures.at_most("growth of the master, MiB", scale.pick(16, 5), master.memory_kib().saturating_sub(memory) >> 10);
    run.calm(&mut figures);
    figures
}

/// In place of a cable that is pulled: the process stays frozen, and its connection stands.
pub(crate) fn t28_a_worker_never_wakes_up(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t28"), Figures::default());
    let count = scale.pick(2_000, 20_000);
    let master = run.start(&run.master());
    let workers = [0, 1].map(|_| run.start(&Spec { work_us: 2_000, ..run.worker() }));
    let mut client = run.start(&run.client(count));
    run.outcomes(count / 10, &mut client);
    let descriptors = master.descriptors();
    workers[1].signal("STOP");
    let frozen = Instant::now();
    until("its messages are handed out again", || run.stat("redelivered") > 0);
    figures.within("noticed", NOTICED, frozen.elapsed());
    client.join();
    figures.all_answered(&run.report());
    let freed = within(Duration::from_secs(20), || master.descriptors() < descriptors);
    figures.is("descriptors of it left", 0, u64::from(!freed));
    run.drained(&mut figures);
    figures
}

pub(crate) fn t34_a_server_is_restarted(scale: Scale) -> Figures {
    let (run, mut figures) = (Run::new("t34"), Figures::default());
    let spec = Spec { link_port: Some(free_port()), pub_port: Some(free_port()), ..run.spec("server", "server") };
    let mut server = run.start(&spec);
    // One more at the same ports says so and ends.
    let start = Instant::now();
    let mut second = run.start(&spec);
    figures.is("ended well with its ports in use", 0, u64::from(second.join().success()));
    figures.within("and at once", Duration::from_secs(1), start.elapsed());
    figures.is("and did not say which", 0, u64::from(!second.log().contains("127.0.0.1:")));
    let mut longest = Duration::ZERO;
    for round in 0..scale.pick(10, 100) {
        run.start(&Spec { first: round * 10, ..run.client(10) }).join();
        server.kill();
        let start = Instant::now();
        server = run.start(&spec);
        longest = longest.max(start.elapsed());
    }
    figures.all_answered(&run.report());
    figures.within("back on its port, at most", Duration::from_secs(1), longest);
    figures
}

/// They ask for their address once, and find it again; one that dies after a restart is still told from the other.
pub(crate) fn t34_a_master_of_python_workers_is_restarted(scale: Scale) -> Figures {
    if crate::python::interpreter().is_none() {
        return Figures::skipped("there is no pylm");
    }
    let (mut run, mut figures) = (Run::new("t34p"), Figures::default());
    let first_port = Some(free_ports(PORTS + 1));
    let spec = Spec { classic: true, first_port, state_dir: run.state_dir(), ..run.master() };
    let mut master = run.start(&spec);
    let worker = |name: &str| run.python("worker.py", &[name, &run.db, "0.001"]).unwrap();
    let mut workers = [worker("one"), worker("two")];
    let rounds = scale.pick(3, 20);
    for round in 0..rounds {
        run.start(&Spec { first: round * 100, ..run.client(100) }).join();
        master.kill();
        master = run.start(&spec);
    }
    let last = run.client(1_000);
    let mut client = run.start(&Spec { first: rounds * 100, ..last });
    run.outcomes(rounds * 100 + 200, &mut client);
    workers[0].kill();
    client.join();
    figures.all_answered(&run.report());
    figures.at_least("handed out again", 1, run.stat("redelivered"));
    run.drained(&mut figures);
    // Without that memory, nobody is left to work once the master is another one.
    master.kill();
    let _forgetful = run.start(&Spec { state_dir: String::new(), no_workers_ms: Some(1_000), ..spec });
    run.start(&Spec { first: 1_000_000, ..run.client(1) }).join();
    figures.is("errors without a state: no workers", 1, run.report().errors_of(NO_WORKERS));
    figures
}

pub(crate) fn t51_the_master_freezes(scale: Scale) -> Figures {
    let (mut run, mut figures) = (Run::new("t51"), Figures::default());
    let (count, window) = (scale.pick(4_000, 40_000), 500);
    let master = run.start(&Spec { worker_messages: Some(window), ..run.master() });
    let _spy = Spy::on(&run.db, "t51", &run.history_path());
    let _workers = [0, 1].map(|_| run.start(&Spec { work_us: 500, ..run.worker() }));
    let mut client = run.start(&Spec { client_id: "t51".to_owned(), timeout_ms: 100_000, ..run.client(count) });
    run.outcomes(count / 10, &mut client);
    master.signal("STOP");
    sleep(scale.pick(Duration::from_secs(4), Duration::from_secs(60)));
    master.signal("CONT");
    client.join();
    let report = run.report();
    figures.all_answered(&report);
    figures.at_most("done again", 2 * window as u64, report.reruns);
    run.drained(&mut figures);
    figures
}

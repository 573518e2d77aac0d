//! How a runner ends, and what is left of its components then: nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpgid};

use crate::rig::{Rig, gone, is_alive, palm, signal, until};

const SLEEPER: &str = "[Sleeper]\nScript = sh DIR/sleeper.sh\nGrace = 1\n";

/// It and its grandchild take SIGTERM for nothing.
const STUBBORN: &str = "trap '' TERM\nsetsid sh -c 'trap \"\" TERM; echo $$ > DIR/grand; while :; do sleep 0.2; done' &\n\
                        echo $$ > DIR/pid\nwhile :; do sleep 0.2; done\n";

#[test]
fn sigterm_is_passed_on_and_the_last_words_are_stored() {
    let rig = Rig::new(SLEEPER);
    rig.script("sleeper.sh", "trap 'echo good night; exit 0' TERM\necho $$ > DIR/pid\nwhile :; do sleep 0.1; done\n");
    let mut runner = rig.start();
    let pid = rig.pid("pid");
    // The leader of a group of its own, away from the runner's.
    let group = getpgid(Pid::from_raw(pid)).unwrap().as_raw_nonzero().get();
    assert_eq!(group, pid);
    runner.terminate();
    assert!(runner.ended().success());
    assert!(!is_alive(pid));
    rig.line("good night");
    assert_eq!(rig.report("Sleeper").unwrap()["state"], "STOPPED");
    let node = &rig.get("/nodes")[0];
    assert_eq!((&node["ip"], &node["processors"], &node["ports_from"]), (&"127.0.0.1".into(), &1.into(), &5555.into()));
}

#[test]
fn who_does_not_end_is_killed_after_its_grace() {
    let rig = Rig::new(SLEEPER);
    rig.script("sleeper.sh", STUBBORN);
    let mut runner = rig.start();
    let (pid, grand) = (rig.pid("pid"), rig.pid("grand"));
    runner.terminate();
    assert!(runner.ended().success());
    assert!(!is_alive(pid) && !is_alive(grand));
}

#[test]
fn a_second_signal_ends_it_at_once_and_its_components_soon() {
    let rig = Rig::new("[Sleeper]\nScript = sh DIR/sleeper.sh\nGrace = 3600\n");
    rig.script("sleeper.sh", STUBBORN);
    let mut runner = rig.start();
    let (pid, grand) = (rig.pid("pid"), rig.pid("grand"));
    rig.state("Sleeper", "RUNNING");
    runner.terminate();
    rig.state("Sleeper", "STOPPING");
    signal(runner.pid(), Signal::INT);
    assert_eq!(runner.ended().code(), Some(130));
    gone(pid);
    gone(grand);
}

#[test]
fn a_killed_runner_leaves_nothing_behind_and_comes_back_as_itself() {
    let rig = Rig::new("[Sleeper]\nScript = sh DIR/sleeper.sh\n--db = _1\nGrace = 1\n");
    rig.script("sleeper.sh", STUBBORN);
    let mut runner = rig.start();
    let (pid, grand) = (rig.pid("pid"), rig.pid("grand"));
    let before = rig.get("/instances")[0].clone();
    runner.kill();
    gone(pid);
    gone(grand);
    std::fs::remove_file(rig.path("pid")).unwrap();
    let _runner = rig.start();
    assert!(is_alive(rig.pid("pid")));
    let after = rig.get("/instances");
    assert_eq!(after.as_array().unwrap().len(), 1);
    assert_eq!((&after[0]["node"], &after[0]["command"]), (&before["node"], &before["command"]));
    assert_eq!(rig.get("/nodes").as_array().unwrap().len(), 1);
}

/// Four components with a grandchild each in a session of its own, two of the four deaf to SIGTERM. Gives the longest time that it
/// took until nothing was left.
fn killed_again_and_again(times: u32) -> Duration {
    let rig = Rig::new(
        "[Sleeper]\nScript = sh DIR/sleeper.sh\nReplicas = 1\n[Deaf]\nScript = sh DIR/deaf.sh\nReplicas = 1\n",
    );
    rig.script("sleeper.sh", "setsid sh DIR/grand.sh &\necho $$ >> DIR/pids\nwhile :; do sleep 0.2; done\n");
    rig.script("deaf.sh", "trap '' TERM\nsetsid sh DIR/grand.sh &\necho $$ >> DIR/pids\nwhile :; do sleep 0.2; done\n");
    rig.script("grand.sh", "echo $$ >> DIR/pids\nwhile :; do sleep 0.2; done\n");
    std::fs::write(rig.path("node.conf"), "[DEFAULT]\nIp = 127.0.0.1\nProcessors = 4\nPorts_from = 5555\n").unwrap();
    let config = rig.path("node.conf").display().to_string();
    let mut longest = Duration::ZERO;
    for _ in 0..times {
        let mut runner = rig.start_with(&["--config", &config]);
        let pids = until("four components with a child each", || {
            let pids = std::fs::read_to_string(rig.path("pids")).unwrap_or_default();
            (pids.lines().count() == 8).then_some(pids)
        });
        std::fs::remove_file(rig.path("pids")).unwrap();
        runner.kill();
        let killed = Instant::now();
        // Guardians too: their arguments name the directory.
        until("the end of everything", || rig.processes().is_empty().then_some(()));
        longest = longest.max(killed.elapsed());
        assert!(pids.lines().all(|pid| !is_alive(pid.parse().unwrap())));
    }
    assert_eq!(rig.get("/nodes").as_array().unwrap().len(), 1);
    longest
}

#[test]
fn nothing_outlives_runners_that_are_killed() {
    killed_again_and_again(3);
}

#[test]
#[ignore = "takes minutes: for `--ignored full`"]
fn full_nothing_outlives_fifty_runners_that_are_killed() {
    let longest = killed_again_and_again(50);
    eprintln!("50 runners killed, 200 components, 200 grandchildren: nothing left after {longest:?} at most");
    assert!(longest <= Duration::from_secs(2), "{longest:?}");
}

#[test]
fn a_runner_that_leaves_gives_its_components_away() {
    let rig = Rig::new(SLEEPER);
    rig.script("sleeper.sh", "echo $$ > DIR/pid\nexec sleep 1000\n");
    let mut runner = rig.start_with(&["--leave"]);
    rig.state("Sleeper", "RUNNING");
    runner.terminate();
    assert!(runner.ended().success());
    assert_eq!(rig.get("/nodes").as_array().unwrap().len(), 0);
}

#[test]
fn what_is_meant_for_the_runner_is_not_inherited() {
    let rig = Rig::new("[Env]\nScript = env\nRestart = never\n");
    let mut command = rig.runner(&[]);
    command
        .env("PALM_RUNNER_TOKEN", "")
        .env("PALM_RUNNER_ONCE_MORE", "x")
        .env("PALM_RUN_DB", "kept")
        .env("PALM_API_KEY", "x");
    let _runner = crate::rig::Runner::start(command, &rig.path("runner.log"));
    rig.state("Env", "EXITED");
    rig.line("PALM_RUN_DB=kept");
    let lines = rig.lines();
    let found = lines.iter().filter(|line| line["text"].as_str().unwrap().starts_with("PALM_")).count();
    assert_eq!(found, 1);
}

#[test]
fn once_tells_by_its_code() {
    let rig = Rig::new("[Good]\nScript = true\n[Bad]\nScript = false\n");
    std::fs::write(rig.path("node.conf"), "[DEFAULT]\nIp = 127.0.0.1\nProcessors = 2\nPorts_from = 5555\n").unwrap();
    let config = rig.path("node.conf").display().to_string();
    let outcome = |command: &mut Command| {
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = outcome(&mut rig.runner(&["--once", "--config", &config]));
    assert!(code == 1 && said.contains("error: Bad: it ended with exit code 1"), "{code}: {said}");
    let rig = Rig::new("[Good]\nScript = true\n");
    assert_eq!(outcome(&mut rig.runner(&["--once"])).0, 0);
    std::fs::write(rig.path("node.conf"), "[DEFAULT]\nIp = 127.0.0.1\n").unwrap();
    let config = rig.path("node.conf").display().to_string();
    let (code, said) = outcome(&mut rig.runner(&["--config", &config]));
    assert!(code == 2 && said.contains("`Processors` is missing"), "{code}: {said}");
    let mut unknown = palm();
    unknown.args(["runner", "--registry", &rig.url(), "--cluster", "unknown", "--state"]).arg(rig.path("state"));
    assert_eq!(outcome(&mut unknown).0, 3);
    assert_eq!(outcome(&mut rig.runner_at("http://127.0.0.1:9", &["--once"])).0, 3);
}

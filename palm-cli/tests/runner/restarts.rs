//! Components that end are started again, and it is told why.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::rig::{KEY, Rig, gone, is_alive, parent, processor_time, signal, until};

const SLEEPER: &str = "[Sleeper]\nScript = sh DIR/sleeper.sh\n";

/// Starts a process of a session of its own, which nobody waits for.
const WITH_GRANDCHILD: &str = "setsid sh -c 'echo $$ > DIR/grand; exec sleep 1000' &\necho $$ > DIR/pid\nwait\n";

#[test]
fn who_is_killed_comes_back() {
    let rig = Rig::new(SLEEPER);
    rig.script("sleeper.sh", "echo $$ > DIR/pid\nexec sleep 1000\n");
    let _runner = rig.start();
    let first = rig.state("Sleeper", "RUNNING")["pid"].as_i64().unwrap();
    signal(rig.pid("pid"), Signal::KILL);
    let again =
        until("a restart", || rig.report("Sleeper").filter(|report| report["restarts"] == 1 && report["pid"] != first));
    assert_eq!(again["signal"], 9);
    let events = rig.get("/events");
    let backoff = events.as_array().unwrap().iter().find(|event| event["to"] == "BACKOFF").unwrap().clone();
    assert!(backoff["reason"].as_str().unwrap().contains("SIGKILL ended it"), "{backoff}");
}

#[test]
fn attempts_end_in_fatal() {
    let rig = Rig::new("[Failing]\nScript = sh DIR/failing.sh\nAttempts = 1\n");
    rig.script("failing.sh", "exit 7\n");
    let _runner = rig.start();
    let report = rig.state("Failing", "FATAL");
    assert_eq!((&report["exit_code"], &report["restarts"]), (&7.into(), &1.into()));
}

/// Five restarts within a minute are enough; it costs next to nothing, and is told.
#[test]
fn a_crash_loop_comes_to_its_end_and_can_be_started_again() {
    let rig = Rig::new("[Failing]\nScript = sh DIR/failing.sh\n");
    rig.script("failing.sh", "echo once more >> DIR/runs\n[ -e DIR/good ] && exec sleep 1000\nexit 7\n");
    let (start, runner) = (Instant::now(), rig.start());
    let report = rig.state("Failing", "FATAL");
    let (spent, elapsed) = (processor_time(runner.pid()), start.elapsed());
    assert!(elapsed < Duration::from_secs(60), "{elapsed:?}");
    assert!(spent < elapsed / 20, "{spent:?} of {elapsed:?}");
    assert_eq!((&report["exit_code"], &report["restarts"]), (&7.into(), &5.into()));
    let reason =
        "it ended with exit code 7, after 5 restarts within 60 s of running; `palm cluster restart` starts it again";
    assert_eq!(report["reason"], reason);
    let runs = || fs::read_to_string(rig.path("runs")).unwrap().lines().count();
    assert_eq!((runs(), &rig.get("")["state"]), (6, &"failed".into()));
    let events = rig.get("/events?kind=state");
    let last = events.as_array().unwrap().last().unwrap();
    assert_eq!((&last["to"], &last["reason"]), (&"FATAL".into(), &reason.into()));
    assert!(runner.log().contains("a component ends again and again"), "{}", runner.log());
    fs::write(rig.path("good"), "").unwrap();
    assert!(rig.cluster(&["restart", KEY, "Failing"]).success());
    rig.state("Failing", "RUNNING");
    assert_eq!((runs(), &rig.get("")["state"]), (7, &"ready".into()));
    assert_eq!(rig.cluster(&["restart", KEY, "Nobody"]).code(), Some(3));
}

#[test]
fn attempts_may_be_without_end() {
    let rig = Rig::new("[Failing]\nScript = sh DIR/failing.sh\nAttempts = unlimited\n");
    rig.script("failing.sh", "exit 7\n");
    let _runner = rig.start();
    until("the sixth restart", || rig.report("Failing").filter(|report| report["restarts"] == 6));
    assert_eq!(rig.report("Failing").unwrap()["state"], "BACKOFF");
}

#[test]
fn what_cannot_be_started_is_fatal_and_says_why() {
    let rig = Rig::new("[Missing]\nScript = no-such-program-anywhere --x\n");
    let _runner = rig.start();
    let reason = rig.state("Missing", "FATAL")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("`no-such-program-anywhere` cannot be started: No such file"), "{reason}");
}

#[test]
fn a_program_that_is_not_allowed_is_not_started() {
    let rig = Rig::new(SLEEPER);
    rig.script("sleeper.sh", "echo $$ > DIR/pid\n");
    let _runner = rig.start_with(&["--allow", "python3,perl"]);
    let reason = rig.state("Sleeper", "FATAL")["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason, "this runner may not start `sh`; it may start python3, perl");
    assert!(!rig.path("pid").exists());
}

#[test]
fn arguments_are_no_shells() {
    let rig = Rig::new("[Echo]\nScript = printf '%%s|' '; touch DIR/x' '$(touch DIR/x)' \"a  b\"\nRestart = never\n");
    let _runner = rig.start();
    let directory = rig.path("x").parent().unwrap().display().to_string();
    let line = rig.line("touch");
    assert_eq!(line["text"], format!("; touch {directory}/x|$(touch {directory}/x)|a  b|"));
    assert!(!rig.path("x").exists());
}

#[test]
fn a_guardian_that_is_killed_leaves_nothing_behind() {
    let rig = Rig::new(SLEEPER);
    rig.script("sleeper.sh", WITH_GRANDCHILD);
    let _runner = rig.start();
    let (grand, pid) = (rig.pid("grand"), rig.pid("pid"));
    fs::remove_file(rig.path("pid")).unwrap();
    signal(parent(pid), Signal::KILL);
    gone(pid);
    gone(grand);
    assert!(is_alive(rig.pid("pid")));
    rig.state("Sleeper", "RUNNING");
}

#[test]
fn a_component_that_ends_leaves_no_grandchild_behind() {
    let rig = Rig::new("[Sleeper]\nScript = sh DIR/sleeper.sh\nRestart = never\n");
    rig.script("sleeper.sh", "setsid sh -c 'trap \"\" TERM; echo $$ > DIR/grand; while :; do sleep 1; done' &\nuntil [ -e DIR/grand ]; do sleep 0.05; done\n");
    let _runner = rig.start();
    let grand = rig.pid("grand");
    rig.state("Sleeper", "EXITED");
    assert!(!is_alive(grand));
}

#[test]
fn a_reset_restarts_and_a_deletion_ends() {
    let rig = Rig::new(SLEEPER);
    rig.script("sleeper.sh", "echo $$ > DIR/pid\nexec sleep 1000\n");
    let _runner = rig.start();
    rig.state("Sleeper", "RUNNING");
    let first = rig.pid("pid");
    rig.reset();
    gone(first);
    let second = until("another process", || Some(rig.pid("pid")).filter(|pid| *pid != first));
    rig.state("Sleeper", "RUNNING");
    rig.delete();
    gone(second);
}

#[test]
fn memory_and_processor_are_told() {
    let rig = Rig::new(SLEEPER);
    rig.script("sleeper.sh", "while :; do :; done\n");
    let _runner = rig.start();
    let report = until("a look", || rig.report("Sleeper").filter(|report| report["cpu_percent"].as_f64().is_some()));
    assert!(report["cpu_percent"].as_f64().unwrap() > 0.0 && report["rss_bytes"].as_u64().unwrap() > 0);
}

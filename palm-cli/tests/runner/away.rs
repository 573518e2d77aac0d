//! A runner that starts while its registry is away.

use std::fs;
use std::time::Duration;

use crate::rig::{Rig, Runner, gone, until};

const SLEEPER: &str = "[Sleeper]\nScript = sh DIR/sleeper.sh\n";

fn rig() -> Rig {
    let rig = Rig::new(SLEEPER);
    rig.script("sleeper.sh", "echo $$ > DIR/pid\necho here I am $$\nexec sleep 1000\n");
    rig
}

/// What the runner says while it waits.
#[track_caller]
fn says(runner: &Runner, text: &str) {
    until(text, || runner.log().contains(text).then_some(()));
}

#[test]
fn what_it_ran_last_runs_and_is_told_when_the_registry_is_back() {
    let mut rig = rig();
    let mut runner = rig.start();
    rig.state("Sleeper", "RUNNING");
    runner.terminate();
    assert!(runner.ended().success());
    rig.stop_registry();
    fs::remove_file(rig.path("pid")).unwrap();
    // One that is killed comes back the same way.
    let mut runner = rig.start();
    let pid = rig.pid("pid");
    says(&runner, "what it placed here last runs until it is there");
    runner.kill();
    gone(pid);
    fs::remove_file(rig.path("pid")).unwrap();
    let runner = rig.start();
    let pid = rig.pid("pid");
    rig.start_registry();
    // It is the same process still: nothing was started anew.
    until("its report", || rig.report("Sleeper").filter(|report| report["state"] == "RUNNING" && report["pid"] == pid));
    rig.line(&format!("here I am {pid}"));
    assert_eq!(rig.get("/nodes").as_array().unwrap().len(), 1);
    assert!(runner.log().contains("the registry is there"), "{}", runner.log());
}

/// Nothing is moved from a node that is not heard of, until somebody says that it will not come back.
#[test]
fn what_a_lost_node_ran_waits_for_it_or_for_a_word() {
    let rig = Rig::with_lease(SLEEPER, Duration::from_secs(1));
    rig.script("sleeper.sh", "echo $$ > DIR/pid\nexec sleep 1000\n");
    let mut lost = rig.start();
    rig.state("Sleeper", "RUNNING");
    let node = rig.get("/nodes")[0]["id"].as_str().unwrap().to_owned();
    lost.kill();
    let report = rig.state("Sleeper", "LOST");
    assert!(report["reason"].as_str().unwrap().starts_with("its node was not heard of since "), "{report}");
    // Another node has room, and gets nothing.
    let other = rig.start_other();
    says(&other, "there is nothing to run on this node yet");
    assert_eq!(
        (rig.get("/instances")[0]["node"].as_str(), rig.report("Sleeper").unwrap()["state"].as_str()),
        (Some(&*node), Some("LOST"))
    );
    // It comes back, and is lost again.
    let mut lost = rig.start();
    rig.state("Sleeper", "RUNNING");
    lost.kill();
    rig.state("Sleeper", "LOST");
    assert!(rig.cluster(&["forget", "k", &node]).success());
    let report = rig.state("Sleeper", "RUNNING");
    assert_ne!(rig.get("/instances")[0]["node"].as_str(), Some(&*node), "{report}");
    // Who was forgotten is a node like any other when it returns, and runs nothing twice.
    let back = rig.start();
    says(&back, "there is nothing to run on this node yet");
    assert_eq!(rig.cluster(&["forget", "k", "67e55044-10b1-426f-9247-bb680e5fe0c8"]).code(), Some(3));
}

#[test]
fn one_that_was_never_told_anything_asks_on() {
    let mut rig = rig();
    rig.stop_registry();
    let runner = rig.start();
    says(&runner, "it has never said what to run here, and is asked again");
    assert!(!rig.path("pid").exists());
    rig.start_registry();
    rig.state("Sleeper", "RUNNING");
}

#[test]
fn it_ends_by_sigterm_all_the_same() {
    let mut rig = rig();
    let mut first = rig.start();
    rig.state("Sleeper", "RUNNING");
    first.terminate();
    assert!(first.ended().success());
    rig.stop_registry();
    fs::remove_file(rig.path("pid")).unwrap();
    let mut told = rig.start();
    let pid = rig.pid("pid");
    told.terminate();
    assert!(told.ended().success());
    gone(pid);
    fs::remove_dir_all(rig.path("state")).unwrap();
    let mut untold = rig.start();
    says(&untold, "is asked again");
    untold.terminate();
    assert!(untold.ended().success());
}

#[test]
fn what_the_registry_took_away_does_not_run_again() {
    for is_deleted in [true, false] {
        let mut rig = rig();
        let mut runner = rig.start_with(if is_deleted { &[] } else { &["--leave"] });
        rig.state("Sleeper", "RUNNING");
        runner.terminate();
        assert!(runner.ended().success());
        fs::remove_file(rig.path("pid")).unwrap();
        if is_deleted {
            rig.delete();
            // It hears of it, and ends.
            assert_eq!(rig.start().ended().code(), Some(3));
        }
        rig.stop_registry();
        let runner = rig.start();
        says(&runner, "what it placed here last runs until it is there");
        assert!(!rig.path("pid").exists());
    }
}

//! Exit codes of what does not run.

use std::net::TcpListener;

use crate::program::{fails, output, program};

pub(crate) fn nothing_is_wrong_usage() {
    fails(&[], 2, &["Usage:"]);
    fails(&["bogus"], 2, &["bogus"]);
    fails(&["run"], 2, &["Usage:"]);
    fails(&["describe"], 2, &["<COMPONENT>"]);
    fails(&["graph", "MySink", "--format", "svg"], 2, &["dot, mermaid"]);
    fails(&["list", "MySink"], 2, &["MySink"]);
}

pub(crate) fn unknown_names_are_nobody() {
    for command in ["describe", "graph", "run"] {
        fails(
            &[command, "MySever"],
            3,
            &["no component is called `MySever`", "`MyWorker`", "did you mean `MyServer`?", "use that_crate as _"],
        );
    }
    fails(&["run", "Elephant", "--name", "x", "--unknown"], 3, &["`Elephant`"]);
}

pub(crate) fn twins_are_told_with_both_places() {
    for command in ["describe", "graph", "run"] {
        let (code, _, err) = output(&mut program(&[command, "Twin"]));
        assert_eq!(code, 3);
        assert_eq!(err.matches("tests/cli/components.rs:").count(), 2, "{err}");
    }
}

pub(crate) fn what_cannot_be_made_says_so() {
    fails(
        &["run", "Unmakeable", "--db", "tcp://127.0.0.1:1"],
        1,
        &["`Unmakeable` (", "tests/cli/components.rs:", "derive `Default`", "#[palm::worker(constructor = …)]"],
    );
    fails(&["run", "Unlucky", "--name", "x"], 1, &["`Unlucky`", "the stars are wrong"]);
}

pub(crate) fn bad_levels_are_wrong_usage() {
    fails(&["list", "--log", "loud"], 2, &["off, error, warn, info, debug or trace"]);
    let (code, _, err) = output(program(&["list"]).env("PALM_LOG", "loud"));
    assert_eq!(code, 2, "{err}");
}

pub(crate) fn an_address_in_use_is_a_failure() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", taken.local_addr().unwrap());
    fails(&["run", "MyServer", "--name", "x", "--pull", &address], 1, &[&address, "part `Pull`"]);
}

pub(crate) fn beyond_loopback_is_refused() {
    fails(&["run", "MyServer", "--name", "x", "--db", "tcp://0.0.0.0:*"], 2, &["--insecure"]);
}

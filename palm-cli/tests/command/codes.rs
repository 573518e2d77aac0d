//! Exit codes of what cannot be done.

use std::fs::File;
use std::net::TcpListener;

use crate::components::shop;
use crate::program::{fails, interrupt, outcome, palm, spawn};

#[test]
fn wrong_usage_is_two() {
    fails(&mut palm([""; 0]), 2, &["Usage:"]);
    fails(&mut palm(["bogus"]), 2, &["bogus"]);
    fails(&mut palm(["call", "shop.foo"]), 2, &["--db"]);
    fails(&mut palm(["call", "--db", "here", "shop.foo"]), 2, &["TRANSPORT://PLACE"]);
    fails(&mut palm(["call", "--db", "tcp://127.0.0.1:1", "shop"]), 2, &["SERVER.METHOD"]);
    fails(&mut palm(["call", "--db", "tcp://127.0.0.1:1", "a.b", "x", "--lines", "y"]), 2, &["--lines"]);
    fails(&mut palm(["call", "--db", "tcp://127.0.0.1:1", "a.b", "--lines", "y", "--repeat", "2"]), 2, &["--repeat"]);
    fails(&mut palm(["get", "key", "--db", "tcp://127.0.0.1:port"]), 2, &["tcp://127.0.0.1:port"]);
    fails(&mut palm(["top", "--interval", "0", "--db", "tcp://127.0.0.1:1"]), 2, &["seconds"]);
    fails(&mut palm(["doctor", "--log", "loud"]), 2, &["off, error, warn"]);
    fails(palm(["doctor"]).env("PALM_LOG", "loud"), 2, &["--log", "off, error, warn"]);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    fails(palm(["call", "shop.foo"]).env("PALM_CALL_DB", ""), 2, &["required"]);
}

#[test]
fn nobody_there_is_three() {
    // Bound, so that nobody else has it, and never answered.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let db = format!("tcp://{}", nobody.local_addr().unwrap());
    let commands: [&[&str]; 5] = [
        &["call", "shop.shout", "x", "--db", &db],
        &["get", "key", "--db", &db],
        &["ping", "--db", &db],
        &["top", "--db", &db],
        &["graph", "--db", &db],
    ];
    std::thread::scope(|scope| {
        for command in commands {
            let db = &db;
            scope.spawn(move || fails(&mut palm(command), 3, &[db, "10s"]));
        }
    });
}

#[test]
fn ctrl_c_is_130_whatever_is_waited_for() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let db = format!("tcp://{}", nobody.local_addr().unwrap());
    let commands: [&[&str]; 3] = [&["get", "key"], &["top"], &["call", "shop.shout"]];
    for words in commands {
        let child = spawn(palm(words).args(["--db", &db]));
        // It is under way: from now on it waits for an answer.
        let _connection = nobody.accept().unwrap();
        interrupt(&child);
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(130), &b""[..]), "{words:?}");
    }
}

#[test]
fn one_is_what_failed() {
    let (_shop, db) = shop();
    fails(&mut palm(["get", "nothing", "--db", &db]), 1, &[]);
    fails(&mut palm(["call", "shop.unknown", "--db", &db]), 1, &["unknown method"]);
}

#[test]
fn log_lines_are_on_stderr() {
    let (_shop, db) = shop();
    let call = ["call", "shop.shout", "x", "--db", &db];
    for command in [palm(call).args(["--log", "debug"]), palm(call).env("PALM_LOG", "debug")] {
        let found = outcome(command);
        assert_eq!((found.code, found.out.as_str()), (0, "X\n"));
        assert!(found.err.contains(" - DEBUG - "), "{}", found.err);
    }
}

#[test]
fn help_and_version_are_results() {
    for words in [&["--help"][..], &["--version"], &["call", "--help"], &["help", "cluster", "logs"]] {
        let found = outcome(&mut palm(words));
        assert_eq!((found.code, found.err.as_str()), (0, ""), "{words:?}");
        assert!(!found.out.is_empty());
    }
}

#[test]
fn a_stdout_that_nobody_reads_is_no_failure() {
    for words in [&["--help"][..], &["completions", "bash"], &["man"], &["doctor"], &["doctor", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = palm(words).stdout(writer).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), err.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stdout_that_is_full_is_one() {
    let (_shop, db) = shop();
    for words in [&["completions", "bash"][..], &["call", "shop.shout", "x", "--db", &db], &["ping", "--db", &db]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = palm(words).stdout(full).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(err.starts_with("error: cannot write to stdout: "), "{err}");
    }
}

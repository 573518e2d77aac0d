//! Where stdout and stderr are a terminal: one that Python's `pty` makes.

use std::process::Command;

use crate::cluster::log;
use crate::components::shop;
use crate::program::palm;
use crate::python;

const SPAWN: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/// What the program shows on a terminal; `None` on a machine without pylm's Python.
fn shown(arguments: &[&str]) -> Option<String> {
    let palm = palm(arguments);
    let mut command = Command::new(python::interpreter()?);
    for (name, value) in palm.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.args(["-c", SPAWN]).arg(palm.get_program()).args(palm.get_args()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    Some(text)
}

#[test]
fn a_log_line_does_nothing_to_it() {
    let registry = log(2);
    let Some(text) = shown(&["cluster", "logs", "k", "--registry", &registry.url]) else { return };
    assert!(text.contains("line 1 \\u{1b}[31m<b>\\u{0}\r\n"), "{text:?}");
    assert!(!text.contains('\u{1b}') && !text.contains('\0'), "{text:?}");
}

#[test]
fn a_live_table_gives_it_back() {
    let (_shop, db) = shop();
    let Some(text) = shown(&["top", "--db", &db, "--interval", "0.05", "--count", "3"]) else { return };
    assert!(text.starts_with("\u{1b}[?1049h") && text.ends_with("\u{1b}[?1049l"), "{text:?}");
    assert_eq!(text.matches("shop  tcp://").count(), 3, "{text:?}");
}

#[test]
fn answers_stand_beside_the_bar() {
    let (_shop, db) = shop();
    let Some(text) = shown(&["call", "--db", &db, "shop.shout", "hello", "--repeat", "3"]) else { return };
    assert_eq!(text.matches("HELLO\r\n").count(), 3, "{text:?}");
    assert!(text.contains("/3 ") && text.contains(" eta "), "{text:?}");
}

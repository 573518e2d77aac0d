//! The program under test as a process.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The program with these arguments, and none of the caller's variables.
pub(crate) fn palm<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palm"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PALM_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What became of a process: exit code, stdout, stderr.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn outcome(command: &mut Command) -> Outcome {
    of(command.output().unwrap())
}

fn of(Output { status, stdout, stderr }: Output) -> Outcome {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: status.code().expect("it ends by itself"), out: text(stdout), err: text(stderr) }
}

/// Runs it to its end with something on stdin.
pub(crate) fn outcome_of_input(command: &mut Command, input: &[u8]) -> Outcome {
    let mut child = spawn(command.stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // It need not read everything.
        let _ = stdin.write_all(&input);
    });
    let outcome = of(child.wait_with_output().unwrap());
    writer.join().unwrap();
    outcome
}

/// Starts it with pipes for what it prints and says.
pub(crate) fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Ctrl-C.
pub(crate) fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap().success());
}

/// It must do what it was asked for, and gives what it printed.
#[track_caller]
pub(crate) fn prints(command: &mut Command) -> String {
    let Outcome { code, out, err } = outcome(command);
    assert_eq!((code, err.as_str()), (0, ""), "{command:?}: {out}");
    out
}

#[track_caller]
pub(crate) fn prints_json(command: &mut Command) -> Value {
    serde_json::from_str(&prints(command)).unwrap()
}

/// It must end with that code, print nothing, and say these things.
#[track_caller]
pub(crate) fn fails(command: &mut Command, code: i32, says: &[&str]) {
    let found = outcome(command);
    assert_eq!((found.code, found.out.as_str()), (code, ""), "{command:?}: {}", found.err);
    for text in says {
        assert!(found.err.contains(text), "{command:?} does not say `{text}`: {}", found.err);
    }
}

//! The program under test as a process.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// `main`, or the name of a component: what this binary is when it is started with it.
pub(crate) const VARIABLE: &str = "PALM_TEST_PROGRAM";

const LIMIT: Duration = Duration::from_secs(20);

/// The program with these arguments, and none of the caller's variables.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PALM_")) {
        command.env_remove(name);
    }
    command.env(VARIABLE, "main").args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn output(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Runs the program to its end; it must end with that code, and say these things on stderr.
#[track_caller]
pub(crate) fn fails(arguments: &[&str], code: i32, says: &[&str]) {
    let (found, out, err) = output(&mut program(arguments));
    assert_eq!(found, code, "{arguments:?}: {err}");
    assert_eq!(out, "", "{arguments:?}");
    for text in says {
        assert!(err.contains(text), "{arguments:?} does not say `{text}`: {err}");
    }
}

/// Runs the program to its end; it must do what it was asked for, and gives what it printed.
#[track_caller]
pub(crate) fn prints(arguments: &[&str]) -> String {
    let (code, out, err) = output(&mut program(arguments));
    assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
    out
}

#[track_caller]
pub(crate) fn prints_json(arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&prints(arguments)).unwrap()
}

/// A component at work. Dropping it ends the process, whatever it does.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    pub(crate) log: Vec<String>,
}

/// Runs a component.
pub(crate) fn start(arguments: &[&str]) -> Running {
    start_as(&mut program(&[&["run"], arguments].concat()))
}

pub(crate) fn start_as(command: &mut Command) -> Running {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let err = BufReader::new(child.stderr.take().unwrap());
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || err.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    Running { child, lines, log: Vec::new() }
}

impl Running {
    /// Waits for a log line with that text, and gives what follows the text.
    #[track_caller]
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        let end = Instant::now() + LIMIT;
        loop {
            let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) else {
                panic!("nothing said `{text}`: {:#?}", self.log);
            };
            self.log.push(line.clone());
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
        }
    }

    /// An address by its cache key, once it is known.
    #[track_caller]
    pub(crate) fn address(&mut self, key: &str) -> String {
        self.line_with(&format!(" - INFO - {key} is "))
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    /// Waits for the end, and gives the exit code.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> i32 {
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                let mut out = String::new();
                self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
                assert_eq!(out, "", "a component has no results on stdout");
                self.log.extend(self.lines.iter());
                return status.code().expect("it ends by itself, not by a signal");
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it did not end: {:#?}", self.log);
    }

    /// Tells it to end; it must do so as it should.
    #[track_caller]
    pub(crate) fn stops(mut self) {
        self.signal("TERM");
        let code = self.ends();
        assert_eq!(code, 0, "{:#?}", self.log);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

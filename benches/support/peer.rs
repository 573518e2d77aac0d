//! A process that a benchmark started, and what it says.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Far beyond what any step of a benchmark takes.
const LIMIT: Duration = Duration::from_secs(600);

/// Before the words of a role.
const ROLE: &str = "--role";

/// Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Peer {
    name: String,
    pub(crate) child: Child,
    lines: Receiver<String>,
    /// Its end tells the role that the benchmark is gone.
    pub(crate) stdin: Option<ChildStdin>,
}

/// This program once more, in the role that these words name.
pub(crate) fn role<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Command, BoxError> {
    Ok(role_of(&std::env::current_exe()?, words))
}

/// Another program in such a role.
pub(crate) fn role_of<'a>(program: &Path, words: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(program);
    command.arg(ROLE).args(words);
    command
}

/// The words of the role that this program was started for, if it is no benchmark but a part of one, and the lines that
/// it is told. It ends with its benchmark.
pub(crate) fn played() -> Option<(Vec<String>, Receiver<String>)> {
    let mut words = std::env::args().skip(1);
    if words.next()? != ROLE {
        return None;
    }
    let (sender, told) = channel();
    thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
        std::process::exit(3);
    });
    Some((words.collect(), told))
}

impl Peer {
    pub(crate) fn start(name: &str, mut command: Command) -> Result<Self, BoxError> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().ok_or("no pipe")?);
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { name: name.to_owned(), child, lines, stdin })
    }

    /// What follows `word` in the next line that begins with it.
    pub(crate) fn told(&self, word: &str) -> Result<String, BoxError> {
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(word) {
                        return Ok(rest.trim().to_owned());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("{} did not say `{word}` within {LIMIT:?}", self.name).into());
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(format!("{} ended before it said `{word}`", self.name).into());
                }
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

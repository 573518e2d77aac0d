//! A process that a benchmark started, and what it says.

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Far beyond what any step of a benchmark takes.
const LIMIT: Duration = Duration::from_secs(180);

/// Before the words of a role.
const ROLE: &str = "--role";

/// Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Peer {
    name: String,
    pub(crate) child: Child,
    lines: Receiver<String>,
    /// Its end tells the role that the benchmark is gone.
    _stdin: ChildStdin,
}

/// This program once more, in the role that these words name.
pub(crate) fn role<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Command, BoxError> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(ROLE).args(words);
    Ok(command)
}

/// The words of the role that this program was started for, if it is no benchmark but a part of one.
pub(crate) fn words() -> Option<Vec<String>> {
    let mut words = std::env::args().skip(1);
    if words.next()? != ROLE {
        return None;
    }
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(3);
    });
    Some(words.collect())
}

impl Peer {
    pub(crate) fn start(name: &str, mut command: Command) -> Result<Self, BoxError> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("they are piped")
        };
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { name: name.to_owned(), child, lines, _stdin: stdin })
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
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

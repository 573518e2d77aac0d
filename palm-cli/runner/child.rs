//! What stands between the runner and a component: a guardian process, which sees to it that nothing of the component outlives the
//! runner.
//!
//! Runner and guardian are joined by a socket, which is the guardian's stdin. The guardian tells on it how its component fares, and
//! is told on it to end the component. Its end, however it comes, is the end of the runner. Whatever the component starts, in
//! whatever session, becomes the guardian's child when its parent ends. The component itself is killed by the kernel when the
//! guardian is.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, getppid, kill_process, wait};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// First argument of a guardian; then grace in milliseconds, program and arguments.
const GUARD: &str = "--guard-a-component";

/// First argument of what becomes a component; then the guardian's process, program and arguments.
const BECOME: &str = "--become-a-component";

/// How long a component has to end when its runner is gone, or what it has left behind when it has ended.
const ORPHAN_GRACE: Duration = Duration::from_millis(1_500);

/// How soon those that were started while others were killed are killed.
const AGAIN: Duration = Duration::from_millis(50);

/// The program that runs, even if its file has been replaced since.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// What a guardian says, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The program runs as this process.
    Started(i32),
    /// The program cannot be started.
    Failed(String),
    /// It ended with this code.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
}

impl Word {
    fn line(&self) -> String {
        match self {
            Self::Started(pid) => format!("started {pid}\n"),
            Self::Failed(text) => format!("failed {}\n", text.replace('\n', " ")),
            Self::Exited(code) => format!("exited {code}\n"),
            Self::Signalled(number) => format!("signalled {number}\n"),
        }
    }

    pub(super) fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ')?;
        Some(match word {
            "started" => Self::Started(rest.parse().ok()?),
            "failed" => Self::Failed(rest.to_owned()),
            "exited" => Self::Exited(rest.parse().ok()?),
            "signalled" => Self::Signalled(rest.parse().ok()?),
            _ => return None,
        })
    }
}

/// The command of a guardian. Its stdin is to be a socket.
pub(super) fn guardian(grace: Duration, argv: &[String]) -> Command {
    let mut command = Command::new(THIS_PROGRAM);
    // Of its own group: what the terminal sends to the runner's is the runner's affair.
    command.arg0("palm").arg(GUARD).arg(grace.as_millis().to_string()).args(argv).process_group(0);
    command
}

/// Does what the first argument asks for, if it is one of these.
pub(crate) fn main() -> Option<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let role = words.next()?;
    let first = words.next();
    let number = move || first?.to_str()?.parse::<u64>().ok();
    if role == GUARD {
        Some(guard(Duration::from_millis(number()?), words.collect()).unwrap_or(ExitCode::FAILURE))
    } else if role == BECOME {
        Some(become_a_component(number()?, words.collect()).unwrap_or(ExitCode::from(127)))
    } else {
        None
    }
}

enum Event {
    /// The runner, or somebody who sent SIGTERM, wants it to end.
    Stop,
    /// The runner is gone.
    Alone,
    Died(Pid, WaitStatus),
    /// There is no process left.
    Empty,
}

fn guard(grace: Duration, argv: Vec<OsString>) -> io::Result<ExitCode> {
    let mut runner = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut tell = move |word: Word| {
        // Who does not listen any more is gone, which its reader finds out.
        let _ = runner.write_all(word.line().as_bytes());
    };
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(getpid()))?;
    let (events, inbox) = channel();
    watch_signals(events.clone())?;
    watch_runner(events.clone());
    // From this thread, which lives as long as the process: the kernel kills the component when the thread ends that started it.
    let component = match start(&argv) {
        Ok(pid) => pid,
        Err(error) => {
            tell(Word::Failed(error.to_string()));
            return Ok(ExitCode::FAILURE);
        }
    };
    tell(Word::Started(component));
    thread::spawn(move || watch_processes(&events));
    let mut kill_at: Option<Instant> = None;
    loop {
        let event = match kill_at {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => inbox.recv_timeout(at.saturating_duration_since(Instant::now())),
        };
        let end_within = |grace: Duration| {
            signal_descendants(Signal::TERM);
            Instant::now() + grace
        };
        match event {
            Ok(Event::Stop) => kill_at = kill_at.or_else(|| Some(end_within(grace))),
            Ok(Event::Alone) => {
                let soon = end_within(grace.min(ORPHAN_GRACE));
                kill_at = Some(kill_at.map_or(soon, |at| at.min(soon)));
            }
            Ok(Event::Died(pid, status)) if pid.as_raw_nonzero().get() == component => {
                match status.terminating_signal() {
                    Some(number) => tell(Word::Signalled(number)),
                    None => tell(Word::Exited(status.exit_status().unwrap_or(-1))),
                }
                let soon = end_within(grace.min(ORPHAN_GRACE));
                kill_at = Some(kill_at.map_or(soon, |at| at.min(soon)));
            }
            Ok(Event::Died(..)) => {}
            Ok(Event::Empty) | Err(RecvTimeoutError::Disconnected) => return Ok(ExitCode::SUCCESS),
            Err(RecvTimeoutError::Timeout) => {
                signal_descendants(Signal::KILL);
                kill_at = Some(Instant::now() + AGAIN);
            }
        }
    }
}

fn watch_signals(events: Sender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    thread::spawn(move || signals.forever().all(|_| events.send(Event::Stop).is_ok()));
    Ok(())
}

fn watch_runner(events: Sender<Event>) {
    thread::spawn(move || {
        for line in BufReader::new(io::stdin()).lines() {
            match line.as_deref() {
                Ok("stop") if events.send(Event::Stop).is_ok() => {}
                _ => break,
            }
        }
        let _ = events.send(Event::Alone);
    });
}

/// Takes leave of each child. When there is none left, nothing that ever came of the component is: whoever lost its parent became
/// a child of this process.
fn watch_processes(events: &Sender<Event>) {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => {
                let _ = events.send(Event::Died(pid, status));
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
    let _ = events.send(Event::Empty);
}

fn start(argv: &[OsString]) -> io::Result<i32> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(THIS_PROGRAM);
    command.arg0("palm").arg(BECOME).arg(getpid().as_raw_nonzero().to_string()).args(argv);
    // `wait` takes leave of it.
    let child = command.stdin(Stdio::from(OwnedFd::from(theirs))).process_group(0).spawn()?;
    drop(command);
    let mut text = String::new();
    ours.read_to_string(&mut text)?;
    match text.as_str() {
        "" => i32::try_from(child.id()).map_err(io::Error::other),
        _ => Err(io::Error::other(text)),
    }
}

/// Becomes the component. What goes wrong is told on stdin, a socket that closes when it has gone well.
fn become_a_component(guardian: u64, argv: Vec<OsString>) -> io::Result<ExitCode> {
    let mut tell = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let error = match prepare(guardian) {
        Ok(()) => {
            let mut words = argv.iter();
            let program = words.next().cloned().unwrap_or_default();
            let error = Command::new(&program).args(words).exec();
            format!("`{}` cannot be started: {error}", program.display())
        }
        Err(error) => format!("a component cannot be guarded: {error}"),
    };
    tell.write_all(error.as_bytes())?;
    Ok(ExitCode::from(127))
}

fn prepare(guardian: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before that.
    let parent = getppid().map(|pid| pid.as_raw_nonzero().get());
    if parent.and_then(|pid| u64::try_from(pid).ok()) != Some(guardian) {
        return Err(io::Error::other("its guardian is gone"));
    }
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(())
}

/// Sends a signal to everything that came of this process.
fn signal_descendants(signal: Signal) {
    for pid in descendants(getpid()) {
        // Who has ended meanwhile stays a zombie until `wait`, or is none of ours any more only if its parent took leave of it.
        let _ = kill_process(pid, signal);
    }
}

fn descendants(of: Pid) -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for (pid, parent) in parents() {
        children.entry(parent).or_default().push(pid);
    }
    let mut found = Vec::new();
    let mut next = vec![of.as_raw_nonzero().get()];
    while let Some(pid) = next.pop() {
        for child in children.remove(&pid).unwrap_or_default() {
            found.extend(Pid::from_raw(child));
            next.push(child);
        }
    }
    found
}

/// Processes that lost their parents become the calling process's.
pub(super) fn adopt_orphans() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(getpid()))?;
    Ok(())
}

/// Kills every child of this process but `guardians`, with all that came of it: what a guardian that was killed left behind.
pub(super) fn end_orphans(guardians: &[u32]) {
    let this = getpid().as_raw_nonzero().get();
    let is_orphan = |pid: i32| !u32::try_from(pid).is_ok_and(|pid| guardians.contains(&pid));
    let find = || parents().into_iter().filter(move |(pid, parent)| *parent == this && is_orphan(*pid));
    loop {
        let orphans: Vec<Pid> = find().filter_map(|(pid, _)| Pid::from_raw(pid)).collect();
        if orphans.is_empty() {
            return;
        }
        for orphan in orphans {
            let _ = kill_process(orphan, Signal::KILL);
            let _ = rustix::process::waitpid(Some(orphan), WaitOptions::empty());
        }
    }
}

/// Each process with its parent.
fn parents() -> Vec<(i32, i32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let of = |entry: io::Result<fs::DirEntry>| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = super::usage::Stat::of(pid)?;
        Some((pid, stat.parent))
    };
    entries.filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_went() {
        let words = [Word::Started(7), Word::Failed("no such file".into()), Word::Exited(-1), Word::Signalled(9)];
        for word in words {
            assert_eq!(Word::parse(word.line().trim_end()), Some(word));
        }
        assert_eq!(Word::parse("nonsense"), None);
    }
}

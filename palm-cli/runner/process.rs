//! A component's process, with its guardian and the readers of its output.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use palm_registry::api::Instance;
use palm_registry::logs::{LogOrigin, Stream};
use rustix::process::{Pid, Signal, kill_process_group};

use super::child::{self, Word};
use super::output;
use super::policy::End;
use super::spool::Spool;
use super::supervisor::Event;

/// Variables that are meant for the runner alone begin so.
const OWN_VARIABLES: &str = "PALM_RUNNER_";

/// What all processes of a runner have in common.
#[derive(Clone, Debug)]
pub(super) struct Launcher {
    /// Identifier of the node.
    pub(super) node: String,
    pub(super) spool: Arc<Spool>,
    pub(super) events: Sender<Event>,
    /// Guardians that run. Whoever else is a child of the runner is an orphan.
    pub(super) guardians: Arc<Mutex<Vec<u32>>>,
}

/// What happens to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// Its program runs.
    Started(u32),
    /// Its program cannot be started.
    Failed(String),
    /// Nothing is left of it, and all that it wrote is read.
    Gone(End),
}

/// A process that was started. Dropping it leaves it alone.
#[derive(Debug)]
pub(super) struct Process {
    control: UnixStream,
}

impl Process {
    /// Has it end: SIGTERM to all that came of it, and SIGKILL after the instance's grace.
    pub(super) fn stop(&self) {
        // A guardian that does not listen is dead, which is told by itself.
        let _ = (&self.control).write_all(b"stop\n");
    }
}

impl Launcher {
    /// Starts an instance; what happens to it comes as events of `run`.
    pub(super) fn start(&self, instance: &Instance, run: u64) -> io::Result<Process> {
        let (control, theirs) = UnixStream::pair()?;
        let heard = control.try_clone()?;
        let grace = Duration::from_secs(u64::from(instance.grace_seconds));
        let mut command = child::guardian(grace, &instance.argv);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with(OWN_VARIABLES) || name == "PALM_API_KEY" {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut guardian = {
            let mut guardians = self.guardians.lock().unwrap_or_else(PoisonError::into_inner);
            let guardian = command.spawn()?;
            guardians.push(guardian.id());
            guardian
        };
        let readers = [
            self.read(instance, Stream::Stdout, guardian.stdout.take()),
            self.read(instance, Stream::Stderr, guardian.stderr.take()),
        ];
        let (launcher, name) = (self.clone(), instance.name.clone());
        thread::spawn(move || launcher.watch(&name, run, heard, guardian, readers));
        Ok(Process { control })
    }

    fn read<R: Read + Send + 'static>(
        &self,
        instance: &Instance,
        stream: Stream,
        pipe: Option<R>,
    ) -> Option<JoinHandle<()>> {
        let origin = LogOrigin {
            component: instance.component.clone(),
            instance: instance.name.clone(),
            node: self.node.clone(),
            stream: stream.into(),
            ..LogOrigin::default()
        };
        let spool = Arc::clone(&self.spool);
        // All parts of a long line have the level that it begins with.
        let (mut level, mut goes_on) = ("", false);
        let take = move |line: String, continues: bool| {
            if !std::mem::replace(&mut goes_on, continues) {
                level = output::level(&line);
            }
            let at_micros = Timestamp::now().as_microsecond();
            spool.push(line, LogOrigin { level: level.to_owned(), at_micros, continues, ..origin.clone() });
        };
        let pipe = pipe?;
        Some(thread::spawn(move || output::read_lines(pipe, take)))
    }

    fn watch(
        &self,
        name: &str,
        run: u64,
        heard: UnixStream,
        mut guardian: Child,
        readers: [Option<JoinHandle<()>>; 2],
    ) {
        let tell = |what| {
            // Nobody listens when the runner ends.
            let _ = self.events.send(Event::Process { name: name.to_owned(), run, what });
        };
        let (mut component, mut end) = (None, None);
        for word in BufReader::new(heard).lines().map_while(Result::ok).filter_map(|line| Word::parse(&line)) {
            match word {
                Word::Started(pid) => {
                    component = Pid::from_raw(pid);
                    tell(Happening::Started(pid.unsigned_abs()));
                }
                Word::Failed(text) => {
                    end = Some(End::Exited(127));
                    tell(Happening::Failed(text));
                }
                Word::Exited(code) => end = Some(End::Exited(code)),
                Word::Signalled(number) => end = Some(End::Signalled(number)),
            }
        }
        let _ = guardian.wait();
        let mut guardians = self.guardians.lock().unwrap_or_else(PoisonError::into_inner);
        guardians.retain(|pid| *pid != guardian.id());
        // An orderly guardian leaves nobody behind.
        if end.is_none() {
            if let Some(component) = component {
                let _ = kill_process_group(component, Signal::KILL);
            }
            child::end_orphans(&guardians);
        }
        drop(guardians);
        for reader in readers.into_iter().flatten() {
            let _ = reader.join();
        }
        tell(Happening::Gone(end.unwrap_or(End::Unknown)));
    }
}

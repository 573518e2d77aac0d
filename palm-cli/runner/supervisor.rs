//! What runs and what should: starts, stops and restarts instances until both are the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use palm_registry::api::{Instance, InstanceReport, State, StateChange};

use super::policy::{End, Restarts, Verdict};
use super::process::{Happening, Launcher, Process};
use super::reports::Reports;
use crate::failure::Failure;

/// What the supervisor is told.
#[derive(Debug)]
pub(super) enum Event {
    /// All that this node should run.
    Assigned(Vec<Instance>),
    /// Something happened to a process.
    Process { name: String, run: u64, what: Happening },
    /// It is to end, because of this signal.
    Signal(i32),
    /// It cannot go on.
    Failed(Failure),
}

/// The instances of a node.
#[derive(Debug)]
pub(super) struct Supervisor {
    launcher: Launcher,
    reports: Arc<Reports>,
    /// Each instance is started once.
    once: bool,
    /// Programs that may be started; all of them if there is none.
    allowed: Vec<String>,
    entries: BTreeMap<String, Entry>,
    runs: u64,
    /// Something was assigned, if only nothing.
    is_assigned: bool,
    ending: Option<Failure>,
    is_ending: bool,
}

/// What is wanted of an instance while its process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Whatever its policy says.
    Policy,
    StartAgain,
    Stop,
    Remove,
}

#[derive(Debug)]
struct Entry {
    instance: Instance,
    state: State,
    since: Timestamp,
    started: Instant,
    process: Option<Process>,
    pid: Option<u32>,
    run: u64,
    then: Then,
    restarts: Restarts,
    count: u64,
    end: Option<End>,
    reason: Option<String>,
    failed: bool,
    retry: Option<Instant>,
}

impl Entry {
    fn new(instance: Instance) -> Self {
        Self {
            instance,
            state: State::Stopped,
            since: Timestamp::now(),
            started: Instant::now(),
            process: None,
            pid: None,
            run: 0,
            then: Then::Policy,
            restarts: Restarts::default(),
            count: 0,
            end: None,
            reason: None,
            failed: false,
            retry: None,
        }
    }

    fn codes(&self) -> (Option<i32>, Option<i32>) {
        match self.end {
            Some(End::Exited(code)) => (Some(code), None),
            Some(End::Signalled(number)) => (None, Some(number)),
            Some(End::Unknown) | None => (None, None),
        }
    }

    fn is_settled(&self) -> bool {
        self.process.is_none() && matches!(self.state, State::Exited | State::Fatal | State::Stopped)
    }

    fn enter(&mut self, to: State, reason: Option<String>, reports: &Reports) {
        let (from, at) = (self.state, Timestamp::now());
        (self.state, self.since) = (to, at);
        self.reason.clone_from(&reason);
        let ended = !matches!(to, State::Starting | State::Running | State::Stopping);
        let (exit_code, signal) = if ended { self.codes() } else { (None, None) };
        let name = &self.instance.name;
        match &reason {
            Some(reason) => tracing::info!(instance = name, "{from} -> {to}: {reason}"),
            None => tracing::info!(instance = name, "{from} -> {to}"),
        }
        let instance = name.clone();
        reports.change(StateChange { instance, from, to, at, reason, exit_code, signal });
        reports.set(self.report(), &self.instance.argv);
    }

    fn report(&self) -> InstanceReport {
        let (exit_code, signal) = self.codes();
        let left = self.retry.map(|at| at.saturating_duration_since(Instant::now()));
        InstanceReport {
            name: self.instance.name.clone(),
            state: self.state,
            since: self.since,
            pid: self.pid,
            restarts: self.count,
            exit_code,
            signal,
            reason: self.reason.clone(),
            next_retry: left.and_then(|left| SignedDuration::try_from(left).ok()).map(|left| Timestamp::now() + left),
            cpu_percent: None,
            rss_bytes: None,
            stats: None,
        }
    }
}

impl Supervisor {
    pub(super) fn new(launcher: Launcher, reports: Arc<Reports>, once: bool, allowed: Vec<String>) -> Self {
        Self {
            launcher,
            reports,
            once,
            allowed,
            entries: BTreeMap::new(),
            runs: 0,
            is_assigned: false,
            ending: None,
            is_ending: false,
        }
    }

    /// Works until it is told to end, or, once, until everything has ended; nothing runs any more then.
    pub(super) fn run(mut self, events: &Receiver<Event>) -> Result<(), Failure> {
        loop {
            self.retry();
            if self.is_over() {
                return self.outcome();
            }
            let next = self.entries.values().filter_map(|entry| entry.retry).min();
            let event = match next {
                Some(at) => events.recv_timeout(at.saturating_duration_since(Instant::now())),
                None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match event {
                Ok(Event::Assigned(instances)) => self.assign(instances),
                Ok(Event::Process { name, run, what }) => self.happened(&name, run, what),
                Ok(Event::Signal(number)) if self.is_ending => {
                    // Guardians end what they guard when nobody is there any more.
                    std::process::exit(128 + number);
                }
                Ok(Event::Signal(_)) => self.end(None),
                Ok(Event::Failed(failure)) => self.end(Some(failure)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.end(None),
            }
        }
    }

    fn is_over(&self) -> bool {
        if self.is_ending {
            return self.entries.values().all(|entry| entry.process.is_none());
        }
        self.once && self.is_assigned && self.entries.values().all(Entry::is_settled)
    }

    fn outcome(self) -> Result<(), Failure> {
        if let Some(failure) = self.ending {
            return Err(failure);
        }
        let failed: Vec<_> = self.entries.values().filter(|entry| self.once && entry.failed).collect();
        let told =
            |entry: &&Entry| format!("{}: {}", entry.instance.name, entry.reason.as_deref().unwrap_or("it failed"));
        match failed.is_empty() || self.is_ending {
            true => Ok(()),
            false => Err(Failure::failed(failed.iter().map(told).collect::<Vec<_>>().join("\n"))),
        }
    }

    fn assign(&mut self, instances: Vec<Instance>) {
        if self.is_ending {
            return;
        }
        if !self.is_assigned && instances.is_empty() {
            tracing::info!("there is nothing to run on this node yet");
        }
        self.is_assigned = true;
        let mut gone: Vec<String> = self.entries.keys().cloned().collect();
        for instance in instances {
            gone.retain(|name| *name != instance.name);
            self.want(instance);
        }
        for name in gone {
            self.stop(&name, Then::Remove, "it is not placed here any more");
        }
    }

    fn want(&mut self, instance: Instance) {
        let name = instance.name.clone();
        let Some(entry) = self.entries.get_mut(&name) else {
            self.entries.insert(name.clone(), Entry::new(instance));
            return self.start(&name);
        };
        let is_new = instance.generation > entry.instance.generation || instance.argv != entry.instance.argv;
        let returns = entry.then == Then::Remove;
        entry.instance = instance;
        if is_new {
            entry.restarts = Restarts::default();
            self.stop(&name, Then::StartAgain, "the registry asks for a restart");
        } else if returns {
            entry.then = Then::StartAgain;
        }
    }

    /// Ends an instance's process; what is to follow follows at once if there is none.
    fn stop(&mut self, name: &str, then: Then, reason: &str) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        entry.then = then;
        entry.retry = None;
        match &entry.process {
            Some(process) => {
                process.stop();
                if entry.state != State::Stopping {
                    entry.enter(State::Stopping, Some(reason.to_owned()), &self.reports);
                }
            }
            None => self.follow(name),
        }
    }

    fn end(&mut self, failure: Option<Failure>) {
        self.is_ending = true;
        self.ending = self.ending.take().or(failure);
        let names: Vec<String> = self.entries.keys().cloned().collect();
        for name in names {
            self.stop(&name, Then::Stop, "the runner ends");
        }
    }

    fn retry(&mut self) {
        let now = Instant::now();
        let due = |entry: &&Entry| entry.retry.is_some_and(|at| at <= now);
        let names: Vec<String> = self.entries.values().filter(due).map(|entry| entry.instance.name.clone()).collect();
        for name in names {
            self.start(&name);
        }
    }

    fn start(&mut self, name: &str) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        self.runs += 1;
        (entry.run, entry.retry, entry.then, entry.started) = (self.runs, None, Then::Policy, Instant::now());
        if let Some(text) = refusal(&entry.instance, &self.allowed) {
            entry.failed = true;
            return entry.enter(State::Fatal, Some(text), &self.reports);
        }
        entry.enter(State::Starting, None, &self.reports);
        match self.launcher.start(&entry.instance, entry.run) {
            Ok(process) => entry.process = Some(process),
            Err(error) => {
                // The machine is short of something; the program is not to blame.
                entry.end = None;
                self.decide(name, End::Unknown, Some(format!("it cannot be started: {error}")));
            }
        }
    }

    fn happened(&mut self, name: &str, run: u64, what: Happening) {
        let Some(entry) = self.entries.get_mut(name).filter(|entry| entry.run == run) else { return };
        match what {
            Happening::Started(pid) => {
                entry.pid = Some(pid);
                if entry.state == State::Starting {
                    entry.enter(State::Running, None, &self.reports);
                }
            }
            Happening::Failed(text) => {
                (entry.reason, entry.failed) = (Some(text), true);
            }
            Happening::Gone(end) => {
                let cannot_start = entry.pid.is_none().then(|| entry.reason.take()).flatten();
                (entry.process, entry.pid, entry.end) = (None, None, Some(end));
                match (entry.then, cannot_start) {
                    (Then::Policy, Some(text)) if entry.failed => {
                        entry.end = None;
                        entry.enter(State::Fatal, Some(text), &self.reports);
                    }
                    (Then::Policy, _) => self.decide(name, end, None),
                    _ => self.follow(name),
                }
            }
        }
    }

    /// What follows when a process has ended by itself.
    fn decide(&mut self, name: &str, end: End, reason: Option<String>) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        let reason = reason.unwrap_or_else(|| end.reason());
        entry.failed = end != End::Exited(0);
        let ran = entry.started.elapsed();
        let verdict = match self.once {
            true => Verdict::Exited,
            false => entry.restarts.after(&entry.instance.restart, end, ran),
        };
        match verdict {
            Verdict::Restart(delay) => {
                entry.count += 1;
                entry.retry = Some(Instant::now() + delay);
                let when = if delay.is_zero() { "at once".to_owned() } else { format!("in {} s", delay.as_secs()) };
                let reason = format!("{reason} after {} s; it is started again {when}", ran.as_secs());
                entry.enter(State::Backoff, Some(reason), &self.reports);
            }
            Verdict::Exited => entry.enter(State::Exited, Some(reason), &self.reports),
            Verdict::Fatal => {
                let restarts = entry.instance.restart.attempts.unwrap_or_default();
                let reason = format!(
                    "{reason}, after {restarts} restarts within 60 s of running; `palm cluster restart` starts it again"
                );
                tracing::error!(instance = name, "a component ends again and again");
                entry.enter(State::Fatal, Some(reason), &self.reports);
            }
        }
    }

    /// What was asked for follows when a process has ended because it was told to.
    fn follow(&mut self, name: &str) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        match entry.then {
            Then::StartAgain => {
                entry.count += 1;
                self.start(name);
            }
            Then::Remove => {
                if entry.state != State::Stopped {
                    entry.enter(State::Stopped, Some("it is not placed here any more".to_owned()), &self.reports);
                }
                self.entries.remove(name);
                self.reports.remove(name);
            }
            // What ended before stays what it is.
            Then::Stop if matches!(entry.state, State::Exited | State::Fatal | State::Stopped) => {}
            Then::Stop => entry.enter(State::Stopped, Some("the runner ends".to_owned()), &self.reports),
            Then::Policy => {}
        }
    }
}

/// Why an instance is not to be started, if so.
fn refusal(instance: &Instance, allowed: &[String]) -> Option<String> {
    let Some(program) = instance.argv.first() else { return Some("its command is empty".to_owned()) };
    if allowed.is_empty() || allowed.contains(program) {
        return None;
    }
    Some(format!("this runner may not start `{program}`; it may start {}", allowed.join(", ")))
}

/// Between looks at what the processes use.
pub(super) const LOOK: Duration = Duration::from_secs(5);

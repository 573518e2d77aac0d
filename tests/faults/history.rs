//! What happened, as JSON lines that every role appends to one file, and the judgement of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(crate) enum Event {
    /// A client sends a message.
    Attempt { seq: u64 },
    /// A worker or a server begins with it.
    Executed { seq: u64, who: String },
    /// A client has a result.
    Result { seq: u64 },
    /// A client has an error; which message it is of is not said.
    Error { code: u32 },
    /// Somebody who looks on saw a result go out.
    Published { seq: u64 },
    /// A payload was not whole.
    Corrupt { who: String },
    /// A client waited in vain.
    TimedOut,
    /// The harness did something.
    Fault { what: String },
}

/// A file that is appended to, each line in one write.
#[derive(Debug)]
pub(crate) struct History {
    path: PathBuf,
    file: Mutex<File>,
}

impl History {
    pub(crate) fn at(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        Self { path: path.to_owned(), file: Mutex::new(file) }
    }

    pub(crate) fn write(&self, event: &Event) {
        let mut line = serde_json::to_vec(event).unwrap();
        line.push(b'\n');
        self.file.lock().unwrap().write_all(&line).unwrap();
    }

    pub(crate) fn fault(&self, what: impl Into<String>) {
        self.write(&Event::Fault { what: what.into() });
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let text = fs::read_to_string(&self.path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn report(&self) -> Report {
        Report::of(self.events())
    }

    pub(crate) fn follow(&self) -> Follower {
        Follower {
            reader: BufReader::new(File::open(&self.path).unwrap()),
            counts: Counts::default(),
            rest: Vec::new(),
        }
    }
}

/// Counts the lines that have been written so far.
#[derive(Debug)]
pub(crate) struct Follower {
    reader: BufReader<File>,
    rest: Vec<u8>,
    counts: Counts,
}

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) attempts: u64,
    pub(crate) executed: u64,
    pub(crate) outcomes: u64,
    pub(crate) published: u64,
}

impl Follower {
    pub(crate) fn counts(&mut self) -> Counts {
        let here = self.reader.stream_position().unwrap();
        self.reader.seek(SeekFrom::Start(here)).unwrap();
        while self.reader.read_until(b'\n', &mut self.rest).unwrap() > 0 && self.rest.ends_with(b"\n") {
            let counts = &mut self.counts;
            match serde_json::from_slice(&self.rest).unwrap() {
                Event::Attempt { .. } => counts.attempts += 1,
                Event::Executed { .. } => counts.executed += 1,
                Event::Result { .. } | Event::Error { .. } => counts.outcomes += 1,
                Event::Published { .. } => counts.published += 1,
                _ => {}
            }
            self.rest.clear();
        }
        self.counts
    }
}

/// The judgement of a history.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) attempts: u64,
    pub(crate) ok: u64,
    pub(crate) errors: BTreeMap<u32, u64>,
    pub(crate) lost: u64,
    pub(crate) unexpected: u64,
    pub(crate) duplicated: u64,
    pub(crate) corrupt: u64,
    pub(crate) timed_out: u64,
    /// Executions beyond the first of each message.
    pub(crate) reruns: u64,
    /// Most executions of one message.
    pub(crate) most_runs: u64,
    /// Messages that were executed and have no outcome at their client, if no error came.
    pub(crate) executed: BTreeSet<u64>,
    pub(crate) answered: BTreeSet<u64>,
}

impl Report {
    pub(crate) fn of(events: Vec<Event>) -> Self {
        let mut report = Self::default();
        let (mut attempts, mut runs, mut results, mut published) =
            (BTreeSet::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for event in events {
            match event {
                Event::Attempt { seq } => drop(attempts.insert(seq)),
                Event::Executed { seq, .. } => *runs.entry(seq).or_insert(0) += 1,
                Event::Result { seq } => *results.entry(seq).or_insert(0) += 1,
                Event::Published { seq } => *published.entry(seq).or_insert(0) += 1,
                Event::Error { code } => *report.errors.entry(code).or_insert(0) += 1,
                Event::Corrupt { .. } => report.corrupt += 1,
                Event::TimedOut => report.timed_out += 1,
                Event::Fault { .. } => {}
            }
        }
        report.attempts = attempts.len() as u64;
        report.ok = results.keys().filter(|seq| attempts.contains(seq)).count() as u64;
        report.unexpected = results.keys().filter(|seq| !attempts.contains(seq)).count() as u64;
        report.lost = report.attempts.saturating_sub(report.ok + report.failed());
        let twice = |seen: &BTreeMap<u64, u64>| seen.values().map(|times| times - 1).sum::<u64>();
        report.duplicated = twice(&results) + twice(&published);
        report.reruns = twice(&runs);
        report.most_runs = runs.values().copied().max().unwrap_or(0);
        report.executed = runs.into_keys().collect();
        report.answered = results.into_keys().collect();
        report
    }

    /// Errors of all codes.
    pub(crate) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(crate) fn errors_of(&self, code: u32) -> u64 {
        self.errors.get(&code).copied().unwrap_or(0)
    }
}

/// The judge is judged: each kind of wrong is told.
pub(crate) fn the_checker_sees_what_is_wrong() {
    let (attempt, result) = (|seq| Event::Attempt { seq }, |seq| Event::Result { seq });
    let executed = |seq| Event::Executed { seq, who: "w".to_owned() };
    let report = Report::of(vec![attempt(1), attempt(2), executed(1), executed(1), result(1), result(1), result(7)]);
    assert_eq!((report.attempts, report.ok, report.lost), (2, 1, 1));
    assert_eq!((report.duplicated, report.unexpected, report.reruns), (1, 1, 1));
    let good = Report::of(vec![attempt(1), executed(1), attempt(2), result(1), Event::Error { code: 9 }]);
    assert_eq!((good.lost, good.duplicated, good.errors_of(9)), (0, 0, 1));
}

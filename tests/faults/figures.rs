//! What a scenario measured, and what it should have.

use std::fmt::Display;
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use crate::history::Report;

/// How large a scenario is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// For every commit.
    Tenth,
    Full,
}

impl Scale {
    pub(crate) fn pick<T>(self, tenth: T, full: T) -> T {
        match self {
            Self::Tenth => tenth,
            Self::Full => full,
        }
    }
}

#[derive(Debug)]
struct Row {
    what: String,
    wanted: String,
    measured: String,
    good: bool,
    /// Depends on the clock: reported at full size, never judged in `cargo test`.
    timed: bool,
}

/// The figures of one scenario.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    rows: Vec<Row>,
    skipped: Option<String>,
}

impl Figures {
    pub(crate) fn skipped(reason: &str) -> Self {
        Self { skipped: Some(reason.to_owned()), ..Self::default() }
    }

    fn row(&mut self, what: &str, wanted: String, measured: impl Display, good: bool, timed: bool) {
        self.rows.push(Row { what: what.to_owned(), wanted, measured: measured.to_string(), good, timed });
    }

    pub(crate) fn is(&mut self, what: &str, wanted: u64, measured: u64) {
        self.row(what, wanted.to_string(), measured, wanted == measured, false);
    }

    pub(crate) fn at_most(&mut self, what: &str, wanted: u64, measured: u64) {
        self.row(what, format!("<= {wanted}"), measured, measured <= wanted, false);
    }

    pub(crate) fn at_least(&mut self, what: &str, wanted: u64, measured: u64) {
        self.row(what, format!(">= {wanted}"), measured, measured >= wanted, false);
    }

    pub(crate) fn within(&mut self, what: &str, wanted: Duration, measured: Duration) {
        self.row(what, format!("<= {wanted:?}"), format!("{measured:.2?}"), measured <= wanted, true);
    }

    /// `measured` in hundredths of what it is compared with.
    pub(crate) fn percent(&mut self, what: &str, least: f64, measured: f64) {
        self.row(what, format!(">= {least:.0} %"), format!("{measured:.0} %"), measured >= least, true);
    }

    /// Every message has its answer, once.
    pub(crate) fn all_answered(&mut self, report: &Report) {
        self.all_answered_in(report, 1);
    }

    /// The same where a master that counts attempts had so many runs.
    pub(crate) fn all_answered_in(&mut self, report: &Report, runs: u64) {
        self.at_least("attempts", 1, report.attempts);
        self.is("answered", report.attempts, report.ok);
        self.once_in(report, runs);
    }

    /// Every message has its answer or an error, so many at most both, and nobody waited in vain.
    pub(crate) fn told(&mut self, report: &Report, runs: u64, both: u64) {
        self.at_least("attempts", 1, report.attempts);
        self.at_least("answers and errors", report.attempts, report.ok + report.failed());
        self.at_most(
            "of them errors beside an answer",
            both,
            (report.ok + report.failed()).saturating_sub(report.attempts),
        );
        self.is("calls that ran out of time", 0, report.timed_out);
        self.once_in(report, runs);
    }

    /// Every message has one outcome.
    pub(crate) fn once(&mut self, report: &Report) {
        self.once_in(report, 1);
    }

    /// The same where a master that counts attempts had so many runs.
    pub(crate) fn once_in(&mut self, report: &Report, runs: u64) {
        self.is("lost", 0, report.lost);
        self.is("duplicated", 0, report.duplicated);
        self.is("unexpected", 0, report.unexpected);
        self.is("corrupt", 0, report.corrupt);
        self.at_most("attempts of one message", 3 * runs, report.most_runs);
    }

    /// Figures of counts that are not as they should be.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let wrong = self.rows.iter().filter(|row| !row.timed && !row.good);
        wrong.map(|row| format!("{}: wanted {}, measured {}", row.what, row.wanted, row.measured)).collect()
    }

    pub(crate) fn demand(&self) -> Result<(), Failed> {
        let wrong = self.wrong();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
    }
}

const WATCH: Duration = Duration::from_secs(240);

/// Runs a test; if it never ends, says which one and ends the process, and with it the roles.
pub(crate) fn watched<T>(name: &str, test: impl FnOnce() -> T) -> T {
    watched_for(name, WATCH, test)
}

fn watched_for<T>(name: &str, limit: Duration, test: impl FnOnce() -> T) -> T {
    let (done, end) = channel::<()>();
    let label = name.to_owned();
    thread::spawn(move || {
        if end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            let _ = writeln!(std::io::stderr(), "{label} did not end within {limit:?}");
            std::process::exit(101);
        }
    });
    let result = test();
    drop(done);
    result
}

/// Every scenario at full size, one after another, as a table on stdout. `PALM_FAULTS_ONLY=t01,t16` picks some.
pub(crate) fn full(scenarios: &[(&'static str, crate::Scenario)]) -> Result<(), String> {
    let only = std::env::var("PALM_FAULTS_ONLY").unwrap_or_default();
    let picked = |name: &str| only.is_empty() || only.split(',').any(|start| name.starts_with(start));
    let mut out = std::io::stdout();
    let mut wrong = Vec::new();
    let _ = writeln!(out, "\n| test | figure | wanted | measured | |\n| --- | --- | --- | --- | --- |");
    for (name, scenario) in scenarios.iter().filter(|(name, _)| picked(name)) {
        let start = Instant::now();
        let run = || std::panic::catch_unwind(|| scenario(Scale::Full));
        let Ok(figures) = watched_for(name, Duration::from_secs(900), run) else {
            let _ = writeln!(out, "| {name} | | ends | panicked | **no** |");
            wrong.push((*name).to_owned());
            continue;
        };
        if let Some(reason) = &figures.skipped {
            let _ = writeln!(out, "| {name} | | | skipped: {reason} | |");
        }
        for row in &figures.rows {
            let verdict = if row.good { "yes" } else { "**no**" };
            let _ = writeln!(out, "| {name} | {} | {} | {} | {verdict} |", row.what, row.wanted, row.measured);
            if !row.good {
                wrong.push(format!("{name}: {}", row.what));
            }
        }
        let _ = writeln!(out, "| {name} | time in all | | {:.1?} | |", start.elapsed());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

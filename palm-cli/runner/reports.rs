//! What is to be told to the registry: how each instance is, and what has happened.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use palm_registry::api::{Heartbeat, InstanceReport, StateChange};

use super::usage::Usage;

/// Changes of state that are kept while the registry is away; then the oldest ones are lost.
pub(super) const CHANGES: usize = 1000;

/// Between those who know and the one who tells.
#[derive(Debug, Default)]
pub(super) struct Reports {
    inner: Mutex<Inner>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    instances: BTreeMap<String, (InstanceReport, Vec<String>)>,
    changes: VecDeque<StateChange>,
    /// How many changes were taken off in front, settled or lost.
    first: u64,
    /// Something has changed since the last heartbeat was made.
    is_new: bool,
    closed: bool,
}

impl Reports {
    /// How an instance is now, with its command.
    pub(super) fn set(&self, report: InstanceReport, argv: &[String]) {
        let mut inner = self.lock();
        let kept = inner.instances.get(&report.name).map(|(kept, _)| kept);
        // The same process uses and counts what it did.
        let same = kept.filter(|kept| kept.pid.is_some() && kept.pid == report.pid).cloned();
        let report = match same {
            Some(kept) => {
                InstanceReport { cpu_percent: kept.cpu_percent, rss_bytes: kept.rss_bytes, stats: kept.stats, ..report }
            }
            None => report,
        };
        inner.instances.insert(report.name.clone(), (report, argv.to_vec()));
        self.tell(inner);
    }

    pub(super) fn remove(&self, instance: &str) {
        let mut inner = self.lock();
        inner.instances.remove(instance);
        self.tell(inner);
    }

    pub(super) fn change(&self, change: StateChange) {
        let mut inner = self.lock();
        inner.changes.push_back(change);
        if inner.changes.len() > CHANGES {
            inner.changes.pop_front();
            inner.first += 1;
            tracing::warn!("a change of state is lost: the registry has been away for too long");
        }
        self.tell(inner);
    }

    fn tell(&self, mut inner: MutexGuard<'_, Inner>) {
        inner.is_new = true;
        self.news.notify_all();
    }

    /// Processes that run, with their commands.
    pub(super) fn running(&self) -> Vec<(u32, Vec<String>)> {
        let inner = self.lock();
        inner.instances.values().filter_map(|(report, argv)| Some((report.pid?, argv.clone()))).collect()
    }

    /// What a process uses. It goes with the next heartbeat, whenever that is.
    pub(super) fn measured(&self, pid: u32, usage: Usage) {
        let mut inner = self.lock();
        let reports = inner.instances.values_mut().map(|(report, _)| report);
        for report in reports.filter(|report| report.pid == Some(pid)) {
            report.cpu_percent = usage.cpu_percent;
            report.rss_bytes = usage.rss_bytes;
            report.stats.clone_from(&usage.stats);
        }
    }

    /// What is to be said now, and what to [settle](Self::settle) when it was heard.
    pub(super) fn heartbeat(&self) -> (Heartbeat, u64) {
        let mut inner = self.lock();
        inner.is_new = false;
        let instances = inner.instances.values().map(|(report, _)| report.clone()).collect();
        let events: Vec<_> = inner.changes.iter().cloned().collect();
        let end = inner.first + events.len() as u64;
        (Heartbeat { at: Timestamp::now(), instances, events }, end)
    }

    /// The changes up to there are known at the registry.
    pub(super) fn settle(&self, end: u64) {
        let mut inner = self.lock();
        while inner.first < end && inner.changes.pop_front().is_some() {
            inner.first += 1;
        }
    }

    /// Waits until there is something new, or so long; `false` when nothing will follow.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let inner = self.lock();
        let waited = self.news.wait_timeout_while(inner, time, |inner| !inner.is_new && !inner.closed);
        !waited.map_or_else(|poisoned| poisoned.into_inner().0, |(inner, _)| inner).closed
    }

    /// Waits so long whatever is new; `false` when nothing will follow.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let inner = self.lock();
        let waited = self.news.wait_timeout_while(inner, time, |inner| !inner.closed);
        !waited.map_or_else(|poisoned| poisoned.into_inner().0, |(inner, _)| inner).closed
    }

    /// Nothing follows.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use palm_registry::api::State;

    use super::*;

    fn change(number: i32) -> StateChange {
        StateChange {
            instance: "Worker".into(),
            from: State::Running,
            to: State::Backoff,
            at: Timestamp::UNIX_EPOCH,
            reason: None,
            exit_code: Some(number),
            signal: None,
        }
    }

    #[test]
    fn changes_are_told_until_they_are_settled() {
        let reports = Reports::default();
        reports.change(change(1));
        let (told, end) = reports.heartbeat();
        assert_eq!(told.events, [change(1)]);
        reports.change(change(2));
        reports.settle(end);
        assert_eq!(reports.heartbeat().0.events, [change(2)]);
    }

    #[test]
    fn the_oldest_changes_are_lost_and_settling_does_not_reach_beyond() {
        let reports = Reports::default();
        for number in 0..CHANGES as i32 {
            reports.change(change(number));
        }
        let (_, end) = reports.heartbeat();
        reports.change(change(-1));
        let (told, _) = reports.heartbeat();
        assert_eq!((told.events.len(), told.events[0].exit_code), (CHANGES, Some(1)));
        reports.settle(end);
        assert_eq!(reports.heartbeat().0.events, [change(-1)]);
    }
}

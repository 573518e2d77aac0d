//! Log lines on their way to the registry: in memory first, on disk while it is away.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use palm_registry::logs::{LogMessages, LogOrigin, Stream};
use prost::Message as _;

/// Lines beyond that, in bytes, go to disk.
pub(super) const MEMORY: usize = 8 << 20;

/// Lines beyond that, in bytes, push out the oldest ones.
pub(super) const DISK: u64 = 256 << 20;

/// Bytes of a batch, unless it is one line.
const BATCH: usize = 1 << 20;

/// What a line takes besides its text, in bytes.
const LINE: usize = 128;

/// Lines of all components of one runner, in the order in which they were read. Each is handed out until it is settled, also by
/// the next run of the runner, with the same number: who stores them stores them once.
#[derive(Debug)]
pub(super) struct Spool {
    inner: Mutex<Inner>,
    /// There is something to be sent, or it is closed.
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    limits: Limits,
    memory: VecDeque<(String, LogOrigin)>,
    bytes: usize,
    /// Files, the oldest first. All of them are older than what is in memory.
    segments: VecDeque<Segment>,
    /// Batches of the first segment that are not handed out yet, if it is read.
    reading: Option<VecDeque<LogMessages>>,
    /// Handed out and not settled.
    flight: Option<LogMessages>,
    sequence: u64,
    dropped: u64,
    closed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    memory: usize,
    disk: u64,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    bytes: u64,
    lines: u64,
}

impl Spool {
    /// A spool in a directory, with what an earlier run has left there. Lines are numbered from `run` on: each run has numbers of
    /// its own.
    pub(super) fn open(directory: &Path, run: u32) -> io::Result<Self> {
        Self::with_limits(directory, run, Limits { memory: MEMORY, disk: DISK })
    }

    fn with_limits(directory: &Path, run: u32, limits: Limits) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let mut paths: Vec<_> = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "lines"));
        paths.sort();
        let segment = |path: PathBuf| {
            let bytes = fs::metadata(&path)?.len();
            let lines = batches(&fs::read(&path)?).iter().map(|batch| batch.messages.len() as u64).sum();
            Ok(Segment { path, bytes, lines })
        };
        let inner = Inner {
            directory: directory.to_owned(),
            limits,
            memory: VecDeque::new(),
            bytes: 0,
            segments: paths.into_iter().map(segment).collect::<io::Result<_>>()?,
            reading: None,
            flight: None,
            sequence: u64::from(run) << 32,
            dropped: 0,
            closed: false,
        };
        Ok(Self { inner: Mutex::new(inner), changed: Condvar::new() })
    }

    /// Takes a line in. It does not wait for the registry.
    pub(super) fn push(&self, text: String, origin: LogOrigin) {
        let mut inner = self.lock();
        inner.push(text, origin);
        if inner.bytes > inner.limits.memory {
            inner.spill();
        }
        self.changed.notify_all();
    }

    /// The batch to be sent: the same one until it is [`settled`](Self::settle). `None` when there is none for so long, or none any
    /// more.
    pub(super) fn next(&self, wait: Duration) -> Option<LogMessages> {
        let mut inner = self.lock();
        if inner.is_empty() && !inner.closed {
            inner = self
                .changed
                .wait_timeout_while(inner, wait, |inner| inner.is_empty() && !inner.closed)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(inner, _)| inner);
        }
        inner.next()
    }

    /// The batch that was handed out is stored, or will never be.
    pub(super) fn settle(&self) {
        self.lock().settle();
    }

    /// No more lines come; whoever waits for one is woken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Nothing is left, and nothing comes any more.
    pub(super) fn is_done(&self) -> bool {
        let inner = self.lock();
        inner.closed && inner.is_empty()
    }

    /// Writes what is left to disk, for the next run.
    pub(super) fn keep(&self) {
        self.lock().keep();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, text: String, origin: LogOrigin) {
        self.sequence += 1;
        self.bytes += text.len() + LINE;
        self.memory.push_back((text, LogOrigin { sequence: self.sequence, ..origin }));
    }

    fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.segments.is_empty() && self.flight.is_none() && self.dropped == 0
    }

    fn next(&mut self) -> Option<LogMessages> {
        if self.flight.is_none() {
            if self.dropped > 0 && self.segments.is_empty() {
                let text = format!("palm runner: {} lines are lost, there was no room for them", self.dropped);
                self.dropped = 0;
                let at_micros = jiff::Timestamp::now().as_microsecond();
                let level = "WARN".to_owned();
                self.push(text, LogOrigin { at_micros, level, stream: Stream::Stderr.into(), ..LogOrigin::default() });
            }
            self.flight = self.next_on_disk().or_else(|| self.next_in_memory());
        }
        self.flight.clone()
    }

    fn next_on_disk(&mut self) -> Option<LogMessages> {
        loop {
            let segment = self.segments.front()?;
            let reading = self.reading.get_or_insert_with(|| {
                fs::read(&segment.path).map(|bytes| batches(&bytes)).unwrap_or_else(|error| {
                    tracing::error!(%error, "log lines that were kept on disk cannot be read");
                    VecDeque::new()
                })
            });
            if let Some(batch) = reading.pop_front() {
                return Some(batch);
            }
            self.end_segment();
        }
    }

    fn next_in_memory(&mut self) -> Option<LogMessages> {
        let mut batch = LogMessages::default();
        let mut bytes = 0;
        while let Some((text, _)) = self.memory.front() {
            let size = text.len() + LINE;
            if bytes > 0 && bytes + size > BATCH {
                break;
            }
            bytes += size;
            let Some((text, origin)) = self.memory.pop_front() else { break };
            batch.messages.push(text);
            batch.origins.push(origin);
        }
        self.bytes -= bytes;
        (bytes > 0).then_some(batch)
    }

    fn settle(&mut self) {
        self.flight = None;
        if self.reading.as_ref().is_some_and(VecDeque::is_empty) {
            self.end_segment();
        }
    }

    fn end_segment(&mut self) {
        self.reading = None;
        if let Some(segment) = self.segments.pop_front() {
            remove(&segment);
        }
    }

    /// Moves what is in memory to a file.
    fn spill(&mut self) {
        let mut bytes = Vec::with_capacity(self.bytes);
        let mut lines = 0;
        let Some(first) = self.memory.front().map(|(_, origin)| origin.sequence) else { return };
        while let Some(batch) = self.next_in_memory() {
            lines += batch.messages.len() as u64;
            // A `Vec` has room for it.
            let _ = batch.encode_length_delimited(&mut bytes);
        }
        self.write(first, &bytes, lines);
    }

    /// Makes a segment of lines, which is called by the number of the first one: names sort as lines do.
    fn write(&mut self, first: u64, bytes: &[u8], lines: u64) {
        let path = self.directory.join(format!("{first:020}.lines"));
        match fs::write(&path, bytes) {
            Ok(()) => self.segments.push_back(Segment { path, bytes: bytes.len() as u64, lines }),
            Err(error) => {
                tracing::error!(%error, lines, "log lines are lost: they cannot be kept on disk");
                let _ = fs::remove_file(&path);
                self.dropped += lines;
            }
        }
        self.bound();
    }

    fn bound(&mut self) {
        while self.segments.iter().map(|segment| segment.bytes).sum::<u64>() > self.limits.disk {
            // The one that is read is sent while this happens.
            let oldest = usize::from(self.reading.is_some());
            let Some(segment) = self.segments.remove(oldest) else { return };
            remove(&segment);
            self.dropped += segment.lines;
            tracing::warn!(lines = segment.lines, "the oldest log lines are lost: there is no more room for them");
        }
    }

    fn keep(&mut self) {
        // What is read of a segment is in its file still.
        if self.reading.is_none()
            && let Some(flight) = self.flight.take()
        {
            let lines = flight.messages.len() as u64;
            let first = flight.origins.first().map_or(0, |origin| origin.sequence);
            self.write(first, &flight.encode_length_delimited_to_vec(), lines);
        }
        self.spill();
    }
}

/// The batches in a file, up to where it was cut off.
fn batches(mut bytes: &[u8]) -> VecDeque<LogMessages> {
    std::iter::from_fn(|| (!bytes.is_empty()).then(|| LogMessages::decode_length_delimited(&mut bytes).ok()).flatten())
        .collect()
}

fn remove(segment: &Segment) {
    if let Err(error) = fs::remove_file(&segment.path) {
        tracing::warn!(path = %segment.path.display(), %error, "log lines that are sent cannot be removed");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const SMALL: Limits = Limits { memory: 1000, disk: 4000 };

    fn origin() -> LogOrigin {
        LogOrigin { component: "Worker".into(), ..LogOrigin::default() }
    }

    fn drain(spool: &Spool) -> Vec<(u64, String)> {
        let mut lines = Vec::new();
        while let Some(batch) = spool.next(Duration::ZERO) {
            assert_eq!(batch.messages.len(), batch.origins.len());
            lines.extend(batch.origins.iter().map(|origin| origin.sequence).zip(batch.messages));
            spool.settle();
        }
        lines
    }

    fn is_rising(lines: &[(u64, String)]) -> bool {
        lines.windows(2).all(|pair| pair[0].0 < pair[1].0)
    }

    fn files(directory: &Path) -> usize {
        fs::read_dir(directory).unwrap().count()
    }

    #[test]
    fn a_batch_is_the_same_until_it_is_settled() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), 3).unwrap();
        spool.push("one".into(), origin());
        let first = spool.next(Duration::ZERO).unwrap();
        spool.push("two".into(), origin());
        assert_eq!(spool.next(Duration::ZERO), Some(first.clone()));
        assert_eq!(first.origins[0].sequence, (3 << 32) + 1);
        spool.settle();
        assert_eq!(drain(&spool), [((3 << 32) + 2, "two".to_owned())]);
        assert_eq!(spool.next(Duration::ZERO), None);
    }

    #[test]
    fn what_memory_has_no_room_for_is_on_disk_and_order_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::with_limits(directory.path(), 1, SMALL).unwrap();
        for number in 0..20 {
            spool.push(format!("{number}"), origin());
        }
        assert!(files(directory.path()) > 0);
        let lines = drain(&spool);
        let texts: Vec<_> = lines.iter().map(|(_, text)| text.parse::<u32>().unwrap()).collect();
        assert_eq!(texts, (0..20).collect::<Vec<_>>());
        assert!(is_rising(&lines));
        assert_eq!(files(directory.path()), 0);
    }

    #[test]
    fn the_next_run_sends_what_this_one_could_not() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::with_limits(directory.path(), 1, SMALL).unwrap();
        spool.push("in flight".into(), origin());
        let flight = spool.next(Duration::ZERO).unwrap();
        spool.push("in memory".into(), origin());
        spool.keep();
        let spool = Spool::with_limits(directory.path(), 2, SMALL).unwrap();
        spool.push("new".into(), origin());
        let lines = drain(&spool);
        assert_eq!(lines[0], (flight.origins[0].sequence, "in flight".to_owned()));
        assert_eq!(lines.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["in flight", "in memory", "new"]);
        assert!(is_rising(&lines));
    }

    #[test]
    fn the_oldest_lines_make_room_and_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::with_limits(directory.path(), 1, SMALL).unwrap();
        for number in 0..200 {
            spool.push(format!("{number:>100}"), origin());
        }
        let lines = drain(&spool);
        let (told, lines): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|(_, text)| text.starts_with("palm runner: "));
        let lost: usize = told.iter().map(|(_, text)| text.split(' ').nth(2).unwrap().parse::<usize>().unwrap()).sum();
        assert!(lost > 0 && !lines.is_empty());
        assert_eq!(lost + lines.len(), 200);
        assert_eq!(lines.last().unwrap().1.trim(), "199");
    }

    #[test]
    fn a_file_that_was_cut_off_is_read_as_far_as_it_goes() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), 1).unwrap();
        spool.push("whole".into(), origin());
        spool.keep();
        let path = fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(&bytes.clone()[..7]);
        fs::write(&path, bytes).unwrap();
        assert_eq!(drain(&Spool::open(directory.path(), 2).unwrap()).len(), 1);
    }

    #[test]
    fn closing_wakes_who_waits() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), 1).unwrap();
        spool.close();
        assert_eq!(spool.next(Duration::from_secs(60)), None);
        assert!(spool.is_done());
    }
}

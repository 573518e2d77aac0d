//! Log lines on their way to the registry: in memory first, on disk while it is away.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use palm_registry::logs::{LogMessages, LogOrigin, Stream};
use prost::Message as _;
use prost::bytes::Bytes;

/// Bytes of lines in memory, what is being sent included; the others go to disk.
const MEMORY: usize = 8 << 20;

/// Bytes of files on disk; beyond that the oldest make room.
const DISK: u64 = 256 << 20;

/// Bytes of a batch, unless it is one line.
const BATCH: usize = 1 << 20;

/// No batch in a file is longer: one line with where it is from.
const LONGEST_BATCH: usize = 4 << 20;

/// Before each batch in a file: its bytes and its lines.
const HEADER: usize = 8;

/// Lines of all components of one runner, in the order in which they were read. Each is handed out until it is settled, also by
/// the next run of the runner, with the same number: who stores them stores them once.
///
/// Lines are kept as they travel, so that bounds in bytes are what they say.
#[derive(Debug)]
pub(super) struct Spool {
    inner: Mutex<Inner>,
    /// There is something to be sent, or it is closed.
    changed: Condvar,
}

/// Lines that are sent at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// An encoded [`LogMessages`].
    pub(super) bytes: Bytes,
    pub(super) lines: u32,
    /// Number of the first one.
    first: u64,
}

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    limits: Limits,
    node: String,
    memory: VecDeque<Filling>,
    /// Of all that is in `memory`.
    bytes: usize,
    /// Files, the oldest first. All of them are older than what is in memory.
    segments: VecDeque<Segment>,
    /// The first segment, if it is read: what comes next.
    reading: Option<BufReader<File>>,
    /// Handed out and not settled.
    flight: Option<Batch>,
    sequence: u64,
    dropped: u64,
    closed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    memory: usize,
    disk: u64,
}

/// A batch that takes more lines.
#[derive(Debug)]
struct Filling {
    bytes: Vec<u8>,
    lines: u32,
    first: u64,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    bytes: u64,
    /// Lines that were not handed out yet.
    lines: u64,
}

impl Spool {
    /// A spool of a node in a directory, with what an earlier run has left there. Lines are numbered from `run` on: each run has
    /// numbers of its own.
    pub(super) fn open(directory: &Path, node: &str, run: u32) -> io::Result<Self> {
        Self::with_limits(directory, node, run, Limits { memory: MEMORY, disk: DISK })
    }

    fn with_limits(directory: &Path, node: &str, run: u32, limits: Limits) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let mut paths: Vec<_> = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "batches"));
        paths.sort();
        let inner = Inner {
            directory: directory.to_owned(),
            limits,
            node: node.to_owned(),
            memory: VecDeque::new(),
            bytes: 0,
            segments: paths.into_iter().map(Segment::open).collect::<io::Result<_>>()?,
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
        self.lock().push(text, origin);
        self.changed.notify_all();
    }

    /// The batch to be sent: the same one until it is [`settled`](Self::settle). `None` when there is none for so long, or none any
    /// more.
    pub(super) fn next(&self, wait: Duration) -> Option<Batch> {
        let mut inner = self.lock();
        if inner.is_empty() && !inner.closed {
            inner = self
                .changed
                .wait_timeout_while(inner, wait, |inner| inner.is_empty() && !inner.closed)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(inner, _)| inner);
        }
        inner.next()
    }

    /// The batch that was handed out is stored.
    pub(super) fn settle(&self) {
        self.lock().flight = None;
    }

    /// The batch that was handed out will never be stored.
    pub(super) fn lose(&self) {
        let mut inner = self.lock();
        inner.dropped += inner.flight.take().map_or(0, |batch| u64::from(batch.lines));
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
        let origins = vec![LogOrigin { sequence: self.sequence, ..origin }];
        let line = LogMessages { messages: vec![text], origins };
        let size = line.encoded_len();
        if self.held() + size > self.limits.memory {
            self.spill();
        }
        if self.memory.back().is_none_or(|batch| batch.bytes.len() + size > BATCH) {
            if let Some(full) = self.memory.back_mut() {
                full.bytes.shrink_to_fit();
            }
            let bytes = Vec::with_capacity(size.max(BATCH.min(self.limits.memory)));
            self.memory.push_back(Filling { bytes, lines: 0, first: self.sequence });
        }
        let Some(batch) = self.memory.back_mut() else { return };
        // Messages one after the other are one message with the lines of all. A `Vec` has room for them.
        let _ = line.encode(&mut batch.bytes);
        batch.lines += 1;
        self.bytes += size;
    }

    fn held(&self) -> usize {
        self.bytes + self.flight.as_ref().map_or(0, |batch| batch.bytes.len())
    }

    fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.segments.is_empty() && self.flight.is_none() && self.dropped == 0
    }

    fn next(&mut self) -> Option<Batch> {
        if self.flight.is_none() {
            self.flight = self.next_on_disk();
        }
        if self.flight.is_none() {
            self.tell_losses();
            self.flight = self.next_in_memory();
        }
        self.flight.clone()
    }

    fn next_on_disk(&mut self) -> Option<Batch> {
        loop {
            let segment = self.segments.front_mut()?;
            let read = match &mut self.reading {
                Some(reader) => read_batch(reader),
                None => File::open(&segment.path).and_then(|file| {
                    let mut reader = BufReader::new(file);
                    let read = read_batch(&mut reader);
                    self.reading = Some(reader);
                    read
                }),
            };
            match read {
                Ok(Some(batch)) => {
                    segment.lines = segment.lines.saturating_sub(u64::from(batch.lines));
                    return Some(batch);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, lines = segment.lines, "log lines that were kept on disk cannot be read");
                    self.dropped += segment.lines;
                }
            }
            self.reading = None;
            if let Some(segment) = self.segments.pop_front() {
                segment.remove();
            }
        }
    }

    fn next_in_memory(&mut self) -> Option<Batch> {
        let batch = self.memory.pop_front()?;
        self.bytes -= batch.bytes.len();
        Some(Batch { bytes: batch.bytes.into(), lines: batch.lines, first: batch.first })
    }

    /// A line says how many are lost.
    fn tell_losses(&mut self) {
        if self.dropped == 0 {
            return;
        }
        let text = format!("palm runner: {} lines are lost; its own log says why", std::mem::take(&mut self.dropped));
        let origin = LogOrigin {
            node: self.node.clone(),
            at_micros: jiff::Timestamp::now().as_microsecond(),
            level: "WARN".to_owned(),
            stream: Stream::Stderr.into(),
            ..LogOrigin::default()
        };
        self.push(text, origin);
    }

    /// Moves what is in memory to a file.
    fn spill(&mut self) {
        let mut batches = Vec::with_capacity(self.memory.len());
        while let Some(batch) = self.next_in_memory() {
            batches.push(batch);
        }
        self.write(&batches);
    }

    /// Makes a segment of lines, which is called by the number of the first one: names sort as lines do.
    fn write(&mut self, batches: &[Batch]) {
        let Some(first) = batches.first().map(|batch| batch.first) else { return };
        let path = self.directory.join(format!("{first:020}.batches"));
        let bytes = batches.iter().map(|batch| (HEADER + batch.bytes.len()) as u64).sum();
        let lines = batches.iter().map(|batch| u64::from(batch.lines)).sum();
        self.make_room(bytes);
        let written =
            File::create(&path).and_then(|mut file| batches.iter().try_for_each(|batch| batch.write(&mut file)));
        let segment = Segment { path, bytes, lines };
        match written {
            Ok(()) => self.segments.push_back(segment),
            Err(error) => {
                tracing::error!(%error, lines, "log lines are lost: they cannot be kept on disk");
                segment.remove();
                self.dropped += lines;
            }
        }
    }

    fn make_room(&mut self, bytes: u64) {
        while self.segments.iter().map(|segment| segment.bytes).sum::<u64>() + bytes > self.limits.disk {
            // The one that is read is sent while this happens.
            let oldest = usize::from(self.reading.is_some());
            let Some(segment) = self.segments.remove(oldest) else { return };
            segment.remove();
            self.dropped += segment.lines;
            tracing::warn!(lines = segment.lines, "the oldest log lines are lost: there is no more room for them");
        }
    }

    fn keep(&mut self) {
        // What is read of a segment is in its file still.
        if self.reading.is_none()
            && let Some(flight) = self.flight.take()
        {
            self.write(&[flight]);
        }
        self.tell_losses();
        self.spill();
    }
}

impl Batch {
    fn write(&self, file: &mut File) -> io::Result<()> {
        let bytes = u32::try_from(self.bytes.len()).map_err(io::Error::other)?;
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&bytes.to_le_bytes());
        header[4..].copy_from_slice(&self.lines.to_le_bytes());
        file.write_all(&header)?;
        file.write_all(&self.bytes)
    }
}

impl Segment {
    /// A file of an earlier run.
    fn open(path: PathBuf) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(&path)?);
        let bytes = file.get_ref().metadata()?.len();
        let mut lines = 0;
        while let Some((length, more)) = read_header(&mut file)? {
            lines += u64::from(more);
            file.seek_relative(i64::try_from(length).map_err(io::Error::other)?)?;
        }
        Ok(Self { path, bytes, lines })
    }

    fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a file of log lines cannot be removed");
        }
    }
}

/// Bytes and lines of the batch that follows, if one does. A file may have been cut off anywhere.
fn read_header(file: &mut impl Read) -> io::Result<Option<(usize, u32)>> {
    let mut header = [0; HEADER];
    match file.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let [a, b, c, d, e, f, g, h] = header;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    Ok((length <= LONGEST_BATCH).then_some((length, u32::from_le_bytes([e, f, g, h]))))
}

fn read_batch(file: &mut impl Read) -> io::Result<Option<Batch>> {
    let Some((length, lines)) = read_header(file)? else { return Ok(None) };
    let mut bytes = vec![0; length];
    match file.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        read => read.map(|()| Some(Batch { bytes: bytes.into(), lines, first: 0 })),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const SMALL: Limits = Limits { memory: 300, disk: 4000 };

    fn origin() -> LogOrigin {
        LogOrigin { component: "Worker".into(), ..LogOrigin::default() }
    }

    fn decoded(batch: &Batch) -> LogMessages {
        let decoded = LogMessages::decode(&batch.bytes[..]).unwrap();
        assert_eq!([decoded.messages.len(), decoded.origins.len()], [batch.lines as usize; 2]);
        decoded
    }

    fn drain(spool: &Spool) -> Vec<(u64, String)> {
        let mut lines = Vec::new();
        while let Some(batch) = spool.next(Duration::ZERO) {
            let batch = decoded(&batch);
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
        let spool = Spool::open(directory.path(), "node", 3).unwrap();
        spool.push("one".into(), origin());
        let first = spool.next(Duration::ZERO).unwrap();
        spool.push("two".into(), origin());
        assert_eq!(spool.next(Duration::ZERO), Some(first.clone()));
        assert_eq!(decoded(&first).origins[0].sequence, (3 << 32) + 1);
        spool.settle();
        assert_eq!(drain(&spool), [((3 << 32) + 2, "two".to_owned())]);
        assert_eq!(spool.next(Duration::ZERO), None);
    }

    #[test]
    fn what_memory_has_no_room_for_is_on_disk_and_order_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::with_limits(directory.path(), "node", 1, SMALL).unwrap();
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
        let spool = Spool::with_limits(directory.path(), "node", 1, SMALL).unwrap();
        spool.push("in flight".into(), origin());
        let flight = spool.next(Duration::ZERO).unwrap();
        spool.push("in memory".into(), origin());
        spool.keep();
        let spool = Spool::with_limits(directory.path(), "node", 2, SMALL).unwrap();
        spool.push("new".into(), origin());
        let lines = drain(&spool);
        assert_eq!(lines[0], (decoded(&flight).origins[0].sequence, "in flight".to_owned()));
        assert_eq!(lines.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["in flight", "in memory", "new"]);
        assert!(is_rising(&lines));
    }

    #[test]
    fn the_oldest_lines_make_room_and_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::with_limits(directory.path(), "node", 1, SMALL).unwrap();
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

    /// With the bounds of a real runner, and lines of all lengths.
    #[test]
    fn memory_and_disk_hold_no_more_than_they_should() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), "node", 1).unwrap();
        let on_disk = || -> u64 {
            fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
        };
        // One is being sent all the while.
        spool.push("x".repeat(1 << 20), origin());
        spool.next(Duration::ZERO).unwrap();
        let (mut pushed, mut bytes, mut most) = (1_u64, 0, 0);
        for number in 0.. {
            let length = [0, 10, 100, 10_000, 100_000, 1 << 20][number % 6];
            spool.push("x".repeat(length), origin());
            (pushed, bytes) = (pushed + 1, bytes + length);
            let inner = spool.lock();
            let capacity: usize = inner.memory.iter().map(|batch| batch.bytes.capacity()).sum();
            // The batch that is filled has room for more.
            assert!(inner.held() <= MEMORY && capacity <= MEMORY + BATCH, "{}, {capacity}", inner.held());
            drop(inner);
            if number % 60 == 0 {
                most = most.max(on_disk());
            }
            if bytes > 400 << 20 {
                break;
            }
        }
        assert!(most <= DISK && most > DISK - (MEMORY as u64 * 2), "{most}");
        let (mut sent, mut lost) = (0, 0);
        while let Some(batch) = spool.next(Duration::ZERO) {
            for text in decoded(&batch).messages {
                match text.strip_prefix("palm runner: ") {
                    None => sent += 1,
                    Some(told) => lost += told.split(' ').next().unwrap().parse::<u64>().unwrap(),
                }
            }
            spool.settle();
        }
        assert!(lost > 0);
        assert_eq!((sent + lost, on_disk()), (pushed, 0));
    }

    #[test]
    fn what_is_refused_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), "node", 1).unwrap();
        spool.push("one".into(), origin());
        spool.push("two".into(), origin());
        spool.next(Duration::ZERO).unwrap();
        spool.lose();
        // Also by the next run, if there is no time left.
        spool.close();
        assert!(!spool.is_done());
        spool.keep();
        let told = drain(&Spool::open(directory.path(), "node", 2).unwrap());
        assert_eq!(told.len(), 1);
        assert!(told[0].1.starts_with("palm runner: 2 lines are lost"), "{told:?}");
    }

    #[test]
    fn a_file_that_was_cut_off_is_read_as_far_as_it_goes() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), "node", 1).unwrap();
        spool.push("whole".into(), origin());
        spool.keep();
        let path = fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let whole = bytes.clone();
        for cut in 1..whole.len() {
            bytes.truncate(whole.len());
            bytes.extend_from_slice(&whole[..cut]);
            fs::write(&path, &bytes).unwrap();
            assert_eq!(drain(&Spool::open(directory.path(), "node", 2).unwrap()).len(), 1, "{cut}");
        }
        // What is no such file at all does no harm.
        fs::write(&path, [0xff; 100]).unwrap();
        assert_eq!(drain(&Spool::open(directory.path(), "node", 2).unwrap()).len(), 0);
    }

    #[test]
    fn closing_wakes_who_waits() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), "node", 1).unwrap();
        spool.close();
        assert_eq!(spool.next(Duration::from_secs(60)), None);
        assert!(spool.is_done());
    }
}

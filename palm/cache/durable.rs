use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction,
};

use super::Cache;
use crate::error::{Error, Result};

/// The end of the time to live, in milliseconds since 1970 (0: none), and the value.
const ENTRIES: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("entries");
/// Keys with a time to live, by its end.
const EXPIRING: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("expiring");
/// Bytes of all keys and values.
const COUNTS: TableDefinition<'_, &str, u64> = TableDefinition::new("counts");
const USED: &str = "used";

/// Bytes of the file that are kept in memory.
const MEMORY: usize = 32 << 20;

/// Entries evicted by one write, so that none takes long.
const EVICTED: usize = 64;

/// Keys and values in a file, which survive the process: what `set` has answered is there after a crash at any moment, and
/// after a loss of power.
///
/// Each change is written through to the disk before it is answered, which takes as long as the disk needs for that. One
/// process at a time has the file; after a crash it is looked through when it is opened, which takes the longer the larger it is.
/// Beyond the limit, and on a full disk, `set` is refused, and what is there can still be read.
///
/// ```
/// use palm::Bytes;
/// use palm::cache::{Cache, DurableCache};
///
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let path = directory.path().join("master.cache");
/// let cache = DurableCache::open(&path)?;
/// cache.set("key", Bytes::from("value"))?;
/// drop(cache);
///
/// let cache = DurableCache::open(&path)?;
/// assert_eq!(cache.get("key")?.as_deref(), Some(&b"value"[..]));
/// let master = palm::Master::new("server").cache(cache);
/// # Ok::<(), palm::Error>(())
/// ```
pub struct DurableCache {
    path: PathBuf,
    limit: u64,
    open: Box<Open>,
    /// Closed after an error of the disk, until it is used again.
    database: RwLock<Option<Database>>,
}

type Open = dyn Fn() -> Result<Database, DatabaseError> + Send + Sync;

impl DurableCache {
    /// Bytes of keys and values that are kept at most by default: 4 GiB.
    pub const DEFAULT_LIMIT: u64 = 4 << 30;

    /// Opens the file at this path, or makes it.
    ///
    /// # Errors
    /// [`Error::System`] when another process has it, when it is no such file, or when the disk fails.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let file = path.clone();
        Self::at(path, Box::new(move || builder().create(&file)))
    }

    fn at(path: PathBuf, open: Box<Open>) -> Result<Self> {
        let cache = Self { path, limit: Self::DEFAULT_LIMIT, open, database: RwLock::new(None) };
        cache.reopen().map_err(|error| Error::system("open the file of a cache", error))?;
        Ok(cache)
    }

    /// Bytes of keys and values that are kept at most. Default: 4 GiB.
    #[must_use]
    pub const fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Bytes that keys and values take now.
    ///
    /// # Errors
    /// The disk fails.
    pub fn used(&self) -> Result<u64> {
        self.run("", |database| {
            Ok(database.begin_read()?.open_table(COUNTS)?.get(USED)?.map_or(0, |used| used.value()))
        })
    }

    fn reopen(&self) -> Result<(), redb::Error> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if database.is_none() {
            let opened = (self.open)()?;
            let tables = opened.begin_write()?;
            tables.open_table(ENTRIES)?;
            tables.open_table(EXPIRING)?;
            tables.open_table(COUNTS)?;
            tables.commit()?;
            *database = Some(opened);
        }
        Ok(())
    }

    /// Runs one transaction. After an error of the disk the file is opened anew for the next one.
    fn run<T>(&self, key: &str, run: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T> {
        let refused = |error: redb::Error| Error::Cache { key: key.to_owned(), reason: error.to_string() };
        let is_open = || self.database.read().unwrap_or_else(PoisonError::into_inner).is_some();
        if !is_open() {
            self.reopen().map_err(refused)?;
        }
        let opened = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = &*opened else {
            return Err(refused(redb::Error::DatabaseClosed));
        };
        let result = run(database);
        drop(opened);
        if let Err(redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::Corrupted(_)) = &result {
            // It takes nothing more until it is opened again.
            *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        result.map_err(refused)
    }

    /// Runs one transaction that changes something; it is on the disk when this returns.
    fn change<T>(&self, key: &str, change: impl FnOnce(&mut Change<'_>) -> Result<T, redb::Error>) -> Result<T> {
        self.run(key, |database| {
            let transaction = database.begin_write()?;
            let mut open = Change::new(&transaction)?;
            open.evict()?;
            let changed = change(&mut open)?;
            open.close()?;
            transaction.commit()?;
            Ok(changed)
        })
    }

    fn insert(&self, key: &str, value: &[u8], until: u64) -> Result<()> {
        let refused = self.change(key, |change| {
            let old = change.entries.get(key)?.map_or(0, |old| key.len() + old.value().1.len());
            let used = (change.used - old as u64).saturating_add((key.len() + value.len()) as u64);
            if used > self.limit {
                return Ok(Some(used));
            }
            change.remove(key)?;
            change.insert(key, value, until)?;
            Ok(None)
        })?;
        match refused {
            None => Ok(()),
            Some(used) => {
                let reason = format!("keys and values would take {used} bytes, {} are allowed", self.limit);
                Err(Error::Cache { key: key.to_owned(), reason })
            }
        }
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(MEMORY);
    builder
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

const fn is_over(until: u64, now: u64) -> bool {
    until != 0 && until <= now
}

/// The tables of a transaction that changes something.
struct Change<'a> {
    entries: Table<'a, &'static str, (u64, &'static [u8])>,
    expiring: Table<'a, (u64, &'static str), ()>,
    counts: Table<'a, &'static str, u64>,
    used: u64,
}

impl<'a> Change<'a> {
    fn new(transaction: &'a WriteTransaction) -> Result<Self, redb::Error> {
        let counts = transaction.open_table(COUNTS)?;
        let used = counts.get(USED)?.map_or(0, |used| used.value());
        Ok(Self {
            entries: transaction.open_table(ENTRIES)?,
            expiring: transaction.open_table(EXPIRING)?,
            counts,
            used,
        })
    }

    fn close(mut self) -> Result<(), redb::Error> {
        self.counts.insert(USED, self.used)?;
        Ok(())
    }

    fn insert(&mut self, key: &str, value: &[u8], until: u64) -> Result<(), redb::Error> {
        self.used += (key.len() + value.len()) as u64;
        self.entries.insert(key, (until, value))?;
        if until != 0 {
            self.expiring.insert((until, key), ())?;
        }
        Ok(())
    }

    /// Removes an entry; `false` if there was none, or its time was over.
    fn remove(&mut self, key: &str) -> Result<bool, redb::Error> {
        let Some((until, bytes)) =
            self.entries.remove(key)?.map(|old| (old.value().0, key.len() + old.value().1.len()))
        else {
            return Ok(false);
        };
        self.used = self.used.saturating_sub(bytes as u64);
        if until != 0 {
            self.expiring.remove((until, key))?;
        }
        Ok(!is_over(until, now()))
    }

    /// Lets go of what has had its time.
    fn evict(&mut self) -> Result<(), redb::Error> {
        let over = self.expiring.range(..(now() + 1, ""))?.take(EVICTED);
        let over = over.map(|entry| Ok(entry?.0.value().1.to_owned()));
        for key in over.collect::<Result<Vec<_>, redb::Error>>()? {
            self.remove(&key)?;
        }
        Ok(())
    }

    /// The first keys that start with `prefix`, up to a thousand.
    fn some_keys(&self, prefix: &str) -> Result<Vec<String>, redb::Error> {
        let mut keys = Vec::new();
        for entry in self.entries.range(prefix..)?.take(1_000) {
            let key = entry?.0.value().to_owned();
            if !key.starts_with(prefix) {
                break;
            }
            keys.push(key);
        }
        Ok(keys)
    }
}

impl Cache for DurableCache {
    fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.run(key, |database| {
            // The entry's page is the transaction's: without it, a writer may free the page while it is read.
            let transaction = database.begin_read()?;
            let value = transaction.open_table(ENTRIES)?.get(key)?;
            let value = value.filter(|entry| !is_over(entry.value().0, now()));
            Ok(value.map(|entry| Bytes::copy_from_slice(entry.value().1)))
        })
    }

    fn set(&self, key: &str, value: Bytes) -> Result<()> {
        self.insert(key, &value, 0)
    }

    fn set_for(&self, key: &str, value: Bytes, time_to_live: Duration) -> Result<()> {
        let time = u64::try_from(time_to_live.as_millis()).unwrap_or(u64::MAX);
        self.insert(key, &value, now().saturating_add(time).max(1))
    }

    fn delete(&self, key: &str) -> Result<bool> {
        // What is not there need not be written.
        if self.get(key)?.is_none() {
            return Ok(false);
        }
        self.change(key, |change| change.remove(key))
    }

    /// All of them or none.
    fn clean(&self, prefix: &str) -> Result<usize> {
        self.change(prefix, |change| {
            let mut removed = 0;
            loop {
                let keys = change.some_keys(prefix)?;
                if keys.is_empty() {
                    return Ok(removed);
                }
                for key in &keys {
                    removed += usize::from(change.remove(key)?);
                }
            }
        })
    }
}

impl fmt::Debug for DurableCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DurableCache").field("path", &self.path).field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A disk in memory, with so much room, and of which a write may fail.
    #[derive(Debug, Clone, Default)]
    struct Disk(Arc<Inner>);

    #[derive(Debug, Default)]
    struct Inner {
        bytes: Mutex<Vec<u8>>,
        room: AtomicUsize,
        /// As some file systems do, a longer file is given before there is room for its bytes.
        sparse: AtomicBool,
        /// Writes that succeed before one fails.
        writes: AtomicUsize,
    }

    impl Disk {
        fn new(sparse: bool) -> Self {
            let disk = Self::default();
            disk.0.sparse.store(sparse, SeqCst);
            disk.0.writes.store(usize::MAX, SeqCst);
            disk.make_room(usize::MAX);
            disk
        }

        fn make_room(&self, bytes: usize) {
            self.0.room.store(bytes, SeqCst);
        }

        fn length(&self) -> usize {
            self.0.bytes.lock().unwrap().len()
        }

        fn cache(&self) -> Result<DurableCache> {
            let disk = self.clone();
            DurableCache::at(PathBuf::new(), Box::new(move || builder().create_with_backend(disk.clone())))
        }

        fn check(&self, end: usize) -> io::Result<()> {
            if end > self.0.room.load(SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    impl redb::StorageBackend for Disk {
        fn len(&self) -> io::Result<u64> {
            Ok(self.length() as u64)
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            let start = usize::try_from(offset).unwrap();
            out.copy_from_slice(&self.0.bytes.lock().unwrap()[start..start + out.len()]);
            Ok(())
        }

        fn set_len(&self, length: u64) -> io::Result<()> {
            let length = usize::try_from(length).unwrap();
            if !self.0.sparse.load(SeqCst) {
                self.check(length)?;
            }
            self.0.bytes.lock().unwrap().resize(length, 0);
            Ok(())
        }

        fn sync_data(&self) -> io::Result<()> {
            Ok(())
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            let start = usize::try_from(offset).unwrap();
            self.check(start + data.len())?;
            let left = self.0.writes.load(SeqCst);
            if left == 0 {
                return Err(io::Error::other("the disk fails"));
            }
            self.0.writes.store(left - 1, SeqCst);
            self.0.bytes.lock().unwrap()[start..start + data.len()].copy_from_slice(data);
            Ok(())
        }
    }

    fn value(number: u32) -> Bytes {
        number.to_string().repeat(500).into()
    }

    #[test]
    fn a_full_disk_refuses_and_is_read_and_works_again() {
        for sparse in [false, true] {
            let disk = Disk::new(sparse);
            let cache = disk.cache().unwrap();
            (0..10).for_each(|number| cache.set(&number.to_string(), value(number)).unwrap());
            disk.make_room(disk.length() + (64 << 10));
            let full = (10..10_000).find(|number| cache.set(&number.to_string(), value(*number)).is_err()).unwrap();
            for _ in 0..3 {
                assert!(matches!(cache.set("large", vec![7; 4 << 20].into()), Err(Error::Cache { .. })));
                for number in 0..full {
                    let read =
                        cache.get(&number.to_string()).unwrap_or_else(|error| panic!("{sparse} {number}: {error}"));
                    assert_eq!(read, Some(value(number)));
                }
            }
            disk.make_room(usize::MAX);
            for number in full..full + 10 {
                cache.set(&number.to_string(), value(number)).unwrap();
            }
            cache.set("large", vec![7; 4 << 20].into()).unwrap();
            assert!((0..full + 10).all(|number| cache.get(&number.to_string()).unwrap() == Some(value(number))));
        }
    }

    /// Each write to the disk fails in turn: what was answered is there, and what was refused is not, or is whole.
    #[test]
    fn a_disk_that_fails_at_any_write_loses_nothing() {
        let mut refused = 0;
        for fails in 0..60 {
            let disk = Disk::new(false);
            let cache = disk.cache().unwrap();
            cache.set("first", value(0)).unwrap();
            disk.0.writes.store(fails, SeqCst);
            let set: Vec<_> = (1..8).map(|number| cache.set(&number.to_string(), value(number)).is_ok()).collect();
            refused += set.iter().filter(|set| !**set).count();
            disk.0.writes.store(usize::MAX, SeqCst);
            let cache = {
                drop(cache);
                disk.cache().unwrap()
            };
            assert_eq!(cache.get("first").unwrap(), Some(value(0)));
            for (number, set) in (1..).zip(set) {
                let read = cache.get(&number.to_string()).unwrap();
                assert!(read == Some(value(number)) || (!set && read.is_none()), "{fails}: {number} was set: {set}");
            }
            cache.set("first", value(1)).unwrap();
        }
        assert!(refused > 0);
    }
}

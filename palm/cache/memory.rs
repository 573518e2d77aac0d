use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Cache;
use crate::error::{Error, Result};

/// What an entry takes beside the bytes of its key and its value, and what a time to live adds: small entries must not take
/// several times what is allowed.
const ENTRY: usize = 192;
const EXPIRY: usize = 128;

/// Keys and values in memory, bounded: 256 MiB unless told otherwise. A `set` beyond that is refused.
///
/// An entry counts the bytes of its key and value, and 192 bytes for what keeps it. Nothing is evicted to make room but
/// entries whose time to live is over.
///
/// ```
/// use palm::Bytes;
/// use palm::cache::{Cache, MemoryCache};
/// use std::time::Duration;
///
/// let cache = MemoryCache::with_limit(1_000);
/// cache.set("key", Bytes::from("value"))?;
/// assert_eq!(cache.used(), 200);
/// assert!(cache.set("other", Bytes::from(vec![0; 900])).is_err());
///
/// cache.set_for("session", Bytes::from("value"), Duration::ZERO)?;
/// assert_eq!(cache.get("session")?, None);
/// # Ok::<(), palm::Error>(())
/// ```
pub struct MemoryCache {
    limit: usize,
    entries: Mutex<Entries>,
}

/// A tree rather than a table: it grows by small steps, so that what is used is what is allowed, and has prefixes in order.
#[derive(Default)]
struct Entries {
    values: BTreeMap<Box<str>, Entry>,
    /// Those with a time to live, by its end.
    expiring: BTreeSet<(Instant, Box<str>)>,
    /// Bytes that all of it takes.
    used: usize,
}

struct Entry {
    value: Bytes,
    until: Option<Instant>,
}

impl Entry {
    fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

fn cost(key: &str, value: &Bytes, until: Option<Instant>) -> usize {
    let expiry = if until.is_some() { key.len() + EXPIRY } else { 0 };
    key.len().saturating_add(value.len()).saturating_add(ENTRY + expiry)
}

impl Entries {
    fn remove(&mut self, key: &str) -> Option<Entry> {
        let (key, entry) = self.values.remove_entry(key)?;
        self.used -= cost(&key, &entry.value, entry.until);
        if let Some(until) = entry.until {
            self.expiring.remove(&(until, key));
        }
        Some(entry)
    }

    /// Lets go of what has had its time.
    fn evict(&mut self, now: Instant) {
        while let Some((_, key)) = self.expiring.first().filter(|(until, _)| *until <= now).cloned() {
            self.remove(&key);
        }
    }
}

impl MemoryCache {
    /// Bytes that entries take at most by default: 256 MiB.
    pub const DEFAULT_LIMIT: usize = 256 << 20;

    /// An empty cache with the default limit.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }

    /// An empty cache whose entries take at most so many bytes.
    #[must_use]
    pub fn with_limit(bytes: usize) -> Self {
        Self { limit: bytes, entries: Mutex::default() }
    }

    /// Bytes that the entries take now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.lock().used
    }

    // No lock is held over anything that may panic half-way, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, key: &str, value: &Bytes, time_to_live: Option<Duration>) -> Result<()> {
        let now = Instant::now();
        // One that is longer than the clock reaches is none.
        let until = time_to_live.and_then(|time| now.checked_add(time));
        // A value may be a slice of a larger frame, which it would keep alive.
        let value = Bytes::copy_from_slice(value);
        let mut entries = self.lock();
        entries.evict(now);
        let replaced = entries.values.get(key).map_or(0, |old| cost(key, &old.value, old.until));
        let used = (entries.used - replaced).saturating_add(cost(key, &value, until));
        if used > self.limit {
            let reason = format!("its entries would take {used} bytes, {} are allowed", self.limit);
            return Err(Error::Cache { key: key.to_owned(), reason });
        }
        entries.remove(key);
        entries.used = used;
        if let Some(until) = until {
            entries.expiring.insert((until, key.into()));
        }
        entries.values.insert(key.into(), Entry { value, until });
        Ok(())
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new()
    }
}

impl Cache for MemoryCache {
    fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let entries = self.lock();
        let entry = entries.values.get(key);
        Ok(entry
            .filter(|entry| entry.until.is_none() || !entry.is_over(Instant::now()))
            .map(|entry| entry.value.clone()))
    }

    fn set(&self, key: &str, value: Bytes) -> Result<()> {
        self.insert(key, &value, None)
    }

    fn set_for(&self, key: &str, value: Bytes, time_to_live: Duration) -> Result<()> {
        self.insert(key, &value, Some(time_to_live))
    }

    fn delete(&self, key: &str) -> Result<bool> {
        Ok(self.lock().remove(key).is_some_and(|entry| !entry.is_over(Instant::now())))
    }

    fn clean(&self, prefix: &str) -> Result<usize> {
        let mut entries = self.lock();
        entries.evict(Instant::now());
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let keys = entries.values.range::<str, _>(from).map(|(key, _)| key.clone());
        let keys: Vec<_> = keys.take_while(|key| key.starts_with(prefix)).collect();
        for key in &keys {
            entries.remove(key);
        }
        Ok(keys.len())
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.lock();
        f.debug_struct("MemoryCache")
            .field("keys", &entries.values.len())
            .field("used", &entries.used)
            .field("limit", &self.limit)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn bytes(length: usize) -> Bytes {
        vec![0; length].into()
    }

    #[test]
    fn replacing_a_value_counts_only_the_new_one() -> Result<()> {
        let cache = MemoryCache::with_limit(200);
        cache.set("k", Bytes::from_static(b"1234567"))?;
        cache.set("k", Bytes::from_static(b"7654321"))?;
        assert_eq!(cache.used(), 200);
        assert!(matches!(cache.set("l", Bytes::new()), Err(Error::Cache { key, .. }) if key == "l"));
        assert!(cache.set("k", bytes(8)).is_err(), "a refused value leaves the old one");
        assert_eq!(cache.get("k")?.as_deref(), Some(&b"7654321"[..]));
        assert_eq!(cache.get("l")?, None);
        assert!(cache.delete("k")?);
        assert!(!cache.delete("k")?);
        assert_eq!(cache.used(), 0);
        cache.set("l", Bytes::new())
    }

    #[test]
    fn cleaning_takes_what_starts_so_and_nothing_else() -> Result<()> {
        let cache = MemoryCache::new();
        for key in ["a1", "a2", "b1", "a"] {
            cache.set(key, bytes(1))?;
        }
        cache.set_for("a3", bytes(1), HOUR)?;
        assert_eq!(cache.clean("a")?, 4);
        assert!(cache.contains("b1")?);
        assert_eq!(cache.used(), ENTRY + 3);
        assert_eq!(cache.clean("")?, 1);
        assert_eq!(cache.used(), 0);
        Ok(())
    }

    #[test]
    fn only_what_has_a_time_to_live_makes_room() -> Result<()> {
        let cache = MemoryCache::with_limit(2_000);
        cache.set("stays", bytes(500))?;
        cache.set_for("goes", bytes(500), Duration::ZERO)?;
        assert!(!cache.contains("goes")? && !cache.delete("goes")?);
        cache.set_for("goes", bytes(500), Duration::ZERO)?;
        cache.set("new", bytes(1_000))?;
        assert!(cache.set("more", bytes(100)).is_err());
        assert_eq!(cache.get("stays")?, Some(bytes(500)));
        // A value without an end takes the place of one with an end, and the other way round.
        cache.set_for("new", bytes(1), HOUR)?;
        assert_eq!(cache.used(), 500 + 5 + 3 + 1 + 2 * ENTRY + EXPIRY + 3);
        cache.set("new", bytes(1))?;
        assert_eq!(cache.used(), 500 + 5 + 3 + 1 + 2 * ENTRY);
        cache.set_for("new", bytes(1), Duration::MAX)?;
        assert!(cache.contains("new")?);
        Ok(())
    }

    #[test]
    fn a_small_value_does_not_keep_the_frame_that_it_came_in() -> Result<()> {
        let cache = MemoryCache::new();
        let frame = bytes(1 << 20);
        cache.set("key", frame.slice(..1))?;
        assert!(frame.is_unique());
        Ok(())
    }
}

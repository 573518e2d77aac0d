use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use super::Cache;
use crate::error::{Error, Result};

/// Keys and values in memory, bounded: 256 MiB of both together unless told otherwise. A `set` beyond that is refused.
///
/// ```
/// use palm::Bytes;
/// use palm::cache::{Cache, MemoryCache};
///
/// let cache = MemoryCache::with_limit(10);
/// cache.set("key", Bytes::from("value"))?;
/// assert_eq!(cache.used(), 8);
/// assert!(cache.set("other", Bytes::from("value")).is_err());
/// # Ok::<(), palm::Error>(())
/// ```
pub struct MemoryCache {
    limit: usize,
    entries: RwLock<Entries>,
}

#[derive(Default)]
struct Entries {
    values: HashMap<Box<str>, Bytes>,
    /// Bytes of all keys and values.
    used: usize,
}

impl MemoryCache {
    /// Bytes of keys and values that are kept at most by default: 256 MiB.
    pub const DEFAULT_LIMIT: usize = 256 << 20;

    /// An empty cache with the default limit.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }

    /// An empty cache that keeps at most `bytes` of keys and values.
    #[must_use]
    pub fn with_limit(bytes: usize) -> Self {
        Self { limit: bytes, entries: RwLock::default() }
    }

    /// Bytes that keys and values take now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.read().used
    }

    // No lock is held over anything that may panic half-way, so a poisoned one is whole.
    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new()
    }
}

impl Cache for MemoryCache {
    fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.read().values.get(key).cloned())
    }

    fn set(&self, key: &str, value: Bytes) -> Result<()> {
        let mut entries = self.write();
        let replaced = entries.values.get(key).map_or(0, |old| key.len() + old.len());
        let used = (entries.used - replaced).saturating_add(key.len()).saturating_add(value.len());
        if used > self.limit {
            let reason = format!("keys and values would take {used} bytes, {} are allowed", self.limit);
            return Err(Error::Cache { key: key.to_owned(), reason });
        }
        entries.used = used;
        if let Some(old) = entries.values.get_mut(key) {
            *old = value;
        } else {
            entries.values.insert(key.into(), value);
        }
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<bool> {
        let mut entries = self.write();
        let removed = entries.values.remove(key);
        entries.used -= removed.as_ref().map_or(0, |value| key.len() + value.len());
        Ok(removed.is_some())
    }

    fn contains(&self, key: &str) -> Result<bool> {
        Ok(self.read().values.contains_key(key))
    }

    fn clean(&self, prefix: &str) -> Result<usize> {
        let mut entries = self.write();
        let (mut removed, mut bytes) = (0, 0);
        entries.values.retain(|key, value| {
            let keep = !key.starts_with(prefix);
            if !keep {
                removed += 1;
                bytes += key.len() + value.len();
            }
            keep
        });
        entries.used -= bytes;
        Ok(removed)
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.read();
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

    #[test]
    fn replacing_a_value_counts_only_the_new_one() -> Result<()> {
        let cache = MemoryCache::with_limit(8);
        cache.set("k", Bytes::from_static(b"1234567"))?;
        cache.set("k", Bytes::from_static(b"7654321"))?;
        assert_eq!(cache.used(), 8);
        assert!(matches!(cache.set("l", Bytes::new()), Err(Error::Cache { key, .. }) if key == "l"));
        assert_eq!(cache.get("l")?, None);
        assert!(cache.delete("k")?);
        assert!(!cache.delete("k")?);
        assert_eq!(cache.used(), 0);
        cache.set("l", Bytes::new())
    }

    #[test]
    fn cleaning_takes_what_starts_so_and_nothing_else() -> Result<()> {
        let cache = MemoryCache::new();
        for key in ["a1", "a2", "b1"] {
            cache.set(key, Bytes::from_static(b"x"))?;
        }
        assert_eq!(cache.clean("a")?, 2);
        assert!(cache.contains("b1")?);
        assert_eq!(cache.used(), 3);
        assert_eq!(cache.clean("")?, 1);
        assert_eq!(cache.used(), 0);
        Ok(())
    }
}

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Cache, RemoteCache};
use crate::error::{Error, Result};
use crate::socket::Context;

/// A cache as methods use it: the component's own, or for a worker that of its master. Cloning it is cheap, and all
/// clones lead to the same store.
///
/// A missing key and an empty value are the same: the wire cannot tell them apart.
///
/// ```
/// use std::sync::Arc;
/// use palm::cache::{CacheHandle, MemoryCache};
///
/// let cache = CacheHandle::local(Arc::new(MemoryCache::new()));
/// cache.set("a value", "key")?;                                   // value first, as PALM has it
/// assert_eq!(cache.get("key")?.as_deref(), Some(&b"a value"[..]));
/// let key = cache.set_value("another")?;
/// assert!(cache.delete(&key)?);
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Clone)]
pub struct CacheHandle(Store);

#[derive(Clone)]
enum Store {
    Local(Arc<dyn Cache>),
    Remote(Arc<RemoteCache>),
}

impl CacheHandle {
    /// A handle to a store of this process.
    #[must_use]
    pub fn local(cache: Arc<dyn Cache>) -> Self {
        Self(Store::Local(cache))
    }

    /// The cache of the component at that address, whatever its name. Nothing is opened before the first request; each
    /// request waits so long for its answer, `None` for no limit.
    ///
    /// ```
    /// use std::time::Duration;
    /// use palm::cache::CacheHandle;
    ///
    /// let master = palm::Master::new("server").start()?;
    /// let cache = CacheHandle::at(master.address("db_address")?, Duration::from_secs(10));
    /// assert_eq!(cache.get("name")?.as_deref(), Some(&b"server"[..]));
    /// # Ok::<(), palm::Error>(())
    /// ```
    pub fn at(db_address: impl Into<String>, timeout: impl Into<Option<Duration>>) -> Self {
        let asker = uuid::Uuid::new_v4().to_string();
        let cache = RemoteCache::new(&Context::new(), "cache", &db_address.into(), &asker).timeout(timeout.into());
        Self::remote(Arc::new(cache))
    }

    pub(crate) const fn remote(cache: Arc<RemoteCache>) -> Self {
        Self(Store::Remote(cache))
    }

    /// The value of a key; `None` if there is none, or an empty one.
    ///
    /// # Errors
    /// The store fails, or the component that has it does not answer in time.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let value = match &self.0 {
            Store::Local(cache) => cache.get(key)?,
            Store::Remote(cache) => cache.get(key)?,
        };
        Ok(value.filter(|value| !value.is_empty()).map(Vec::from))
    }

    /// Sets the value of a key and gives the key back. An empty key is one to be made up.
    ///
    /// # Errors
    /// As [`get`](Self::get), and when the value is refused.
    pub fn set(&self, value: impl AsRef<[u8]>, key: &str) -> Result<String> {
        let value = value.as_ref();
        match &self.0 {
            Store::Local(_) if key.is_empty() => self.set(value, &uuid::Uuid::new_v4().to_string()),
            Store::Local(cache) => cache.set(key, Bytes::copy_from_slice(value)).map(|()| key.to_owned()),
            Store::Remote(cache) => cache.set(key, value),
        }
    }

    /// Sets a value under a key that is made up, and gives that key.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_value(&self, value: impl AsRef<[u8]>) -> Result<String> {
        self.set(value, "")
    }

    /// Sets a value that is gone once `time_to_live` is over, under a key that is made up if it is empty.
    ///
    /// # Errors
    /// As [`set`](Self::set); and where the store is that of another component, since the wire has no word for it.
    pub fn set_for(&self, value: impl AsRef<[u8]>, key: &str, time_to_live: Duration) -> Result<String> {
        let key = if key.is_empty() { uuid::Uuid::new_v4().to_string() } else { key.to_owned() };
        match &self.0 {
            Store::Local(cache) => {
                cache.set_for(&key, Bytes::copy_from_slice(value.as_ref()), time_to_live)?;
                Ok(key)
            }
            Store::Remote(_) => {
                Err(Error::Cache { key, reason: "a time to live is not known over the wire; use `set`".to_owned() })
            }
        }
    }

    /// Removes a key; `false` if there was none.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn delete(&self, key: &str) -> Result<bool> {
        match &self.0 {
            Store::Local(cache) => cache.delete(key),
            Store::Remote(cache) => cache.delete(key),
        }
    }
}

impl fmt::Debug for CacheHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Store::Local(_) => f.write_str("CacheHandle(local)"),
            Store::Remote(cache) => write!(f, "CacheHandle(`{}` at {})", cache.server(), cache.address()),
        }
    }
}

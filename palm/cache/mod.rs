//! The key-value store that every component carries, and the ways to reach it.
//!
//! A component keeps its own in a [`Cache`], by default a [`MemoryCache`]; methods and clients meet it as a
//! [`CacheHandle`], which may lead to another component's store. What the component itself publishes, its name and its
//! addresses, is not in the store, so that several components may share one.
//!
//! | store | keeps | feature |
//! | --- | --- | --- |
//! | [`MemoryCache`] | as long as the component runs | |
//! | `DurableCache` | in a file: what `set` has answered is there after a crash | `durable` |
//! | `RedisCache` | in a Redis server, for several components | `redis` |

#[cfg(feature = "durable")]
mod durable;
mod handle;
mod memory;
mod own;
#[cfg(feature = "redis")]
mod redis;
mod remote;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, Result};

#[cfg(feature = "durable")]
pub use durable::DurableCache;
pub use handle::CacheHandle;
pub use memory::MemoryCache;
#[cfg(feature = "redis")]
pub use redis::RedisCache;

pub(crate) use own::OwnKeys;
pub(crate) use remote::RemoteCache;
pub(crate) use requests::{ReadOnly, Unserved, answer};

/// Where a component keeps its keys and values.
///
/// Implementations are shared by threads; what one call has set, every later call sees.
///
/// ```
/// use std::sync::Arc;
/// use palm::Bytes;
/// use palm::cache::{Cache, MemoryCache};
///
/// let cache: Arc<dyn Cache> = Arc::new(MemoryCache::new());
/// cache.set("job-1/state", Bytes::from("running"))?;
/// assert_eq!(cache.get("job-1/state")?.as_deref(), Some(&b"running"[..]));
/// assert_eq!(cache.clean("job-1/")?, 1);
/// assert!(!cache.contains("job-1/state")?);
/// # Ok::<(), palm::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache",
    note = "`palm::cache` has several; one of your own implements `palm::cache::Cache`"
)]
pub trait Cache: Send + Sync + 'static {
    /// The value of a key, or `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Cache`] when the store fails; the same holds for the other calls.
    fn get(&self, key: &str) -> Result<Option<Bytes>>;

    /// Sets the value of a key, in place of any earlier one.
    ///
    /// # Errors
    /// The store fails, or refuses the value because it is full.
    fn set(&self, key: &str, value: Bytes) -> Result<()>;

    /// Sets a value that is gone once `time_to_live` is over. Setting it again gives it another one, or none.
    ///
    /// # Errors
    /// As [`set`](Self::set); a store that does not override this has no such thing.
    fn set_for(&self, key: &str, value: Bytes, time_to_live: Duration) -> Result<()> {
        let _ = (value, time_to_live);
        Err(Error::Cache { key: key.to_owned(), reason: "this store knows no time to live; use `set`".to_owned() })
    }

    /// Removes a key; `false` if there was none.
    ///
    /// # Errors
    /// The store fails.
    fn delete(&self, key: &str) -> Result<bool>;

    /// Whether there is such a key.
    ///
    /// # Errors
    /// The store fails.
    fn contains(&self, key: &str) -> Result<bool> {
        Ok(self.get(key)?.is_some())
    }

    /// Removes every key that starts with `prefix`, and says how many there were.
    ///
    /// # Errors
    /// The store fails; some of the keys may be gone by then.
    fn clean(&self, prefix: &str) -> Result<usize>;
}

/// A store that several components of a process have, or that the program reads as well.
impl<C: Cache + ?Sized> Cache for Arc<C> {
    fn get(&self, key: &str) -> Result<Option<Bytes>> {
        (**self).get(key)
    }

    fn set(&self, key: &str, value: Bytes) -> Result<()> {
        (**self).set(key, value)
    }

    fn set_for(&self, key: &str, value: Bytes, time_to_live: Duration) -> Result<()> {
        (**self).set_for(key, value, time_to_live)
    }

    fn delete(&self, key: &str) -> Result<bool> {
        (**self).delete(key)
    }

    fn contains(&self, key: &str) -> Result<bool> {
        (**self).contains(key)
    }

    fn clean(&self, prefix: &str) -> Result<usize> {
        (**self).clean(prefix)
    }
}

//! The key-value store that every component carries, and the ways to reach it.
//!
//! A component keeps its own in a [`Cache`], by default a [`MemoryCache`]; methods and clients meet it as a
//! [`CacheHandle`], which may lead to another component's store.

mod handle;
mod memory;
mod remote;
mod requests;

use bytes::Bytes;

use crate::error::Result;

pub use handle::CacheHandle;
pub use memory::MemoryCache;

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
    note = "implement `palm::cache::Cache`, or use `palm::cache::MemoryCache`"
)]
pub trait Cache: Send + Sync + 'static {
    /// The value of a key, or `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Cache`](crate::Error::Cache) when the store fails; the same holds for the other calls.
    fn get(&self, key: &str) -> Result<Option<Bytes>>;

    /// Sets the value of a key, in place of any earlier one.
    ///
    /// # Errors
    /// The store fails, or refuses the value because it is full.
    fn set(&self, key: &str, value: Bytes) -> Result<()>;

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

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::relief::Shared;
use crate::engine::Stats;
use crate::error::{Error, Result};

/// A component that was started.
///
/// Dropping the handle shuts the component down and waits until it has ended, as `shutdown` and `join` would; `detach` leaves
/// it running.
///
/// ```
/// #[derive(Default)]
/// struct MyServer;
///
/// #[palm::server]
/// impl MyServer {
///     fn foo(&mut self, message: &[u8]) -> Vec<u8> {
///         message.to_vec()
///     }
/// }
///
/// let handle = palm::Server::new("my_server", MyServer).start()?;
/// assert!(handle.address("pull_address")?.starts_with("tcp://127.0.0.1:"));
/// handle.shutdown();
/// handle.join()?;
/// # Ok::<(), palm::Error>(())
/// ```
#[must_use = "dropping the handle shuts the component down"]
pub struct Handle {
    shared: Arc<Shared>,
    addresses: Arc<OnceLock<BTreeMap<String, String>>>,
    detached: bool,
}

impl Handle {
    pub(super) const fn new(shared: Arc<Shared>, addresses: Arc<OnceLock<BTreeMap<String, String>>>) -> Self {
        Self { shared, addresses, detached: false }
    }

    /// Name of the component.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.component.name
    }

    /// An address by its cache key (`db_address`, `pull_address`, …), as peers reach it.
    ///
    /// # Errors
    /// [`Error::NoAddress`] if the component has none of that name, or is a worker that still looks for its master.
    pub fn address(&self, key: &str) -> Result<String> {
        let no_address = |reason| Error::NoAddress { component: self.name().to_owned(), key: key.to_owned(), reason };
        match self.addresses.get() {
            Some(addresses) => addresses.get(key).cloned().ok_or_else(|| no_address(known(addresses))),
            None if self.has_ended() => Err(no_address("it ended before it had started".to_owned())),
            None => Err(no_address("it still looks for its master".to_owned())),
        }
    }

    /// Every address by its cache key; empty for a worker that still looks for its master.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, String> {
        self.addresses.get().cloned().unwrap_or_default()
    }

    /// The component's counters.
    #[must_use]
    pub fn stats(&self) -> Arc<Stats> {
        self.shared.stats.clone()
    }

    /// Tells the component to end: it takes nothing more in, and leaves when what is inside is handed over, after 25 s at
    /// most (5 s where only peers that do not read are left). Does not wait.
    pub fn shutdown(&self) {
        self.shared.shut_down();
    }

    /// Whether the component has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.shared.has_ended()
    }

    /// Waits until the component has ended: told to, by `messages`, or by a failure.
    ///
    /// # Errors
    /// The component failed; the error says why.
    pub fn join(mut self) -> Result<()> {
        self.detached = true;
        self.shared.ending.join()
    }

    /// Lets the component run on by itself, until the process ends.
    pub fn detach(mut self) {
        self.detached = true;
    }

    pub(crate) fn stopper(&self) -> impl Fn() + Send + Sync + 'static {
        let shared = Arc::downgrade(&self.shared);
        move || {
            if let Some(shared) = shared.upgrade() {
                shared.shut_down();
            }
        }
    }
}

fn known(addresses: &BTreeMap<String, String>) -> String {
    let keys: Vec<_> = addresses.keys().map(|key| format!("`{key}`")).collect();
    match keys.as_slice() {
        [] => "it has no address".to_owned(),
        [key] => format!("there is {key}"),
        keys => format!("there are {}", keys.join(", ")),
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.detached {
            self.shutdown();
            if let Err(error) = self.shared.ending.join() {
                tracing::error!(%error, "the component failed");
            }
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("name", &self.name())
            .field("addresses", &self.addresses())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use crate::{Error, Master, Worker};

    struct Hand;

    #[crate::worker]
    impl Hand {
        fn foo(&mut self, message: &[u8]) -> Vec<u8> {
            message.to_vec()
        }
    }

    #[test]
    fn a_missing_address_names_those_that_exist() {
        let master = Master::new("server").start().unwrap();
        let error = master.address("db_adress").unwrap_err();
        assert!(matches!(error, Error::NoAddress { .. }));
        assert_eq!(
            error.to_string(),
            "server has no `db_adress`; there are `_palm.link`, `db_address`, `pub_address`, `pull_address`, `worker_pull_address`, \
             `worker_push_address`"
        );
    }

    #[test]
    fn a_worker_without_its_master_says_so() {
        let worker = Worker::new("worker1", Hand).db_address("tcp://127.0.0.1:1").start().unwrap();
        let error = worker.address("pull_address").unwrap_err();
        assert_eq!(error.to_string(), "worker1 has no `pull_address`; it still looks for its master");
    }
}

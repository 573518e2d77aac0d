//! What every request can reach.

use std::sync::{Arc, Mutex};

use crate::store::Store;
use crate::users::{Hasher, Refused, Secret, Throttle};

/// The service behind its routes.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) hasher: Hasher,
    pub(crate) throttle: Throttle,
    pub(crate) refused: Refused,
    /// Lets the first user be made, as long as there is none.
    pub(crate) setup: Mutex<Option<Secret>>,
    /// The key of a cluster is all that its runners need.
    pub(crate) open_runners: bool,
    /// Requests come from this machine, by a name of it.
    pub(crate) loopback_only: bool,
    /// Browsers speak TLS to whatever is in front: cookies travel by that alone.
    pub(crate) behind_tls: bool,
}

pub(crate) type Shared = Arc<App>;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::bypass::Ear;
use super::{Address, Bypass, BypassOpening, BypassPart, FromAddress};
use crate::cache::CacheHandle;
use crate::engine::{Counter, Stats, panic_text};
use crate::error::Result;
use crate::runtime::Stop;
use crate::socket::{Received, SocketKind};

/// Connects a PULL socket to a PUSH service, and takes what comes in beside the router, on a thread of its own.
///
/// While the function is busy nothing more is read, and the peer's own queue fills up. A panic costs one message.
///
/// ```
/// use palm::part::{PullBypassConnection, PullService};
/// use palm::topology::Route;
///
/// let server = palm::ServerTemplate::new("server")
///     .register_inbound("Pull", PullService::new("tcp://127.0.0.1:*"), Route::discard())
///     .register_bypass(
///         "Settings",
///         PullBypassConnection::new("tcp://127.0.0.1:5571").receive(|settings, cache| {
///             if let Err(error) = cache.set(settings, "settings") {
///                 tracing::warn!("{error}");
///             }
///         }),
///     );
/// # let handle = server.start()?;
/// # Ok::<(), palm::Error>(())
/// ```
pub struct PullBypassConnection {
    address: Address,
    receive: Option<Box<Receive>>,
    messages: u64,
    open: Option<Open>,
}

type Receive = dyn FnMut(&[u8], &CacheHandle) + Send;

struct Open {
    ear: Ear,
    cache: CacheHandle,
    stats: Arc<Stats>,
}

impl PullBypassConnection {
    /// The part at that address. It needs a [`receive`](Self::receive).
    pub fn new(address: impl Into<Address>) -> Self {
        Self { address: address.into(), receive: None, messages: u64::MAX, open: None }
    }

    /// What is done with each message; it has the component's cache.
    #[must_use]
    pub fn receive(mut self, receive: impl FnMut(&[u8], &CacheHandle) + Send + 'static) -> Self {
        self.receive = Some(Box::new(receive));
        self
    }

    /// Messages that are taken before the part ends. Default: no limit.
    #[must_use]
    pub const fn messages(mut self, messages: u64) -> Self {
        self.messages = messages;
        self
    }
}

impl fmt::Debug for PullBypassConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullBypassConnection").field("address", &self.address).finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for PullBypassConnection {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Bypass for PullBypassConnection {
    const BINDS: bool = false;
}

impl BypassPart for PullBypassConnection {
    fn open(&mut self, opening: &mut BypassOpening<'_>) -> Result<()> {
        if self.open.is_some() {
            // It failed, and its socket did not.
            return Ok(());
        }
        if self.receive.is_none() {
            let address = self.address.to_string();
            return Err(opening.refused(&address, "nothing takes its messages; give it `receive(…)`"));
        }
        let socket = opening.connect(SocketKind::Pull, &self.address)?;
        let ear = Ear::new(opening, socket)?;
        self.open = Some(Open { ear, cache: opening.cache_handle(), stats: opening.stats.clone() });
        Ok(())
    }

    fn run(&mut self, stop: &Stop) {
        let (Some(Open { ear, cache, stats }), Some(receive)) = (&mut self.open, &mut self.receive) else { return };
        ear.listen(stop, &mut self.messages, |_, received| match received {
            Received::Message(incoming) => {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| receive(&incoming.body, cache))) {
                    stats.add(Counter::Errors, 1);
                    tracing::error!("User function gave an error: {}", panic_text(&*panic));
                }
            }
            Received::Malformed(_) => {
                stats.add(Counter::Undecodable, 1);
                tracing::warn!("dropped a message of several frames");
            }
            Received::Empty => {}
        });
        self.open = None;
    }

    fn is_done(&self) -> bool {
        self.messages == 0
    }
}

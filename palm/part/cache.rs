use std::fmt;
use std::sync::Arc;

use super::bypass::Ear;
use super::{Address, Bypass, BypassOpening, BypassPart, FromAddress};
use crate::cache::{Cache, answer};
use crate::engine::{Counter, Stats};
use crate::error::Result;
use crate::runtime::Stop;
use crate::socket::{Received, SocketKind};

/// Binds a REP service to the component's cache, for clients and workers. Cache key `db_address`.
///
/// It answers every request: with an empty frame what it cannot do or understand. What the component itself has preset, and
/// keys that begin with `_palm.`, are read-only to peers.
///
/// ```
/// use palm::part::CacheService;
/// let part = CacheService::new("tcp://127.0.0.1:5559");
/// ```
pub struct CacheService {
    address: Address,
    messages: u64,
    open: Option<Open>,
}

struct Open {
    ear: Ear,
    cache: Arc<dyn Cache>,
    stats: Arc<Stats>,
}

impl CacheService {
    /// The part at that address.
    pub fn new(address: impl Into<Address>) -> Self {
        Self { address: address.into(), messages: u64::MAX, open: None }
    }

    /// Requests that are answered before the part ends. Default: no limit.
    #[must_use]
    pub const fn messages(mut self, messages: u64) -> Self {
        self.messages = messages;
        self
    }
}

impl fmt::Debug for CacheService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheService").field("address", &self.address).finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for CacheService {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Bypass for CacheService {
    const BINDS: bool = true;
    const KEY: Option<&'static str> = Some("db_address");
}

impl BypassPart for CacheService {
    fn open(&mut self, opening: &mut BypassOpening<'_>) -> Result<()> {
        let socket = opening.bind(SocketKind::Router, &self.address)?;
        let ear = Ear::new(opening, socket)?;
        self.open = Some(Open { ear, cache: opening.cache(), stats: opening.stats.clone() });
        Ok(())
    }

    fn run(&mut self, stop: &Stop) {
        let Some(Open { ear, cache, stats }) = self.open.take() else { return };
        let ask = |key: &str, asker: &str| stop.ask(key, asker);
        let undecodable = |what: &dyn fmt::Display| {
            stats.add(Counter::Undecodable, 1);
            tracing::warn!("a cache request was not understood: {what}");
            Vec::new()
        };
        ear.listen(stop, self.messages, |socket, received| {
            let (incoming, reply) = match received {
                Received::Message(mut incoming) => {
                    let request = std::mem::take(&mut incoming.body);
                    let reply = answer(&*cache, stop.read_only(), &ask, request);
                    (incoming, reply.unwrap_or_else(|error| undecodable(&error)))
                }
                Received::Malformed(incoming) => (incoming, undecodable(&"it has several frames")),
                Received::Empty => return,
            };
            // A peer that is gone, or does not read its answers, has nobody to blame but itself.
            let _ = socket.reply(&incoming.sender(), reply);
        });
    }
}

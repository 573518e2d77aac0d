use std::fmt;
use std::sync::Arc;

use super::{Address, Bypass, BypassOpening, BypassPart, FromAddress};
use crate::cache::{Cache, answer};
use crate::engine::{Counter, Stats};
use crate::error::Result;
use crate::runtime::Stop;
use crate::socket::{Interest, Received, Socket, SocketKind, Wakeup, wait};

/// Requests answered in a row before the part looks whether it shall stop.
const BATCH: usize = 64;

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
    socket: Socket,
    wakeup: Option<Wakeup>,
    waker: Option<crate::socket::Waker>,
    cache: Arc<dyn Cache>,
    stats: Arc<Stats>,
}

impl Open {
    fn undecodable(&self, what: impl fmt::Display) {
        self.stats.add(Counter::Undecodable, 1);
        tracing::warn!("a cache request was not understood: {what}");
    }
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
        let address = opening.address(&self.address)?;
        let socket = Socket::new(opening.context(), SocketKind::Router)?;
        let bound = socket.bind(&address).map_err(|source| opening.refused(&address, source))?;
        opening.bound(&bound);
        let (waker, wakeup) = Wakeup::pair(opening.context())?;
        self.open = Some(Open {
            socket,
            wakeup: Some(wakeup),
            waker: Some(waker),
            cache: opening.cache(),
            stats: opening.stats.clone(),
        });
        Ok(())
    }

    fn run(&mut self, stop: &Stop) {
        let Some(open) = &mut self.open else { return };
        let (Some(wakeup), Some(waker)) = (open.wakeup.take(), open.waker.take()) else { return };
        stop.wakes(waker);
        while !stop.is_set() && self.messages > 0 {
            let mut answered = false;
            for _ in 0..BATCH {
                let incoming = match open.socket.receive(|_| false) {
                    Received::Message(incoming) => incoming,
                    Received::Malformed => {
                        open.undecodable("a request of several frames");
                        continue;
                    }
                    Received::Empty => break,
                };
                answered = true;
                let ask = |key: &str, asker: &str| stop.ask(key, asker);
                let reply = answer(&*open.cache, stop.read_only(), &ask, incoming.body).unwrap_or_else(|error| {
                    open.undecodable(error);
                    Vec::new()
                });
                // A peer that is gone, or does not read its answers, has nobody to blame but itself.
                let _ = open.socket.send(Some(&incoming.head), incoming.delimited, reply);
                self.messages -= 1;
                if self.messages == 0 {
                    break;
                }
            }
            if !answered {
                wait(&[Interest { socket: &open.socket, read: true, write: false }], &wakeup, None);
            }
        }
        self.open = None;
    }
}

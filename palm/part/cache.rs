use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Address, Bypass, BypassOpening, BypassPart, FromAddress};
use crate::cache::{Cache, Unserved, answer};
use crate::engine::{Counter, Stats, panic_text};
use crate::error::Result;
use crate::runtime::Stop;
use crate::socket::{Incoming, Interest, Received, Socket, SocketKind, Waker, Wakeup, wait};

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
    wakeup: Wakeup,
    /// Until the part runs.
    waker: Option<Waker>,
    cache: Arc<dyn Cache>,
    stats: Arc<Stats>,
}

impl Open {
    /// Answers one request, whatever it is: who asked waits for it.
    fn answer(&self, incoming: Incoming, stop: &Stop) {
        let ask = |key: &str, asker: &str| stop.ask(key, asker);
        // The store may be the user's.
        let answered = catch_unwind(AssertUnwindSafe(|| answer(&*self.cache, stop.read_only(), &ask, incoming.body)));
        let reply = match answered {
            Ok(Ok(reply)) => reply,
            Ok(Err(Unserved::Undecodable(error))) => self.undecodable(error),
            Ok(Err(Unserved::Refused)) => self.empty(Counter::Refused),
            Err(panic) => {
                tracing::error!("the cache gave an error: {}", panic_text(&*panic));
                self.empty(Counter::Errors)
            }
        };
        // A peer that is gone, or does not read its answers, has nobody to blame but itself.
        let _ = self.socket.send(Some(&incoming.head), incoming.delimited, reply);
    }

    fn undecodable(&self, what: impl fmt::Display) -> Vec<u8> {
        tracing::warn!("a cache request was not understood: {what}");
        self.empty(Counter::Undecodable)
    }

    fn empty(&self, counter: Counter) -> Vec<u8> {
        self.stats.add(counter, 1);
        Vec::new()
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

    /// Answers what has come, so many requests at most; says whether there was anything.
    fn serve(&mut self, stop: &Stop) -> bool {
        let Some(open) = &mut self.open else { return false };
        let mut answered = false;
        for _ in 0..BATCH {
            match open.socket.receive(|_| false) {
                Received::Message(incoming) => open.answer(incoming, stop),
                Received::Malformed(incoming) => {
                    let reply = open.undecodable("it has several frames");
                    let _ = open.socket.send(Some(&incoming.head), incoming.delimited, reply);
                }
                Received::Empty => break,
            }
            answered = true;
            self.messages -= 1;
            if self.messages == 0 {
                break;
            }
        }
        answered
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
        if self.open.is_some() {
            // It failed, and its socket did not: requests may wait there.
            return Ok(());
        }
        let address = opening.address(&self.address)?;
        let socket = Socket::new(opening.context(), SocketKind::Router)?;
        let bound = socket.bind(&address).map_err(|source| opening.refused(&address, source))?;
        opening.bound(&bound);
        let (waker, wakeup) = Wakeup::pair(opening.context())?;
        let (cache, stats) = (opening.cache(), opening.stats.clone());
        self.open = Some(Open { socket, wakeup, waker: Some(waker), cache, stats });
        Ok(())
    }

    fn run(&mut self, stop: &Stop) {
        if let Some(waker) = self.open.as_mut().and_then(|open| open.waker.take()) {
            stop.wakes(waker);
        }
        while self.messages > 0 {
            // What came before the end is answered after it.
            let ends = stop.is_set();
            let answered = self.serve(stop);
            if ends {
                break;
            }
            if let Some(open) = self.open.as_ref().filter(|_| !answered) {
                wait(&[Interest { socket: &open.socket, read: true, write: false }], &open.wakeup, None);
            }
        }
        self.open = None;
    }

    fn is_done(&self) -> bool {
        self.messages == 0
    }
}

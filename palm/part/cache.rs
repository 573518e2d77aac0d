use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;

use super::bypass::Ear;
use super::{Address, Bypass, BypassOpening, BypassPart, FromAddress};
use crate::cache::{Cache, Unserved, answer};
use crate::engine::{Counter, Stats, panic_text};
use crate::error::Result;
use crate::runtime::Stop;
use crate::socket::{Received, Socket, SocketKind};

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
    answers: Answers,
}

struct Answers {
    cache: Arc<dyn Cache>,
    stats: Arc<Stats>,
}

impl Answers {
    /// Answers one request, whatever it is: who asked waits for it.
    fn answer(&self, socket: &Socket, received: Received, stop: &Stop) {
        let (sender, reply) = match received {
            Received::Message(incoming) => (incoming.sender(), self.reply(incoming.body, stop)),
            Received::Malformed(incoming) => (incoming.sender(), self.undecodable("it has several frames")),
            Received::Empty => return,
        };
        // A peer that is gone, or does not read its answers, has nobody to blame but itself.
        let _ = socket.reply(&sender, reply);
    }

    fn reply(&self, request: Bytes, stop: &Stop) -> Vec<u8> {
        let ask = |key: &str, asker: &str| stop.ask(key, asker);
        // The store may be the user's.
        let answered = catch_unwind(AssertUnwindSafe(|| answer(&*self.cache, stop.read_only(), &ask, request)));
        match answered {
            Ok(Ok(reply)) => reply,
            Ok(Err(Unserved::Undecodable(error))) => self.undecodable(error),
            Ok(Err(Unserved::Refused)) => self.empty(Counter::Refused),
            Err(panic) => {
                tracing::error!("the cache gave an error: {}", panic_text(&*panic));
                self.empty(Counter::Errors)
            }
        }
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
        let socket = opening.bind(SocketKind::Router, &self.address)?;
        let ear = Ear::new(opening, socket)?;
        let answers = Answers { cache: opening.cache(), stats: opening.stats.clone() };
        self.open = Some(Open { ear, answers });
        Ok(())
    }

    fn run(&mut self, stop: &Stop) {
        if let Some(Open { ear, answers }) = &mut self.open {
            ear.listen(stop, &mut self.messages, |socket, received| answers.answer(socket, received, stop));
        }
        self.open = None;
    }

    fn is_done(&self) -> bool {
        self.messages == 0
    }
}

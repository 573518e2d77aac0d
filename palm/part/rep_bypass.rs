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

/// Binds for REQ peers, and answers them beside the router, on a thread of its own. Cache key `rep_bypass_address`.
///
/// Every request is answered, one after the other: with an empty frame if it has several frames, or if the function panics.
///
/// ```
/// use palm::part::{Methods, PullService, RepBypassService};
///
/// palm::topology! {
///     /// Takes messages, and says whether it is there.
///     struct Watched {
///         inbound Pull:   PullService => discard;
///         bypass  Health: RepBypassService { answer: |_question, _cache| b"alive".to_vec() };
///     }
/// }
///
/// let handle = Watched::new("watched").start()?;
/// let address = handle.address("rep_bypass_address")?;
/// let request = zmq::Context::new().socket(zmq::REQ).expect("a socket");
/// request.connect(&address).expect("it connects");
/// request.send("are you there", 0).expect("it is sent");
/// assert_eq!(request.recv_bytes(0).expect("an answer"), b"alive");
/// # Ok::<(), palm::Error>(())
/// ```
pub struct RepBypassService {
    address: Address,
    answer: Option<Box<Answer>>,
    messages: u64,
    open: Option<Open>,
}

type Answer = dyn FnMut(&[u8], &CacheHandle) -> Vec<u8> + Send;

struct Open {
    ear: Ear,
    cache: CacheHandle,
    stats: Arc<Stats>,
}

impl RepBypassService {
    /// The part at that address. It needs an [`answer`](Self::answer).
    pub fn new(address: impl Into<Address>) -> Self {
        Self { address: address.into(), answer: None, messages: u64::MAX, open: None }
    }

    /// What makes the answer of a request; it has the component's cache.
    #[must_use]
    pub fn answer(mut self, answer: impl FnMut(&[u8], &CacheHandle) -> Vec<u8> + Send + 'static) -> Self {
        self.answer = Some(Box::new(answer));
        self
    }

    /// Requests that are answered before the part ends. Default: no limit.
    #[must_use]
    pub const fn messages(mut self, messages: u64) -> Self {
        self.messages = messages;
        self
    }
}

impl fmt::Debug for RepBypassService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RepBypassService").field("address", &self.address).finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for RepBypassService {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Bypass for RepBypassService {
    const BINDS: bool = true;
    const KEY: Option<&'static str> = Some("rep_bypass_address");
}

impl BypassPart for RepBypassService {
    fn open(&mut self, opening: &mut BypassOpening<'_>) -> Result<()> {
        if self.open.is_some() {
            // It failed, and its socket did not.
            return Ok(());
        }
        if self.answer.is_none() {
            let address = self.address.to_string();
            return Err(opening.refused(&address, "it has nothing to answer with; give it `answer(…)`"));
        }
        let socket = opening.bind(SocketKind::Router, &self.address)?;
        let ear = Ear::new(opening, socket)?;
        self.open = Some(Open { ear, cache: opening.cache_handle(), stats: opening.stats.clone() });
        Ok(())
    }

    fn run(&mut self, stop: &Stop) {
        let (Some(Open { ear, cache, stats }), Some(answer)) = (&mut self.open, &mut self.answer) else { return };
        ear.listen(stop, &mut self.messages, |socket, received| {
            let (incoming, reply) = match received {
                Received::Message(incoming) => {
                    let reply = catch_unwind(AssertUnwindSafe(|| answer(&incoming.body, cache)));
                    let reply = reply.unwrap_or_else(|panic| {
                        stats.add(Counter::Errors, 1);
                        tracing::error!("User function gave an error: {}", panic_text(&*panic));
                        Vec::new()
                    });
                    (incoming, reply)
                }
                Received::Malformed(incoming) => {
                    stats.add(Counter::Undecodable, 1);
                    tracing::warn!("a request of several frames is answered with an empty one");
                    (incoming, Vec::new())
                }
                Received::Empty => return,
            };
            // A peer that is gone, or does not read its answers, has nobody to blame but itself.
            let _ = socket.reply(&incoming.sender(), reply);
        });
        self.open = None;
    }

    fn is_done(&self) -> bool {
        self.messages == 0
    }
}

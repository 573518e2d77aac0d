use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Address, Bypass, BypassOpening, BypassPart, FromAddress};
use crate::engine::{Counter, Stats};
use crate::error::Result;
use crate::runtime::Stop;
use crate::socket::{Interest, Sent, Socket, SocketKind, Waker, Wakeup, wait};

/// Connects a PUSH socket to a PULL service, and hands it what the component gives to a [`Feed`], beside the router: for logs
/// or metrics.
///
/// Nothing waits for the peer: while it takes nothing, the feed keeps what it has room for. When the component ends, what the
/// peer does not take any more is dropped, and counted as discarded.
///
/// ```
/// use palm::part::{CacheService, Feed, Methods, PubService, PullService, PushBypassConnection};
/// use std::sync::LazyLock;
///
/// static METRICS: LazyLock<Feed> = LazyLock::new(|| Feed::new(1_000));
///
/// #[derive(Default)]
/// struct Shout;
///
/// #[palm::server]
/// impl Shout {
///     fn shout(&mut self, text: &str) -> String {
///         METRICS.send(format!("shouts {}", text.len()));
///         text.to_uppercase()
///     }
/// }
///
/// palm::topology! {
///     struct Measured {
///         inbound  Pull:    PullService => Methods;
///         outbound Methods: Methods     => Pub;
///         outbound Pub:     PubService;
///         bypass   Cache:   CacheService;
///         bypass   Metrics: PushBypassConnection { feed: METRICS.clone() } = "tcp://127.0.0.1:5572";
///     }
/// }
/// # let _ = Measured::new("measured").service(Shout);
/// ```
pub struct PushBypassConnection {
    address: Address,
    feed: Option<Feed>,
    open: Option<Open>,
}

struct Open {
    socket: Socket,
    waker: Arc<Waker>,
    wakeup: Wakeup,
    stats: Arc<Stats>,
}

impl PushBypassConnection {
    /// The part at that address. It needs a [`feed`](Self::feed).
    pub fn new(address: impl Into<Address>) -> Self {
        Self { address: address.into(), feed: None, open: None }
    }

    /// Where the messages come from. A feed is for one part: where it is given to several, the last one to start has it.
    #[must_use]
    pub fn feed(mut self, feed: Feed) -> Self {
        self.feed = Some(feed);
        self
    }
}

impl fmt::Debug for PushBypassConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushBypassConnection").field("address", &self.address).finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for PushBypassConnection {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Bypass for PushBypassConnection {
    const BINDS: bool = false;
}

impl BypassPart for PushBypassConnection {
    fn open(&mut self, opening: &mut BypassOpening<'_>) -> Result<()> {
        if self.open.is_some() {
            // It failed, and its socket did not.
            return Ok(());
        }
        let Some(feed) = &self.feed else {
            let address = self.address.to_string();
            return Err(opening.refused(&address, "it has nothing to send; give it `feed(…)`"));
        };
        let socket = opening.connect(SocketKind::Push, &self.address)?;
        let (waker, wakeup) = Wakeup::pair(opening.context())?;
        let waker = Arc::new(waker);
        feed.lock().waker = Some(waker.clone());
        self.open = Some(Open { socket, waker, wakeup, stats: opening.stats.clone() });
        Ok(())
    }

    fn run(&mut self, stop: &Stop) {
        let (Some(open), Some(feed)) = (&self.open, &self.feed) else { return };
        stop.wakes(open.waker.clone());
        while !stop.is_set() {
            let more = open.send(feed);
            wait(&[Interest { socket: &open.socket, read: false, write: more }], &open.wakeup, None);
        }
        if open.send(feed) {
            let left = feed.lock().messages.drain(..).count();
            open.stats.add(Counter::Discarded, left as u64);
            tracing::warn!("ended with {left} messages that the peer did not take");
        }
        feed.lock().waker = None;
        self.open = None;
    }
}

impl Open {
    /// Sends what the peer takes now; says whether there is more.
    fn send(&self, feed: &Feed) -> bool {
        loop {
            let mut queue = feed.lock();
            let lost = std::mem::take(&mut queue.lost);
            if lost > 0 {
                self.stats.add(Counter::Discarded, lost);
                tracing::warn!("{lost} messages were lost, since the peer does not take them fast enough");
            }
            let Some(message) = queue.messages.front() else { return false };
            if self.socket.send_copy(None, [message, &[]]) != Sent::Done {
                return true;
            }
            queue.messages.pop_front();
            self.stats.add(Counter::Sent, 1);
        }
    }
}

/// A bounded queue into a [`PushBypassConnection`], for whoever has something to send: methods, hooks, other threads. Cloning
/// it is cheap; all clones are one queue.
///
/// ```
/// let metrics = palm::part::Feed::new(2);
/// assert!(metrics.send("one") && metrics.send("two"));
/// assert!(!metrics.send("three"), "there is no room, and nothing is waited for");
/// ```
#[derive(Clone)]
pub struct Feed {
    limit: usize,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Vec<u8>>,
    /// Messages that there was no room for, since the part last looked.
    lost: u64,
    waker: Option<Arc<Waker>>,
}

impl Feed {
    /// A queue that keeps at most so many messages.
    #[must_use]
    pub fn new(messages: usize) -> Self {
        Self { limit: messages, queue: Arc::default() }
    }

    /// Queues a message; `false` if there is no room, and it is lost. It never waits. Lost messages are counted as discarded
    /// in the component's statistics.
    pub fn send(&self, message: impl Into<Vec<u8>>) -> bool {
        let mut queue = self.lock();
        let room = queue.messages.len() < self.limit;
        if room {
            queue.messages.push_back(message.into());
        } else {
            queue.lost += 1;
        }
        if let Some(waker) = &queue.waker {
            waker.wake();
        }
        room
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.lock();
        f.debug_struct("Feed").field("limit", &self.limit).field("messages", &queue.messages.len()).finish()
    }
}

use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::feeder::{Failure, Feed, Feeder, Source};
use super::handle::Shared;
use super::link::{Call, Link};
use super::outgoing::Outgoing;
use super::reply::Reply;
use crate::error::Result;
use crate::wire::Message;

/// After so long without an answer, more messages may be under way: a component may be gathering them.
const SILENCE: Duration = Duration::from_millis(250);

/// A stream of messages under way, and an iterator over its results, made by [`Client::job`](super::Client::job).
///
/// Results come as they arrive, which need not be the order of the messages. A failure at a component is an item,
/// [`Error::Remote`](crate::Error::Remote), counts as one message, and does not end the job.
///
/// The job ends
/// - when as many results have come as [`messages`](Self::messages) says;
/// - at once, if its source is empty;
/// - with [`Error::TimedOut`](crate::Error::TimedOut) as its last item, when nothing arrives for the time-out. So does a job without a count.
///
/// Nothing is taken from the source before the first result is asked for. Then a thread of the job's own takes its items
/// as fast as they are answered, at most 8,192 messages or 16 MiB ahead; more only while no result comes at all, since a
/// component may be gathering. Time that the source takes for itself does not count towards the time-out. If the source
/// panics, so does the thread that waits for results.
///
/// Dropping a job stops it: nothing more is sent, and what still comes is dropped. A source that blocks at that time is
/// let go when it returns.
///
/// ```
/// # struct MyServer;
/// # #[palm::server]
/// # impl MyServer {
/// #     fn foo(&mut self, message: &[u8]) -> Vec<u8> { [b"you sent me ", message].concat() }
/// # }
/// # let server = palm::Server::new("my_server", MyServer).start()?;
/// # let db_address = server.address("db_address")?;
/// # let client = palm::Client::connect("my_server", db_address)?;
/// for reply in client.job("my_server.foo", std::iter::repeat_n("a message", 10)).messages(10) {
///     assert_eq!(reply?, "you sent me a message");
/// }
/// # Ok::<(), palm::Error>(())
/// ```
#[must_use = "a job sends nothing before its results are asked for"]
pub struct Job {
    shared: Arc<Shared>,
    function: String,
    cache: String,
    timeout: Option<Duration>,
    /// Results still to come, if that is known.
    wanted: Option<usize>,
    arrived: VecDeque<Message>,
    state: State,
}

enum State {
    Ready(Source),
    Running(Running),
    Over,
}

struct Running {
    call: Call<Arc<Link>>,
    feed: Arc<Feed>,
    feeder: Thread,
    settled: u64,
}

impl Job {
    pub(super) fn new(shared: Arc<Shared>, function: String, source: Source) -> Self {
        let timeout = shared.timeout;
        Self {
            shared,
            function,
            cache: String::new(),
            timeout,
            wanted: None,
            arrived: VecDeque::new(),
            state: State::Ready(source),
        }
    }

    /// How many results end the job; without it, only a time-out does.
    pub fn messages(mut self, messages: usize) -> Self {
        self.wanted = Some(messages);
        self
    }

    /// Sets the `cache` field of each message: its identifier, for advanced uses. By default the component makes one up.
    pub fn cache(mut self, cache: impl Into<String>) -> Self {
        self.cache = cache.into();
        self
    }

    /// How long to wait for a result while nothing arrives, instead of the client's time-out; `None` for no limit.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    fn start(&mut self) -> Result<()> {
        let source = match std::mem::replace(&mut self.state, State::Over) {
            State::Ready(source) => source,
            started => {
                self.state = started;
                return Ok(());
            }
        };
        let shared = &self.shared;
        let call = Call::open(shared.link.clone());
        let feed = Arc::new(Feed::new());
        let feeder = Feeder {
            feed: feed.clone(),
            link: Arc::downgrade(&shared.link),
            ids: shared.link.ids,
            call: call.number(),
            source,
            outgoing: Outgoing::new(&shared.pipeline, &shared.id, &self.function, &self.cache),
            wanted: self.wanted.map(|wanted| wanted as u64),
        };
        let feeder = feeder.start()?;
        self.state = State::Running(Running { call, feed, feeder, settled: 0 });
        Ok(())
    }

    /// The next message of an answer; `None` at the end.
    fn receive(&mut self) -> Result<Option<Message>> {
        let State::Running(running) = &self.state else { return Ok(None) };
        let feed = &running.feed;
        let start = Instant::now();
        let pulled = feed.pulled(start);
        let mut now = start;
        loop {
            if let Some(message) = self.arrived.pop_front() {
                return Ok(Some(message));
            }
            match feed.take_failure() {
                Some(Failure::Panic(panic)) => resume_unwind(panic),
                Some(Failure::Item(error)) => return Err(error),
                None if feed.ended_empty() => return Ok(None),
                None => {}
            }
            let own = feed.pulled(now).saturating_sub(pulled);
            let idle = now.saturating_duration_since(start).saturating_sub(own);
            let slice = match self.timeout {
                Some(timeout) if idle >= timeout => return Err(self.shared.timed_out(&self.function, timeout)),
                Some(timeout) => (timeout - idle).min(SILENCE),
                None => SILENCE,
            };
            let full = feed.is_full();
            running.call.receive(&mut self.arrived, Some(now + slice));
            now = Instant::now();
            if full && self.arrived.is_empty() && feed.is_full() {
                feed.widen(&running.feeder);
            }
        }
    }

    /// Notes that an answer was handed out. Messages are answered about in order, so one that is answered settles those
    /// before it; without identifiers each answer settles one.
    fn settle(&mut self, message: &Message) {
        let ids = self.shared.link.ids;
        let State::Running(running) = &mut self.state else { return };
        let ahead = match message.id().and_then(|id| ids.place(id)) {
            // Sequence numbers wrap; what lies behind shows as a large distance.
            #[expect(clippy::cast_possible_truncation, reason = "it wraps as the sequence does")]
            Some(place) => place.sequence.wrapping_add(1).wrapping_sub(running.settled as u32).cast_signed(),
            None => 1,
        };
        if let Ok(ahead @ 1..) = u64::try_from(ahead) {
            running.settled += ahead;
            running.feed.settle(running.settled, &running.feeder);
        }
    }

    fn end(&mut self) {
        if let State::Running(running) = &self.state {
            running.feed.stop(&running.feeder);
        }
        self.state = State::Over;
        self.arrived.clear();
    }
}

impl Iterator for Job {
    type Item = Result<Reply>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.wanted == Some(0) {
            self.end();
        }
        let message = match self.start().and_then(|()| self.receive()) {
            Ok(Some(message)) => message,
            ended => {
                self.end();
                return ended.err().map(Err);
            }
        };
        self.settle(&message);
        if let Some(wanted) = &mut self.wanted {
            *wanted -= 1;
            if *wanted == 0 {
                self.end();
            }
        }
        Some(Reply::of(&message))
    }
}

impl FusedIterator for Job {}

impl Drop for Job {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ready(_) => "ready",
            State::Running(_) => "running",
            State::Over => "over",
        };
        f.debug_struct("Job")
            .field("function", &self.function)
            .field("wanted", &self.wanted)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

/// A job moves to the thread that waits for it.
const _: fn() = || {
    fn movable<T: Send + 'static>() {}
    movable::<Job>();
};

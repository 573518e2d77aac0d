use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::course::{Course, Step, settings};
use super::fed::Fed;
use super::feeder::Source;
use super::handle::Shared;
use super::order::Order;
use super::reply::Reply;
use super::stream::JobStream;
use crate::error::Result;

/// A stream of messages under way, and an iterator over its results, made by [`Client::job`](super::Client::job).
///
/// Results come as they arrive, which need not be the order of the messages; [`ordered`](Self::ordered) puts them in order. A failure at a component is an item,
/// [`Error::Remote`](crate::Error::Remote), counts as one message, and does not end the job.
///
/// The job ends
/// - when its source is at its end, and every message of it is settled;
/// - when as many results have come as [`messages`](Self::messages) says; with
///   [`Error::NoResult`](crate::Error::NoResult) as its last item, when everything is settled and fewer have come;
/// - with [`Error::TimedOut`](crate::Error::TimedOut) as its last item, when nothing arrives for the time-out. So does a job
///   without a count if a component on the way is not of this library, and does not say what is settled;
/// - in the same way at its [`deadline`](Self::deadline).
///
/// Nothing is taken from the source before the first result is asked for. Then a thread of the job's own takes its items
/// as fast as they are answered, at most 8,192 messages or 16 MiB ahead, fewer bytes where that is hardly slower; more only while no
/// result comes at all, since a component may be gathering. Time that the source takes for itself does not count towards the
/// time-out. If the source panics, so does the thread that waits for results.
///
/// Dropping a job before its end stops it: nothing more is sent, what still comes is dropped, and the components are told, which
/// drop what they have not begun. A source that blocks at that time is let go when it returns.
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
    course: Course,
    fed: Fed,
}

impl Job {
    pub(super) fn new(shared: Arc<Shared>, function: String, deadline: Option<Duration>, source: Source) -> Self {
        Self { course: Course::new(shared, function, deadline), fed: Fed::Ready(source) }
    }

    settings!();

    /// The same job as a stream, for tasks of any runtime: whoever waits for its results blocks no thread.
    ///
    /// ```
    /// use futures::StreamExt;
    /// # struct MyServer;
    /// # #[palm::server]
    /// # impl MyServer {
    /// #     fn foo(&mut self, message: &[u8]) -> Vec<u8> { [b"you sent me ", message].concat() }
    /// # }
    /// # let server = palm::Server::new("my_server", MyServer).start()?;
    /// # let db_address = server.address("db_address").unwrap();
    /// # let client = palm::Client::connect("my_server", db_address)?;
    /// # futures::executor::block_on(async {
    /// let mut replies = client.job("my_server.foo", ["a", "b", "c"]).messages(3).stream();
    /// while let Some(reply) = replies.next().await {
    ///     println!("{:?}", reply?);
    /// }
    /// # Ok::<(), palm::Error>(())
    /// # })?;
    /// # Ok::<(), palm::Error>(())
    /// ```
    pub fn stream(mut self) -> JobStream {
        let course = Course::new(self.course.shared.clone(), String::new(), None);
        JobStream::fed(std::mem::replace(&mut self.course, course), std::mem::replace(&mut self.fed, Fed::Over))
    }
}

impl Iterator for Job {
    type Item = Result<Reply>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // The user's own time between two results is no silence.
        self.course.rest();
        loop {
            if let Some(reply) = self.fed.quick_step(&mut self.course) {
                return Some(reply);
            }
            match self.fed.step(&mut self.course, Instant::now()) {
                Step::Give(reply) => return Some(reply),
                Step::End => return None,
                Step::Wait(until) => {
                    if let Fed::Running(running) = &self.fed {
                        running.call.receive(&mut self.course.arrived, until);
                    }
                }
            }
        }
    }
}

impl FusedIterator for Job {}

impl Drop for Job {
    fn drop(&mut self) {
        self.fed.end(&mut self.course);
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.fed {
            Fed::Ready(_) => "ready",
            Fed::Running(_) => "running",
            Fed::Over => "over",
        };
        f.debug_struct("Job")
            .field("function", &self.course.function)
            .field("wanted", &self.course.wanted)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

/// A job moves to the thread that waits for it.
const _: fn() = || {
    fn movable<T: Send + 'static>() {}
    movable::<Job>();
};

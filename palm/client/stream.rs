use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::{FusedStream, Stream};

use super::course::{Course, Step, settings};
use super::driver;
use super::fed::Fed;
use super::handle::Shared;
use super::order::Order;
use super::polled::{Polled, PolledSource};
use super::reply::Reply;
use crate::error::Result;

/// A stream of messages under way, and a stream of its results, for tasks of any runtime: made by
/// [`Client::job_stream`](super::Client::job_stream) and [`Job::stream`](super::Job::stream).
///
/// It ends, and times out, as a [`Job`](super::Job) does. Nothing is taken from the source before it is polled. A source that
/// is a stream is polled by the same task, as far as results come: at most 8,192 messages or 16 MiB ahead of them. Time
/// that it takes for itself does not count towards the time-out.
///
/// Dropping it before its end stops it: nothing more is sent, what still comes is dropped, and the components are told, which
/// drop what they have not begun.
#[must_use = "a job sends nothing before its results are asked for"]
pub struct JobStream {
    course: Course,
    flow: Flow,
    over: bool,
}

enum Flow {
    Fed(Fed),
    Polled(Polled),
}

impl JobStream {
    pub(super) const fn fed(course: Course, fed: Fed) -> Self {
        Self { course, flow: Flow::Fed(fed), over: false }
    }

    pub(super) fn polled(
        shared: Arc<Shared>,
        function: String,
        deadline: Option<Duration>,
        source: PolledSource,
    ) -> Self {
        let flow = Flow::Polled(Polled::Ready(source));
        Self { course: Course::new(shared, function, deadline), flow, over: false }
    }

    settings!();

    fn step(&mut self, context: &mut Context<'_>) -> Step {
        let (course, now) = (&mut self.course, Instant::now());
        match &mut self.flow {
            Flow::Polled(polled) => polled.step(course, now, context),
            Flow::Fed(fed) => match driver::start(&course.shared.connection) {
                Ok(()) => fed.step(course, now),
                Err(error) => {
                    fed.end(course);
                    course.fail(error)
                }
            },
        }
    }

    fn wait(&mut self, context: &Context<'_>, until: Option<Instant>) -> Poll<()> {
        let call = match &self.flow {
            Flow::Fed(Fed::Running(running)) => &running.call,
            Flow::Polled(Polled::Running(running)) => &running.call,
            _ => return Poll::Ready(()),
        };
        call.poll(context, &mut self.course.arrived, until)
    }
}

impl Stream for JobStream {
    type Item = Result<Reply>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match this.step(context) {
                Step::Give(reply) => {
                    this.course.rest();
                    return Poll::Ready(Some(reply));
                }
                Step::End => {
                    this.over = true;
                    return Poll::Ready(None);
                }
                Step::Wait(until) => {
                    if this.wait(context, until).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl FusedStream for JobStream {
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl Drop for JobStream {
    fn drop(&mut self) {
        match &mut self.flow {
            Flow::Fed(fed) => fed.end(&mut self.course),
            Flow::Polled(polled) => polled.end(&mut self.course),
        }
    }
}

impl fmt::Debug for JobStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobStream")
            .field("function", &self.course.function)
            .field("wanted", &self.course.wanted)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

/// It moves between the threads of a runtime.
const _: fn() = || {
    fn movable<T: Send + Unpin + 'static>() {}
    movable::<JobStream>();
};

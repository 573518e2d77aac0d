//! A job whose source is a stream, polled by the task that waits for the results.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::course::{Course, Step};
use super::driver;
use super::feeder::{WINDOW_BYTES, WINDOW_MESSAGES, Window, first_window};
use super::id::Place;
use super::link::{Call, Link};
use super::outgoing::Outgoing;
use crate::error::Result;

/// Messages that are sent before other tasks, and the answers, have their turn.
const BATCH: u32 = 128;

/// Encodes the next message of a source; `None` at its end.
pub(super) type PolledSource =
    Box<dyn FnMut(&mut Context<'_>, &mut Outgoing, &[u8; 16]) -> Poll<Option<Result<()>>> + Send>;

pub(super) enum Polled {
    Ready(PolledSource),
    Running(Box<Running>),
    Over,
}

pub(super) struct Running {
    pub(super) call: Call<Arc<Link>>,
    /// Until it is at its end.
    source: Option<PolledSource>,
    outgoing: Outgoing,
    window: Window,
    /// Messages under way at most, and windows beyond that.
    messages: u64,
    more: u64,
    sequence: u32,
    sent_some: bool,
}

/// Where the source stands.
enum Source {
    /// It has to be asked again: this time was used up.
    Busy,
    /// It will wake the task.
    Pending,
    /// Nothing can be sent now.
    Full,
    /// There is none any more.
    Ended,
}

impl Polled {
    fn start(&mut self, course: &mut Course, now: Instant) -> Result<()> {
        let source = match std::mem::replace(self, Self::Over) {
            Self::Ready(source) => source,
            started => {
                *self = started;
                return Ok(());
            }
        };
        driver::start(&course.shared.link)?;
        *self = Self::Running(Box::new(Running {
            outgoing: course.begin(now),
            call: Call::open(course.shared.link.clone()),
            source: Some(source),
            window: Window::default(),
            messages: first_window(course.wanted.map(|wanted| wanted as u64)),
            more: 0,
            sequence: 0,
            sent_some: false,
        }));
        Ok(())
    }

    pub(super) fn step(&mut self, course: &mut Course, now: Instant, context: &mut Context<'_>) -> Step {
        let step = self.next_step(course, now, context);
        if course.is_over() || matches!(step, Step::End) {
            self.end(course);
        }
        step
    }

    fn next_step(&mut self, course: &mut Course, now: Instant, context: &mut Context<'_>) -> Step {
        if course.is_over() {
            return Step::End;
        }
        if let Err(error) = self.start(course, now) {
            return course.fail(error);
        }
        let Self::Running(running) = &mut *self else { return Step::End };
        if let Some((reply, settled)) = course.next() {
            running.window.settle(settled);
            return Step::Give(reply);
        }
        let step = running.feed(course, context).and_then(|source| match source {
            Source::Ended if !running.sent_some => Ok(Step::End),
            Source::Busy | Source::Pending => {
                // Time that the source takes for itself is no silence.
                course.rest();
                course.deadline_after(now).map(Step::Wait)
            }
            Source::Full | Source::Ended => {
                let until = course.patience(now, Duration::ZERO)?;
                let (look, more) = course.silence(now, matches!(source, Source::Full));
                running.more += u64::from(more);
                if more {
                    context.waker().wake_by_ref();
                }
                Ok(Step::Wait(Some(until.map_or(look, |until| until.min(look)))))
            }
        });
        step.unwrap_or_else(|error| {
            self.end(course);
            course.fail(error)
        })
    }

    pub(super) fn end(&mut self, course: &mut Course) {
        *self = Self::Over;
        course.clear();
    }
}

impl Running {
    /// Sends what the source has and the window takes.
    fn feed(&mut self, course: &Course, context: &mut Context<'_>) -> Result<Source> {
        let Some(source) = &mut self.source else { return Ok(Source::Ended) };
        let link = &course.shared.link;
        for _ in 0..BATCH {
            if self.window.is_full(self.messages + self.more * WINDOW_MESSAGES, (1 + self.more) * WINDOW_BYTES) {
                return Ok(Source::Full);
            }
            let id = link.ids.id(Place { call: self.call.number(), sequence: self.sequence });
            match source(context, &mut self.outgoing, &id) {
                Poll::Pending => return Ok(Source::Pending),
                Poll::Ready(None) => {
                    self.source = None;
                    return Ok(Source::Ended);
                }
                Poll::Ready(Some(item)) => item?,
            }
            self.sequence = self.sequence.wrapping_add(1);
            self.sent_some = true;
            let frame = self.outgoing.encoded();
            link.send_soon(self.call.number(), frame);
            self.window.sent(frame.len() as u64);
        }
        context.waker().wake_by_ref();
        Ok(Source::Busy)
    }
}

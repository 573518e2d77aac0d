//! A job whose source is a stream, polled by the task that waits for the results.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::connection::{Call, Connection};
use super::course::{Course, Step};
use super::driver;
use super::form::Form;
use super::payload::Payload;
use super::window::Window;
use crate::error::{Error, Result};

/// Messages that are sent before other tasks, and the answers, have their turn.
const BATCH: u32 = 128;

/// Hands over the payload of a source's next message; `None` at its end.
pub(super) type PolledSource =
    Box<dyn FnMut(&mut Context<'_>, &mut dyn FnMut(Payload<'_>)) -> Poll<Option<Result<()>>> + Send>;

pub(super) enum Polled {
    Ready(PolledSource),
    Running(Box<Running>),
    Over,
}

pub(super) struct Running {
    pub(super) call: Call<Arc<Connection>>,
    /// Until it is at its end.
    source: Option<PolledSource>,
    form: Form,
    window: Window,
    sent: u64,
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
        driver::start(&course.shared.connection)?;
        let (call, form) = course.begin(now);
        *self = Self::Running(Box::new(Running {
            call,
            form,
            source: Some(source),
            window: Window::new(course.wanted.map(|wanted| wanted as u64), course.order.is_some()),
            sent: 0,
        }));
        Ok(())
    }

    pub(super) fn step(&mut self, course: &mut Course, now: Instant, context: &mut Context<'_>) -> Step {
        let step = self.next_step(course, now, context);
        if course.is_over()
            && let Self::Running(running) = self
        {
            running.call.done();
        }
        if course.is_over() || matches!(step, Step::End | Step::Give(Err(Error::NoResult { .. }))) {
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
        if let Some(reply) = course.next() {
            return Step::Give(reply);
        }
        running.window.settle(course.settled);
        let step = running.feed(course, context).and_then(|source| match source {
            Source::Ended if running.sent == course.known => Ok(course.conclude()),
            Source::Busy | Source::Pending => {
                // Time that the source takes for itself is no silence.
                course.rest();
                course.deadline_after(now).map(Step::Wait)
            }
            Source::Full | Source::Ended => {
                let until = course.patience(now, Duration::ZERO)?;
                let (look, more) = course.silence(now, matches!(source, Source::Full));
                if more {
                    running.window.widen(running.window.more() + 1);
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
        let fed = self.pull(course, context);
        // In tasks nothing is left for later: many messages were pulled already if there were any.
        if let Form::Link(draft) = &mut self.form
            && !draft.is_empty()
        {
            course.shared.connection.submit(draft);
            course.shared.connection.flush(false, false);
        }
        fed
    }

    fn pull(&mut self, course: &Course, context: &mut Context<'_>) -> Result<Source> {
        let Some(source) = &mut self.source else { return Ok(Source::Ended) };
        let connection = &course.shared.connection;
        for _ in 0..BATCH {
            if self.window.is_full() {
                self.window.waits(Duration::ZERO, Instant::now());
                return Ok(Source::Full);
            }
            #[expect(clippy::cast_possible_truncation, reason = "the sequence wraps")]
            let id = self.call.id(self.sent as u32);
            let (form, mut bytes) = (&mut self.form, 0);
            let item = source(context, &mut |payload| {
                bytes = payload.as_ref().len();
                match form {
                    Form::Classic(outgoing) => bytes = outgoing.encode(payload, &id),
                    Form::Link(draft) => draft.write(payload),
                }
            });
            match item {
                Poll::Pending => {
                    self.window.rests();
                    return Ok(Source::Pending);
                }
                Poll::Ready(None) => {
                    self.source = None;
                    return Ok(Source::Ended);
                }
                Poll::Ready(Some(item)) => item?,
            }
            self.sent += 1;
            self.window.sent(bytes as u64);
            match &mut self.form {
                Form::Classic(outgoing) => {
                    if let Some(outbox) = &connection.outbox {
                        connection.send_soon(outbox, self.call.number(), outgoing.pieces());
                    }
                }
                Form::Link(draft) if draft.is_full() => {
                    connection.submit(draft);
                }
                Form::Link(_) => {}
            }
        }
        context.waker().wake_by_ref();
        Ok(Source::Busy)
    }
}

//! A job whose source is pulled by a thread of its own.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::Thread;
use std::time::Instant;

use super::connection::{Call, Connection};
use super::course::{Course, Step};
use super::feeder::{Failure, Feed, Feeder, Source, Way};
use super::form::Form;
use super::reply::Reply;
use crate::error::Result;

pub(super) enum Fed {
    Ready(Source),
    Running(Running),
    Over,
}

pub(super) struct Running {
    pub(super) call: Call<Arc<Connection>>,
    feed: Arc<Feed>,
    feeder: Thread,
}

impl Fed {
    fn start(&mut self, course: &mut Course, now: Instant) -> Result<()> {
        let source = match std::mem::replace(self, Self::Over) {
            Self::Ready(source) => source,
            started => {
                *self = started;
                return Ok(());
            }
        };
        let (call, form) = course.begin(now);
        let connection = &course.shared.connection;
        let feed = Arc::new(Feed::new());
        let feeder = Feeder {
            feed: feed.clone(),
            connection: Arc::downgrade(connection),
            idle: connection.idle.clone(),
            flusher: connection.flusher.clone(),
            ids: connection.ids,
            call: call.number(),
            source,
            way: match form {
                Form::Classic(outgoing) => Way::Classic(outgoing),
                Form::Link(draft) => Way::Link(connection.tray(draft)),
            },
            wanted: course.wanted.map(|wanted| wanted as u64),
            ordered: course.order.is_some(),
        };
        let feeder = feeder.start()?;
        *self = Self::Running(Running { call, feed, feeder });
        Ok(())
    }

    /// What has arrived already, without a look at the clock.
    #[inline]
    pub(super) fn quick_step(&mut self, course: &mut Course) -> Option<Result<Reply>> {
        let Self::Running(Running { feed, feeder, .. }) = &*self else { return None };
        if course.is_nearly_over() {
            return None;
        }
        let reply = course.next()?;
        feed.settle_if_full(course.settled, feeder);
        Some(reply)
    }

    pub(super) fn step(&mut self, course: &mut Course, now: Instant) -> Step {
        let step = self.next_step(course, now);
        if course.is_over()
            && let Self::Running(running) = self
        {
            running.call.done();
        }
        if course.is_over() || matches!(step, Step::End | Step::Give(Err(crate::Error::TimedOut { .. }))) {
            self.end(course);
        }
        step
    }

    fn next_step(&mut self, course: &mut Course, now: Instant) -> Step {
        if course.is_over() {
            return Step::End;
        }
        if let Err(error) = self.start(course, now) {
            return course.fail(error);
        }
        let Self::Running(Running { feed, feeder, .. }) = &*self else { return Step::End };
        if let Some(reply) = course.next() {
            feed.settle_if_full(course.settled, feeder);
            return Step::Give(reply);
        }
        feed.settle(course.settled, feeder);
        match feed.take_failure() {
            Some(Failure::Panic(panic)) => {
                self.end(course);
                resume_unwind(panic);
            }
            Some(Failure::Item(error)) => {
                self.end(course);
                return course.fail(error);
            }
            None if feed.is_through(course.known) => {
                self.end(course);
                return course.conclude();
            }
            None => {}
        }
        let until = match course.patience(now, feed.pulled(now)) {
            Ok(until) => until,
            Err(error) => return course.fail(error),
        };
        let (look, more) = course.silence(now, feed.is_full());
        if more {
            feed.widen(feeder);
        }
        Step::Wait(Some(until.map_or(look, |until| until.min(look))))
    }

    pub(super) fn end(&mut self, course: &mut Course) {
        if let Self::Running(running) = &*self {
            running.feed.stop(&running.feeder);
        }
        *self = Self::Over;
        course.clear();
    }
}

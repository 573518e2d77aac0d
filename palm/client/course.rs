//! How a job is going: what has come of it, what is still wanted, and how long it may be silent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answer::{Answer, End};
use super::connection::{Call, Connection};
use super::form::Form;
use super::handle::Shared;
use super::order::Order;
use super::reply::Reply;
use crate::error::{Error, Result};

/// After so long without an answer, more messages may be under way: a component may be gathering them.
const SILENCE: Duration = Duration::from_millis(250);

/// What a job has to do next.
pub(super) enum Step {
    /// Give this to the user.
    Give(Result<Reply>),
    /// Wait for answers, until then at most.
    Wait(Option<Instant>),
    /// Nothing more comes.
    End,
}

pub(super) struct Course {
    pub(super) shared: Arc<Shared>,
    pub(super) function: String,
    pub(super) cache: String,
    /// As the user set it for this job.
    pub(super) timeout: Option<Option<Duration>>,
    pub(super) deadline: Option<Duration>,
    /// Results still to come, if that is known.
    pub(super) wanted: Option<usize>,
    pub(super) order: Option<Order>,
    /// As it was read, and as it may be given.
    pub(super) arrived: VecDeque<Answer>,
    ready: VecDeque<Answer>,
    /// Messages that need no longer be counted as under way.
    pub(super) settled: u64,
    /// Messages that are known to be settled.
    pub(super) known: u64,
    /// Results that were given.
    came: usize,
    /// When the deadline is over.
    until: Option<Instant>,
    /// Since when nothing arrives, and how long the source had been at work then.
    silent: Option<(Instant, Duration)>,
    silence: Option<Silence>,
}

/// A stretch of time without an answer.
struct Silence {
    since: Instant,
    /// Whether nothing more could be sent.
    full: bool,
}

impl Course {
    pub(super) fn new(shared: Arc<Shared>, function: String, deadline: Option<Duration>) -> Self {
        Self {
            shared,
            function,
            cache: String::new(),
            timeout: None,
            deadline,
            wanted: None,
            order: None,
            arrived: VecDeque::new(),
            ready: VecDeque::new(),
            settled: 0,
            known: 0,
            came: 0,
            until: None,
            silent: None,
            silence: None,
        }
    }

    /// The job begins: its call, and the form of its messages.
    pub(super) fn begin(&mut self, now: Instant) -> (Call<Arc<Connection>>, Form) {
        self.until = self.deadline.and_then(|deadline| now.checked_add(deadline));
        let call = Call::open(self.shared.connection.clone(), &self.function);
        let form = self.shared.form(&call, &self.function, &self.cache, self.until);
        (call, form)
    }

    /// Whether the next result is the last one, or was.
    pub(super) fn is_nearly_over(&self) -> bool {
        self.wanted.is_some_and(|wanted| wanted <= 1)
    }

    pub(super) fn is_over(&self) -> bool {
        self.wanted == Some(0)
    }

    /// The next answer that may be given. What is settled by it is counted.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Result<Reply>> {
        loop {
            let answer = match self.ready.pop_front() {
                Some(answer) => answer,
                None => self.next_arrived()?,
            };
            self.settle(&answer);
            if let Some(reply) = Reply::of(answer) {
                self.came += 1;
                if let Some(wanted) = &mut self.wanted {
                    *wanted = wanted.saturating_sub(1);
                }
                return Some(reply);
            }
        }
    }

    #[inline]
    fn next_arrived(&mut self) -> Option<Answer> {
        loop {
            let answer = self.arrived.pop_front()?;
            self.rest();
            match (&mut self.order, answer.sequence) {
                (Some(order), Some(sequence)) => {
                    if !order.take(sequence, answer, &mut self.ready) {
                        tracing::debug!("an answer came for a message that was never sent");
                    }
                    if let Some(ready) = self.ready.pop_front() {
                        return Some(ready);
                    }
                }
                _ => return Some(answer),
            }
        }
    }

    /// Where it is known which answer is the last one, it settles its message. Elsewhere messages are answered about in order,
    /// so one that is answered makes room for others as if those before it were settled; without identifiers each answer does.
    #[inline]
    fn settle(&mut self, answer: &Answer) {
        match (answer.end, answer.sequence) {
            (End::Last, _) => {
                self.known += 1;
                self.settled = self.settled.max(self.known);
            }
            (End::Unknown | End::More, Some(sequence)) => {
                // Sequence numbers wrap; what lies behind shows as a large distance.
                #[expect(clippy::cast_possible_truncation, reason = "it wraps as the sequence does")]
                let ahead = sequence.wrapping_add(1).wrapping_sub(self.settled as u32).cast_signed();
                self.settled += u64::try_from(ahead).unwrap_or(0);
            }
            (End::Unknown | End::More, None) => self.settled += 1,
        }
    }

    /// Everything that was asked is settled: the job is over, if with fewer results than were wanted, by an error.
    pub(super) fn conclude(&mut self) -> Step {
        match self.wanted {
            Some(wanted @ 1..) if self.known > 0 => {
                let error = self.shared.no_result(&self.function, self.came + wanted, self.came);
                self.fail(error)
            }
            _ => Step::End,
        }
    }

    /// Something happened, or nobody has asked: the silence begins anew.
    pub(super) fn rest(&mut self) {
        (self.silent, self.silence) = (None, None);
    }

    /// How long to wait for an answer if the source has been at work for `pulled` up to now; or that it was too long.
    pub(super) fn patience(&mut self, now: Instant, pulled: Duration) -> Result<Option<Instant>> {
        let over = self.deadline_after(now)?;
        let Some(timeout) = self.timeout() else { return Ok(over) };
        let (since, before) = *self.silent.get_or_insert((now, pulled));
        let idle = now.saturating_duration_since(since).saturating_sub(pulled.saturating_sub(before));
        if idle >= timeout {
            if let Some(alive) = self.shared.connection.alive().filter(|alive| *alive > since) {
                self.silent = Some((alive, pulled));
                return self.patience(now, pulled);
            }
            if self.pass_over() {
                return Ok(Some(now));
            }
            return Err(self.shared.timed_out(&self.function, timeout));
        }
        Ok(now.checked_add(timeout - idle).into_iter().chain(over).min())
    }

    /// The end of the job's time, if it is still to come.
    pub(super) fn deadline_after(&mut self, now: Instant) -> Result<Option<Instant>> {
        if self.until.is_none_or(|until| now < until) {
            return Ok(self.until);
        }
        if self.pass_over() {
            return Ok(Some(now));
        }
        Err(self.shared.timed_out(&self.function, self.deadline.unwrap_or_default()))
    }

    /// The time is up for results whose turn it is: those that were kept behind them can be given.
    fn pass_over(&mut self) -> bool {
        self.order.as_mut().is_some_and(|order| order.pass_over(&mut self.ready))
    }

    /// When to look whether a silence means that more must be sent; and whether it does. Results that are to be put in order
    /// take up room until it is their turn, so there it never does.
    pub(super) fn silence(&mut self, now: Instant, full: bool) -> (Instant, bool) {
        let silence = self.silence.get_or_insert(Silence { since: now, full });
        let over = now >= silence.since + SILENCE;
        let more = over && silence.full && full && self.order.is_none() && !self.shared.connection.is_backed_up();
        if over {
            *silence = Silence { since: now, full: full && !more };
        }
        (silence.since + SILENCE, more)
    }

    fn timeout(&self) -> Option<Duration> {
        match self.timeout {
            Some(timeout) => timeout,
            None if self.deadline.is_some() => None,
            None => self.shared.timeout,
        }
    }

    pub(super) fn clear(&mut self) {
        self.arrived.clear();
        self.ready.clear();
        self.order = None;
    }

    pub(super) fn fail(&mut self, error: Error) -> Step {
        self.clear();
        Step::Give(Err(error))
    }
}

/// The settings that a job and its stream have in common.
macro_rules! settings {
    () => {
        /// How many results end it. Without it, it ends when its source is at its end and every message is settled; where
        /// that is not reported, with a time-out.
        pub fn messages(mut self, messages: usize) -> Self {
            self.course.wanted = Some(messages);
            self
        }

        /// Sets the `cache` field of each message: its identifier, for advanced uses. By default the component makes one up.
        pub fn cache(mut self, cache: impl Into<String>) -> Self {
            self.course.cache = cache.into();
            self
        }

        /// How long to wait for a result while nothing arrives, instead of the client's time-out; `None` for no limit.
        pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
            self.course.timeout = Some(timeout.into());
            self
        }

        /// How long it may take as a whole, from the first result that is asked for, instead of what
        /// [`with_deadline`](super::Client::with_deadline) says. Then it ends with
        /// [`Error::TimedOut`](crate::Error::TimedOut). Each message says how much of the time is left, and a component
        /// refuses what comes too late ([`Code::Late`](crate::wire::Code::Late)). The client's time-out no longer counts.
        pub fn deadline(mut self, deadline: Duration) -> Self {
            self.course.deadline = Some(deadline);
            self
        }

        /// Gives the results in the order in which the messages were sent, whatever the order in which they come.
        ///
        /// A result that comes before its turn is kept. At most 8,192 messages or 16 MiB are under way or kept, so one slow
        /// message can hold the others up, and a component must not gather more than that.
        ///
        /// A message that has several results gives them all in its place; one that has none is passed over. Where a component
        /// on the way does not say what is settled, a message is taken to have one result, be it an error: if it has several,
        /// those that have come when it is its turn are given then, and the others as they come; if it has none, those behind it
        /// wait until the time-out or deadline, and are then given without it. Where one does not bring identifiers back, results
        /// are given as they come.
        pub fn ordered(mut self) -> Self {
            self.course.order = Some(Order::default());
            self
        }
    };
}
pub(super) use settings;

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::connection::{Call, Connection};
use super::driver;
use super::form::Form;
use super::handle::Shared;
use super::payload::Payload;
use super::reply::Reply;
use super::typed::FromReply;
use crate::error::{Error, Result};

/// One call under way, as a future of any runtime: made by [`Client::eval_async`](super::Client::eval_async).
///
/// Nothing is sent before it is polled. Dropping it takes the call back: what still comes of it is dropped, and the components
/// are told, which drop what they have not begun.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Eval {
    shared: Arc<Shared>,
    function: String,
    deadline: Option<Duration>,
    state: State,
}

enum State {
    Ready(Result<Vec<u8>>),
    Waiting { call: Call<Arc<Connection>>, until: Option<Instant>, arrived: VecDeque<Answer> },
    Over,
}

impl Eval {
    pub(super) const fn new(
        shared: Arc<Shared>,
        function: String,
        deadline: Option<Duration>,
        payload: Result<Vec<u8>>,
    ) -> Self {
        Self { shared, function, deadline, state: State::Ready(payload) }
    }

    fn start(&self, payload: Result<Vec<u8>>) -> Result<State> {
        let payload = payload?;
        let connection = &self.shared.connection;
        driver::start(connection)?;
        let call = Call::open(connection.clone(), &self.function);
        let until = self.shared.until(self.deadline);
        match self.shared.form(&call, &self.function, "", self.deadline.and(until)) {
            Form::Classic(mut outgoing) => {
                if let Some(outbox) = &connection.outbox {
                    outgoing.encode(Payload::Copied(&payload), &call.id(0));
                    connection.send_soon(outbox, call.number(), outgoing.pieces());
                }
            }
            Form::Link(draft) => connection.ask_soon(draft, &payload),
        }
        Ok(State::Waiting { call, until, arrived: VecDeque::new() })
    }
}

impl Future for Eval {
    type Output = Result<Reply>;

    /// # Panics
    /// It was polled to its end before.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if matches!(this.state, State::Ready(_))
            && let State::Ready(payload) = std::mem::replace(&mut this.state, State::Over)
        {
            this.state = this.start(payload)?;
        }
        let State::Waiting { call, until, arrived } = &mut this.state else {
            panic!("`Eval` was polled after it had ended");
        };
        let reply = loop {
            ready!(call.poll(context, arrived, *until));
            if let Some(answer) = arrived.pop_front() {
                call.done();
                break Reply::of(answer).unwrap_or_else(|| Err(this.shared.no_result(&this.function, 1, 0)));
            }
            match this.shared.spared(this.deadline) {
                later @ Some(_) => *until = later,
                None => break Err(this.shared.gave_up(&this.function, this.deadline)),
            }
        };
        this.state = State::Over;
        Poll::Ready(reply)
    }
}

impl fmt::Debug for Eval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eval").field("function", &self.function).finish_non_exhaustive()
    }
}

/// The same for a reply that is read as `T`: made by [`Client::eval_as_async`](super::Client::eval_as_async).
#[must_use = "a future does nothing unless it is awaited"]
pub struct EvalAs<T> {
    eval: Eval,
    // It makes values of that type, and has none.
    reply: PhantomData<fn() -> T>,
}

impl<T> EvalAs<T> {
    pub(super) const fn new(eval: Eval) -> Self {
        Self { eval, reply: PhantomData }
    }
}

impl<T: FromReply> Future for EvalAs<T> {
    type Output = Result<T::Value>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let reply = ready!(Pin::new(&mut self.eval).poll(context))?;
        Poll::Ready(T::from_reply(&reply))
    }
}

impl<T> fmt::Debug for EvalAs<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.eval.fmt(f)
    }
}

/// Calls move between the threads of a runtime.
const _: fn() = || {
    fn movable<T: Send + Unpin + 'static>() {}
    movable::<Eval>();
    movable::<EvalAs<Error>>();
};

//! A call of an `async` method: a future of the engine's making, which the runtime spawns wherever it likes.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use super::job::{Access, Done, Input, Job, Kept, Results, Returned, Runner, Task, call_of, method_name, report};
use super::object::Object;
use super::orders::Order;
use crate::service::{Component, Failure, Replies, Running};
use crate::wire::Code;

/// The component that a call belongs to, as the task sees it.
pub(crate) trait Host: Send + Sync + 'static {
    fn component(&self) -> &Component;
    fn runner(&self) -> &dyn Runner;
    /// The call is done, or was dropped.
    fn done(&self, done: Done);
}

/// An order on its way through a task: whatever becomes of the task, the engine gets it back.
struct Ticket<H: Host> {
    host: Arc<H>,
    /// Empty once it was handed in.
    held: Option<(Order, Object)>,
    call: u64,
}

impl Job {
    /// The call as a future. Dropping it, polled or not, ends the call with an error.
    pub(crate) fn into_task<H: Host>(self, host: Arc<H>) -> impl Future<Output = ()> + Send + 'static {
        let held = match self.input {
            Input::One(order) => Some((order, self.object)),
            // The engine makes tasks of single calls alone.
            Input::Run(_) => None,
        };
        Ticket { host, held, call: self.call }.run()
    }
}

impl<H: Host> Ticket<H> {
    async fn run(mut self) {
        // The engine makes tasks of nothing else.
        let Some((order, Object::Shared(service))) = &self.held else { return };
        let Task::Call(method) = order.task else { return };
        let component = self.host.component();
        let mut results = Results::new(order, self.host.runner(), None);
        let ended = {
            let call = call_of(&order.envelope, component);
            let mut sink = results.sink(service.description().kind);
            let mut replies = Replies::new(&mut sink);
            caught(service.call_async(method, &call, &mut replies)).await
        };
        let outcome = results.conclude(ended, &**service, component);
        self.hand_in(|order| outcome.of(order));
    }

    fn hand_in(&mut self, finished: impl FnOnce(Order) -> Returned) {
        let Some((order, object)) = self.held.take() else { return };
        // A reference is given up before the engine hears of it, so that the next call can have the object for itself.
        drop(object);
        let finished = Some(finished(order));
        self.host.done(Done { access: Access::Async, call: self.call, object: None, finished });
    }
}

impl<H: Host> Drop for Ticket<H> {
    /// The runtime has dropped the task before it was done.
    fn drop(&mut self) {
        let Some((order, object)) = &self.held else { return };
        let method = method_name(order, &**object);
        let text = format!("`{method}` was given up before it was done, since its runtime ends");
        let name = &self.host.component().name;
        let message = report(&order.envelope.message, name, method, Code::ShuttingDown, text);
        let results = Kept::Several(vec![order.envelope.with(message)]);
        // What the runner has stands.
        self.hand_in(|order| Returned { order, results, more: true, failed: true, dropped: true });
    }
}

/// What a call gave, or its panic.
async fn caught(call: Running<'_>) -> thread::Result<Result<(), Failure>> {
    let mut call = Some(call);
    poll_fn(move |context| {
        let poll = || {
            let Some(running) = &mut call else { return Poll::Pending };
            let polled = running.as_mut().poll(context);
            if polled.is_ready() {
                // What it holds is dropped here, where a panic is caught too.
                call = None;
            }
            polled
        };
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

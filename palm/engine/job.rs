//! A piece of user code to run: taken out of the engine, run wherever the runtime likes, and handed back.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::batch::Batch;
use super::envelope::{Envelope, PartId};
use super::object::Object;
use super::orders::Order;
use super::run::Run;
use crate::error::BoxError;
use crate::service::{Call, Component, Failure, Kind, Messages, Replies, Service};
use crate::wire::{Code, Message, RemoteError};

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Nothing: it only keeps its place in the order.
    Pass,
    /// Run the method of that number.
    Call(usize),
    Scatter,
    Gather,
    HandleStream,
}

/// How a call has the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// For itself.
    Alone,
    /// With others of its kind, on a thread.
    Shared,
    /// With others of its kind, as a task.
    Async,
}

/// Who runs user code, off the engine.
pub(crate) trait Runner: Sync {
    /// Takes results that are too many to be kept until the user's code ends. It may wait.
    fn offer(&self, part: PartId, task: Task, results: Vec<Envelope>);

    /// Takes calls that were done before the one whose results are too many.
    fn finished(&self, finished: Vec<Finished>);

    fn now(&self) -> Instant;
}

/// Results kept until the user's code ends.
const MAX_RESULTS: usize = 256;
const MAX_RESULT_BYTES: usize = 1 << 20;

/// How long a run may take before its results are handed on, and how often the clock is looked at, once it is known from the
/// first calls that they are quick.
const MAX_TIME: Duration = Duration::from_micros(400);
const CLOCK_EVERY: u32 = 8;

/// User code, its input, and the object it runs on.
pub(crate) struct Job {
    pub(super) input: Input,
    pub(super) object: Object,
    pub(super) access: Access,
    /// Its number among those whose time is watched.
    pub(super) call: u64,
}

/// What a job has to do.
pub(super) enum Input {
    One(Order),
    /// One call after the other, for which the object is never shared.
    Run(Arc<Run>),
}

/// User code that is done.
pub(crate) enum Finished {
    One(Returned),
    /// Calls of which each gave one result, which goes on in place of its message. `bytes`: those of the messages.
    Series {
        part: PartId,
        batch: Batch,
        bytes: usize,
    },
}

/// What one piece of user code gave.
pub(super) struct Outcome {
    pub(super) results: Kept,
    /// Whether results went to the runner before.
    pub(super) more: bool,
    pub(super) failed: bool,
}

impl Outcome {
    /// With the order that it comes of.
    pub(super) fn of(self, order: Order) -> Returned {
        let Self { results, more, failed } = self;
        Returned { order, results, more, failed, dropped: false }
    }
}

/// User code that is done, and what it gave.
pub(crate) struct Returned {
    pub(super) order: Order,
    pub(super) results: Kept,
    /// Whether results went to the runner before.
    pub(super) more: bool,
    pub(super) failed: bool,
    /// It was given up, and the result says so.
    pub(super) dropped: bool,
}

/// A job that is done.
pub(crate) struct Done {
    pub(super) access: Access,
    pub(super) call: u64,
    /// The object, if the job had it for itself.
    pub(super) object: Option<Object>,
    /// What it gave, if it was no run.
    pub(super) finished: Option<Returned>,
}

impl Done {
    /// Whether the object comes back with it.
    pub(crate) const fn has_object(&self) -> bool {
        self.object.is_some()
    }
}

/// Results that were kept until the user's code ends.
#[derive(Default)]
pub(super) enum Kept {
    #[default]
    Nothing,
    /// One, which goes on in place of the message that it was called with.
    One(Bytes),
    Several(Vec<Envelope>),
}

impl Kept {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(_) => 1,
            Self::Several(envelopes) => envelopes.len(),
        }
    }
}

/// Collects results of a call, and lets go of what is too much.
pub(super) struct Results<'a> {
    kept: Kept,
    bytes: usize,
    more: bool,
    order: &'a Order,
    runner: &'a dyn Runner,
    /// The run whose calls were done before this one.
    run: Option<&'a Run>,
}

impl<'a> Results<'a> {
    pub(super) const fn new(order: &'a Order, runner: &'a dyn Runner, run: Option<&'a Run>) -> Self {
        Self { kept: Kept::Nothing, bytes: 0, more: false, order, runner, run }
    }

    /// A result: the first one is only kept, as nearly always there is no other.
    fn give(&mut self, payload: Bytes) {
        if matches!(self.kept, Kept::Nothing) && payload.len() < MAX_RESULT_BYTES {
            self.kept = Kept::One(payload);
            return;
        }
        self.unfold();
        self.push(of_payload(&self.order.envelope, payload));
    }

    /// Makes an envelope of the result that has none.
    fn unfold(&mut self) {
        if let Kept::One(payload) = &mut self.kept {
            let first = of_payload(&self.order.envelope, std::mem::take(payload));
            self.bytes = first.message.payload().len();
            self.kept = Kept::Several(vec![first]);
        }
    }

    fn push(&mut self, envelope: Envelope) {
        self.bytes += envelope.message.payload().len();
        if !matches!(self.kept, Kept::Several(_)) {
            self.kept = Kept::Several(Vec::new());
        }
        let Kept::Several(kept) = &mut self.kept else { return };
        kept.push(envelope);
        if kept.len() >= MAX_RESULTS || self.bytes >= MAX_RESULT_BYTES {
            let kept = std::mem::take(kept);
            self.bytes = 0;
            self.more = true;
            if let Some(run) = self.run {
                self.runner.finished(run.take_finished(Vec::new()));
            }
            self.runner.offer(self.order.part, self.order.task, kept);
        }
    }

    /// Where a method puts its results.
    pub(super) fn sink(&mut self, kind: Kind) -> impl FnMut(Option<Bytes>) + Send {
        let silent = matches!(kind, Kind::Pipeline | Kind::Sink);
        move |payload| {
            let payload = match payload {
                None if silent => return,
                payload => payload.unwrap_or_default(),
            };
            self.give(payload);
        }
    }

    /// User code has ended: a failure is a result too.
    pub(super) fn conclude(
        mut self,
        ended: thread::Result<Result<(), Failure>>,
        service: &dyn Service,
        component: &Component,
    ) -> Outcome {
        let failure = match ended {
            Ok(Ok(())) => None,
            Ok(Err(Failure::Method(error))) => Some((Code::MethodFailed, chain(&error))),
            Ok(Err(Failure::Refused { text })) => Some((Code::PayloadRefused, text)),
            Err(panic) => Some((Code::MethodPanicked, panic_text(&*panic))),
        };
        let (failed, order) = (failure.is_some(), self.order);
        if let Some((code, text)) = failure {
            let method = method_name(order, service);
            let message = report(&order.envelope.message, &component.name, method, code, text);
            self.unfold();
            self.push(order.envelope.with(message));
        }
        let nothing = self.kept.len() == 0 && !self.more;
        if nothing && matches!(order.task, Task::Call(_)) && service.description().kind == Kind::Worker
            // A master that counts on a result for each message has to be told that there is none.
            && order.envelope.message.delivery().is_some()
        {
            self.push(order.envelope.with(order.envelope.message.empty_part()));
        }
        Outcome { results: self.kept, more: self.more, failed }
    }
}

fn of_payload(envelope: &Envelope, payload: Bytes) -> Envelope {
    envelope.with(envelope.message.with_other_payload(payload))
}

impl Job {
    pub(crate) const fn access(&self) -> Access {
        self.access
    }

    /// Runs it. A panic ends the call, not the component.
    pub(crate) fn run(self, component: &Component, runner: &dyn Runner) -> Done {
        let Self { input, mut object, access, call } = self;
        let kind = object.description().kind;
        let mut caller = Caller { object: &mut object, access, kind, component, runner, run: None };
        let finished = match input {
            Input::One(order) => Some(caller.call(&order).of(order)),
            Input::Run(run) => {
                Caller { run: Some(&run), ..caller }.one_after_the_other(&run);
                None
            }
        };
        // A reference is given up before the engine hears of it, so that the next call can have the object for itself.
        let object = if access == Access::Alone { Some(object) } else { None };
        Done { access, call, object, finished }
    }
}

/// Who runs user code for one job.
struct Caller<'a> {
    object: &'a mut Object,
    access: Access,
    kind: Kind,
    component: &'a Component,
    runner: &'a dyn Runner,
    /// The run whose calls they are.
    run: Option<&'a Run>,
}

impl Caller<'_> {
    /// Until nothing is left of the run, or it has taken long enough that others are to be looked after.
    fn one_after_the_other(&mut self, run: &Run) {
        let (began, mut count, mut next) = (self.runner.now(), 0_u32, run.first());
        while let Some(order) = &next {
            let outcome = self.call(order);
            count += 1;
            let looks = count % CLOCK_EVERY == 0 || (count < CLOCK_EVERY && count.is_power_of_two());
            let goes_on = !outcome.more && (!looks || self.runner.now() < began + MAX_TIME);
            if goes_on {
                run.advance(&mut next, outcome);
            } else if let Some(order) = next.take() {
                run.end(outcome.of(order));
            }
        }
    }

    fn call(&mut self, order: &Order) -> Outcome {
        let mut results = Results::new(order, self.runner, self.run);
        let ended = catch_unwind(AssertUnwindSafe(|| self.work(order, &mut results)));
        results.conclude(ended, &**self.object, self.component)
    }

    fn work(&mut self, order: &Order, results: &mut Results<'_>) -> Result<(), Failure> {
        let envelope = &order.envelope;
        if let Task::Call(method) = order.task {
            let call = call_of(envelope, self.component);
            let mut sink = results.sink(self.kind);
            let mut replies = Replies::new(&mut sink);
            return match self.access {
                Access::Alone => alone(self.object)?.call(method, &call, &mut replies),
                _ => self.object.call_shared(method, &call, &mut replies),
            };
        }
        let service = alone(self.object)?;
        match order.task {
            Task::Pass | Task::Call(_) => results.push(envelope.clone()),
            Task::Scatter => {
                service.scatter(
                    envelope.message.clone(),
                    &mut Messages::new(&mut |message| results.push(envelope.with(message))),
                );
            }
            Task::Gather => {
                service.gather(
                    envelope.message.clone(),
                    &mut Messages::new(&mut |message| results.push(envelope.with(message))),
                );
            }
            Task::HandleStream => {
                let mut message = envelope.message.clone();
                let topic = service.handle_stream(&mut message);
                let mut envelope = envelope.with(message);
                envelope.topic = Some(topic);
                results.push(envelope);
            }
        }
        Ok(())
    }
}

pub(super) fn call_of<'a>(envelope: &'a Envelope, component: &'a Component) -> Call<'a> {
    let mut call = Call::new(&envelope.message, component);
    call.deadline = envelope.message.deadline();
    call
}

/// The engine hands no other call out meanwhile.
fn alone(object: &mut Object) -> Result<&mut dyn Service, Failure> {
    object.alone().ok_or_else(|| Failure::Method("another call still uses the object".into()))
}

pub(super) fn method_name(order: &Order, service: &dyn Service) -> &'static str {
    match order.task {
        Task::Pass => "",
        Task::Call(method) => service.description().methods.get(method).map_or("", |method| method.name),
        Task::Scatter => "scatter",
        Task::Gather => "gather",
        Task::HandleStream => "handle_stream",
    }
}

/// The message that tells the caller what went wrong, and the log line that tells the operator.
pub(crate) fn report(message: &Message, component: &str, method: &str, code: Code, text: String) -> Message {
    tracing::error!(
        method,
        id = message.id().map(|id| hex(id)).unwrap_or_else(|| message.cache().to_owned()),
        %code,
        "User function gave an error: {text}"
    );
    let mut message = message.clone();
    message.set_error(&RemoteError {
        code: code.into(),
        text,
        component: component.to_owned(),
        method: method.to_owned(),
        retryable: matches!(code, Code::NoWorkers | Code::ShuttingDown),
    });
    message
}

pub(super) fn hex(id: &[u8]) -> String {
    use std::fmt::Write as _;
    id.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// An error and its causes, in one line.
fn chain(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panicked without a text".to_owned())
}

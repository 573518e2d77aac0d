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

/// How long a run may take before its results are handed on, and how often the clock is looked at.
const MAX_TIME: Duration = Duration::from_micros(100);
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

/// Collects results, and lets go of what is too much.
pub(super) struct Results<'a> {
    kept: Kept,
    bytes: usize,
    more: bool,
    part: PartId,
    task: Task,
    runner: &'a dyn Runner,
    /// The run whose calls were done before this one.
    run: Option<&'a Run>,
}

impl<'a> Results<'a> {
    pub(super) fn new(order: &Order, runner: &'a dyn Runner, run: Option<&'a Run>) -> Self {
        Self { kept: Kept::Nothing, bytes: 0, more: false, part: order.part, task: order.task, runner, run }
    }

    /// A result of the call with `envelope`: the first one is only kept, as nearly always there is no other.
    fn give(&mut self, envelope: &Envelope, payload: Bytes) {
        if matches!(self.kept, Kept::Nothing) && payload.len() < MAX_RESULT_BYTES {
            self.kept = Kept::One(payload);
            return;
        }
        self.unfold(envelope);
        self.push(of_payload(envelope, payload));
    }

    /// Makes an envelope of the result that has none.
    fn unfold(&mut self, envelope: &Envelope) {
        if let Kept::One(payload) = &mut self.kept {
            let first = of_payload(envelope, std::mem::take(payload));
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
            self.runner.offer(self.part, self.task, kept);
        }
    }

    /// Where a method that is called with `envelope` puts its results.
    pub(super) fn sink(&mut self, envelope: &Envelope, kind: Kind) -> impl FnMut(Option<Bytes>) + Send {
        let silent = matches!(kind, Kind::Pipeline | Kind::Sink);
        move |payload| {
            let payload = match payload {
                None if silent => return,
                payload => payload.unwrap_or_default(),
            };
            self.give(envelope, payload);
        }
    }

    /// User code has ended: a failure is a result too. Says whether it is one.
    pub(super) fn conclude(
        &mut self,
        outcome: thread::Result<Result<(), Failure>>,
        order: &Order,
        service: &dyn Service,
        component: &Component,
    ) -> bool {
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(Failure::Method(error))) => Some((Code::MethodFailed, chain(&error))),
            Ok(Err(Failure::Refused { text })) => Some((Code::PayloadRefused, text)),
            Err(panic) => Some((Code::MethodPanicked, panic_text(&*panic))),
        };
        let failed = failure.is_some();
        if let Some((code, text)) = failure {
            let method = method_name(order, service);
            let message = report(&order.envelope.message, &component.name, method, code, text);
            self.unfold(&order.envelope);
            self.push(order.envelope.with(message));
        }
        let nothing = self.kept.len() == 0 && !self.more;
        if nothing && matches!(order.task, Task::Call(_)) && service.description().kind == Kind::Worker
            // A master that counts on a result for each message has to be told that there is none.
            && order.envelope.message.delivery().is_some()
        {
            self.push(order.envelope.with(order.envelope.message.empty_part()));
        }
        failed
    }

    /// What was kept, and whether there was more before.
    pub(super) fn taken(self) -> (Kept, bool) {
        (self.kept, self.more)
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
        let finished = match input {
            Input::One(order) => Some(finish(order, &mut object, access, component, runner, None)),
            Input::Run(run) => {
                one_after_the_other(&run, &mut object, component, runner);
                None
            }
        };
        // A reference is given up before the engine hears of it, so that the next call can have the object for itself.
        let object = if access == Access::Alone { Some(object) } else { None };
        Done { access, call, object, finished }
    }
}

/// Until nothing is left of the run, or it has taken long enough that others are to be looked after.
fn one_after_the_other(run: &Run, object: &mut Object, component: &Component, runner: &dyn Runner) {
    let (began, mut count, mut next) = (runner.now(), 0_u32, run.first());
    while let Some(order) = next {
        let finished = finish(order, object, Access::Alone, component, runner, Some(run));
        count += 1;
        let goes_on = !finished.more && (count % CLOCK_EVERY != 0 || runner.now() < began + MAX_TIME);
        if !goes_on {
            return run.end(finished);
        }
        next = run.advance(finished);
    }
}

fn finish(
    order: Order,
    object: &mut Object,
    access: Access,
    component: &Component,
    runner: &dyn Runner,
    run: Option<&Run>,
) -> Returned {
    let mut results = Results::new(&order, runner, run);
    let outcome = catch_unwind(AssertUnwindSafe(|| work(&order, object, access, component, &mut results)));
    let failed = results.conclude(outcome, &order, &**object, component);
    let (results, more) = results.taken();
    Returned { order, results, more, failed, dropped: false }
}

fn work(
    order: &Order,
    object: &mut Object,
    access: Access,
    component: &Component,
    results: &mut Results<'_>,
) -> Result<(), Failure> {
    let Order { task, envelope, .. } = order;
    if let Task::Call(method) = task {
        let call = call_of(envelope, component);
        let mut sink = results.sink(envelope, object.description().kind);
        let mut replies = Replies::new(&mut sink);
        return match access {
            Access::Alone => alone(object)?.call(*method, &call, &mut replies),
            _ => object.call_shared(*method, &call, &mut replies),
        };
    }
    let service = alone(object)?;
    match task {
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

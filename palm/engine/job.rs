//! A piece of user code to run: taken out of the engine, run wherever the runtime likes, and handed back.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use bytes::Bytes;

use super::envelope::{Envelope, PartId};
use super::object::Object;
use super::router::Order;
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

/// Where results go that are too many to be kept until the user's code ends. It may wait: user code runs off the engine.
pub(crate) trait Overflow: Sync {
    fn offer(&self, part: PartId, task: Task, results: Vec<Envelope>);
}

/// Results kept until the user's code ends.
const MAX_RESULTS: usize = 256;
const MAX_RESULT_BYTES: usize = 1 << 20;

/// User code, its input, and the object it runs on.
pub(crate) struct Job {
    pub(super) order: Order,
    pub(super) object: Object,
    pub(super) access: Access,
    /// Its number among those whose time is watched.
    pub(super) call: u64,
}

/// What user code gave.
pub(crate) struct Done {
    pub(super) order: Order,
    pub(super) call: u64,
    /// The object, if the call had it for itself.
    pub(super) object: Option<Object>,
    pub(super) results: Vec<Envelope>,
    /// Whether results went through the overflow before.
    pub(super) more: bool,
    pub(super) failed: bool,
    /// It was given up, and the result says so.
    pub(super) dropped: bool,
}

impl Done {
    /// Whether the object comes back with it.
    pub(crate) const fn has_object(&self) -> bool {
        self.object.is_some()
    }
}

/// Collects results, and lets go of what is too much.
pub(super) struct Results<'a> {
    kept: Vec<Envelope>,
    bytes: usize,
    more: bool,
    part: PartId,
    task: Task,
    overflow: &'a dyn Overflow,
}

impl<'a> Results<'a> {
    pub(super) fn new(order: &Order, overflow: &'a dyn Overflow) -> Self {
        Self { kept: Vec::new(), bytes: 0, more: false, part: order.part, task: order.task, overflow }
    }

    fn push(&mut self, envelope: Envelope) {
        self.bytes += envelope.message.payload().len();
        self.kept.push(envelope);
        if self.kept.len() >= MAX_RESULTS || self.bytes >= MAX_RESULT_BYTES {
            self.bytes = 0;
            self.more = true;
            self.overflow.offer(self.part, self.task, std::mem::take(&mut self.kept));
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
            self.push(envelope.with(envelope.message.clone().with_payload(payload)));
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
            self.push(order.envelope.with(message));
        }
        let nothing = self.kept.is_empty() && !self.more;
        if nothing && matches!(order.task, Task::Call(_)) && service.description().kind == Kind::Worker
            // A master that counts on a result for each message has to be told that there is none.
            && order.envelope.message.delivery().is_some()
        {
            self.push(order.envelope.with(order.envelope.message.empty_part()));
        }
        failed
    }

    /// What was kept, and whether there was more before.
    pub(super) fn taken(self) -> (Vec<Envelope>, bool) {
        (self.kept, self.more)
    }
}

impl Job {
    pub(crate) const fn access(&self) -> Access {
        self.access
    }

    /// Runs it. A panic ends the call, not the component.
    pub(crate) fn run(self, component: &Component, overflow: &dyn Overflow) -> Done {
        let Self { order, mut object, access, call } = self;
        let mut results = Results::new(&order, overflow);
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&order, &mut object, access, component, &mut results)));
        let failed = results.conclude(outcome, &order, &*object, component);
        let (results, more) = results.taken();
        // A reference is given up before the engine hears of it, so that the next call can have the object for itself.
        let object = if access == Access::Alone { Some(object) } else { None };
        Done { order, call, object, results, more, failed, dropped: false }
    }
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
            results.push(Envelope { topic: Some(topic), ..envelope.with(message) });
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

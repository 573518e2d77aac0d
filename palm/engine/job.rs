//! A piece of user code to run: taken out of the engine, run wherever the runtime likes, and handed back.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

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

/// Where results go that are too many to be kept until the user's code ends. It may wait: user code runs off the engine.
pub(crate) trait Overflow {
    fn offer(&self, part: PartId, task: Task, results: Vec<Envelope>);
}

/// Results kept until the user's code ends.
const MAX_RESULTS: usize = 256;
const MAX_RESULT_BYTES: usize = 1 << 20;

/// User code, its input, and the object it runs on.
pub(crate) struct Job {
    pub(super) order: Order,
    pub(super) object: Object,
    /// Others may run on the object meanwhile.
    pub(super) shared: bool,
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
}

/// Collects results, and lets go of what is too much.
struct Results<'a> {
    kept: Vec<Envelope>,
    bytes: usize,
    more: bool,
    part: PartId,
    task: Task,
    overflow: &'a dyn Overflow,
}

impl Results<'_> {
    fn push(&mut self, envelope: Envelope) {
        self.bytes += envelope.message.payload().len();
        self.kept.push(envelope);
        if self.kept.len() >= MAX_RESULTS || self.bytes >= MAX_RESULT_BYTES {
            self.bytes = 0;
            self.more = true;
            self.overflow.offer(self.part, self.task, std::mem::take(&mut self.kept));
        }
    }
}

impl Job {
    /// Whether it may run beside others of its kind.
    pub(crate) const fn is_shared(&self) -> bool {
        self.shared
    }

    /// Runs it. A panic ends the call, not the component.
    pub(crate) fn run(self, component: &Component, overflow: &dyn Overflow) -> Done {
        let Self { order, mut object, shared, call } = self;
        let mut results =
            Results { kept: Vec::new(), bytes: 0, more: false, part: order.part, task: order.task, overflow };
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&order, &mut object, shared, component, &mut results)));
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(Failure::Method(error))) => Some((Code::MethodFailed, chain(&error))),
            Ok(Err(Failure::Refused { text })) => Some((Code::PayloadRefused, text)),
            Err(panic) => Some((Code::MethodPanicked, panic_text(&*panic))),
        };
        let failed = failure.is_some();
        if let Some((code, text)) = failure {
            let method = method_name(&order, &*object);
            let message = report(&order.envelope.message, &component.name, method, code, text);
            results.push(order.envelope.with(message));
        }
        let nothing = results.kept.is_empty() && !results.more;
        if nothing && matches!(order.task, Task::Call(_)) && object.description().kind == Kind::Worker
            // A master that counts on a result for each message has to be told that there is none.
            && order.envelope.message.delivery().is_some()
        {
            results.push(order.envelope.with(order.envelope.message.empty_part()));
        }
        // A reference is given up before the engine hears of it, so that the next call can have the object for itself.
        let object = if shared { None } else { Some(object) };
        Done { order, call, object, results: results.kept, more: results.more, failed }
    }
}

fn work(
    order: &Order,
    object: &mut Object,
    shared: bool,
    component: &Component,
    results: &mut Results<'_>,
) -> Result<(), Failure> {
    let Order { task, envelope, .. } = order;
    if let Task::Call(method) = task {
        let silent = matches!(object.description().kind, Kind::Pipeline | Kind::Sink);
        let mut call = Call::new(&envelope.message, component);
        call.deadline = envelope.message.deadline();
        let mut sink = |payload: Option<Bytes>| {
            let payload = match payload {
                None if silent => return,
                payload => payload.unwrap_or_default(),
            };
            results.push(envelope.with(envelope.message.clone().with_payload(payload)));
        };
        let mut replies = Replies::new(&mut sink);
        return if shared {
            object.call_shared(*method, &call, &mut replies)
        } else {
            alone(object)?.call(*method, &call, &mut replies)
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

/// The engine hands no other call out meanwhile.
fn alone(object: &mut Object) -> Result<&mut dyn Service, Failure> {
    object.alone().ok_or_else(|| Failure::Method("another call still uses the object".into()))
}

fn method_name(order: &Order, service: &dyn Service) -> &'static str {
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

//! What generated code names, re-exported as `palm::__private`.

pub use super::construct::{Construct, Constructed, Constructor, Probe};
pub use super::{
    Call, Description, Failure, FromPayload, Hooks, HubService, IntoMessages, IntoReply, Kind, MasterService, Messages,
    Method, PipelineService, Registration, Replies, Running, ServerService, Service, SinkService, Topic, WorkerService,
};
pub use crate::wire::Message;
pub use inventory;

use std::sync::Arc;

/// A service that threads share, if they may.
pub type Shared = Option<Arc<dyn Service + Sync>>;

/// Both ways of the constructor's probe, to be taken in by `*` so that they bring no name along.
pub mod probe {
    pub use super::super::construct::{ByDefault as _, ByNothing as _};
    pub use super::super::share::{BySync as _, ByTurns as _};
}

/// One call's last step. A function, so that a result of a wrong type is an error at the method's return type.
///
/// # Errors
/// What [`IntoReply::into_reply`] gives.
pub fn reply<M, R: IntoReply<M>>(result: R, replies: &mut Replies<'_>) -> Result<(), Failure> {
    result.into_reply(replies)
}

/// The call of an `async` method. A function, so that one which cannot be sent is an error at the method.
pub fn task<'a, F: Future<Output = Result<(), Failure>> + Send + 'a>(call: F) -> Running<'a> {
    Box::pin(call)
}

/// The last step of `scatter` and `gather`.
pub fn messages<M, R: IntoMessages<M>>(result: R, out: &mut Messages<'_>) {
    result.into_messages(out);
}

/// The last step of `handle_stream`.
pub fn topic<T: Into<Topic>>(topic: T) -> Topic {
    topic.into()
}

/// The last step of a registered constructor.
pub fn constructed<T, M, R: Construct<T, M>>(result: R) -> Constructed {
    result.construct()
}

/// The answer to a number that [`Service::resolve`] never gave.
///
/// # Errors
/// Always.
pub fn no_such_method(method: usize, call: &Call<'_>, _: &mut Replies<'_>) -> Result<(), Failure> {
    Err(Failure::Method(format!("`{}` has no method of number {method}", call.name()).into()))
}

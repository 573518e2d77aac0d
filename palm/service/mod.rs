//! What an annotated impl block becomes: a [`Service`], described, called and registered by name.
//!
//! `#[palm::server]` and its siblings write every implementation of [`Service`]; a user meets this module in three places:
//!
//! - [`FromPayload`]: what a method takes. Implement it for an argument type of one's own.
//! - [`IntoReply`]: what a method gives. Implement it for a result type of one's own.
//! - [`Call`]: what a method may ask about the call it serves.

mod call;
mod construct;
mod description;
mod extract;
mod kind;
pub mod marker;
mod messages;
#[doc(hidden)]
pub mod private;
pub mod registry;
mod reply;
mod share;
mod topic;

pub use call::{Call, Component};
pub use description::{Description, Hooks, Kind, Method};
#[cfg(feature = "json")]
pub use extract::Json;
pub use extract::{FromPayload, Proto, Refused};
pub use kind::{HubService, MasterService, PipelineService, ServerService, SinkService, WorkerService};
pub use messages::{IntoMessages, Messages};
pub use registry::Registration;
pub use reply::{Failure, IntoReply, Replies};
pub use topic::Topic;

use std::pin::Pin;
use std::sync::Arc;

use crate::wire::Message;

/// The call of an `async` method, under way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// A type whose methods are called by name. `#[palm::server]`, `worker`, `pipeline`, `sink`, `master` and `hub` implement it.
///
/// The engine holds a `Box<dyn Service>`: it resolves a name once for each stream and calls by number from then on.
///
/// ```
/// use palm::service::{Call, Component, Replies, Service};
///
/// #[derive(Default)]
/// struct Greeter;
///
/// #[palm::server]
/// impl Greeter {
///     fn greet(&mut self, name: &str) -> String {
///         format!("hello {name}")
///     }
/// }
///
/// let (component, message) = (Component::new("greeter"), palm::Message::new("greeter.greet", "world"));
/// let method = Greeter.resolve("greet").expect("the block has a greet");
/// let mut answers = Vec::new();
/// let mut sink = |answer| answers.push(answer);
/// Greeter.call(method, &Call::new(&message, &component), &mut Replies::new(&mut sink)).expect("greet cannot fail");
/// assert_eq!(answers, [Some(palm::Bytes::from("hello world"))]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no component",
    note = "annotate its impl block with `#[palm::server]`, `worker`, `pipeline`, `sink`, `master` or `hub`"
)]
pub trait Service: Send + 'static {
    /// What the block says about itself: kind, methods, docs and source place.
    fn description(&self) -> &'static Description;

    /// The number of the method of that wire name (`foo`, without the component's name), or `None`.
    ///
    /// It is also the method's place in [`Description::methods`]. `echo` is answered by the engine unless the block has one.
    fn resolve(&self, method: &str) -> Option<usize>;

    /// Runs the method of that number, if it is not `async`. Results are pushed to `replies` as they come.
    ///
    /// # Errors
    /// [`Failure`] if the payload does not fit the method's argument, the method returns an error, or there is no method
    /// of that number. Results pushed before stand; one error result follows them.
    fn call(&mut self, method: usize, call: &Call<'_>, replies: &mut Replies<'_>) -> Result<(), Failure> {
        private::no_such_method(method, call, replies)
    }

    /// Runs the method of that number, if it is one that takes `&self`; several threads may do so at a time.
    ///
    /// # Errors
    /// As [`call`](Self::call); a method that takes `&mut self` is none here.
    fn call_shared(&self, method: usize, call: &Call<'_>, replies: &mut Replies<'_>) -> Result<(), Failure> {
        private::no_such_method(method, call, replies)
    }

    /// Begins the method of that number, if it is an `async` one; it is done when the future is.
    ///
    /// # Errors
    /// The future gives those of [`call`](Self::call); a method that is not `async` is none here.
    fn call_async<'a>(&'a self, method: usize, call: &'a Call<'_>, replies: &'a mut Replies<'_>) -> Running<'a> {
        Box::pin(std::future::ready(private::no_such_method(method, call, replies)))
    }

    /// The object as several threads may hold it, if they may: a method of it takes `&self`, and it is `Sync`.
    #[must_use]
    fn share(self: Box<Self>) -> Option<Arc<dyn Service + Sync>> {
        None
    }

    /// Which of the three stream hooks the block has.
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    /// Makes the messages for the workers out of one that came in; by default just that one.
    fn scatter(&mut self, message: Message, out: &mut Messages<'_>) {
        out.push(message);
    }

    /// Makes the answers out of a message that a worker sent back; by default just that one.
    fn gather(&mut self, message: Message, out: &mut Messages<'_>) {
        out.push(message);
    }

    /// Chooses the topic a result is published under. Called only if [`hooks`](Self::hooks) says so.
    fn handle_stream(&mut self, message: &mut Message) -> Topic {
        let _ = message;
        Topic::default()
    }

    /// Called once, before the first message.
    fn started(&mut self) {}

    /// Called once, after the last message.
    fn stopping(&mut self) {}
}

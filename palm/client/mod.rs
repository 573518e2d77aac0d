//! The source, and the sink, of a stream of messages.
//!
//! A [`Client`] calls the functions of a server, master, hub or pipeline: one message at a time with
//! [`eval`](Client::eval), a stream of them as a [`Job`]. It also reads and writes the server's cache.

mod builder;
mod calls;
mod connect;
mod feeder;
mod functions;
mod handle;
mod id;
mod job;
mod link;
mod outbox;
mod outgoing;
mod payload;
mod reply;

pub use builder::ClientBuilder;
pub use functions::IntoFunctions;
pub use handle::Client;
pub use job::Job;
pub use payload::IntoPayload;
pub use reply::Reply;

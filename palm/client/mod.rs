//! The source, and the sink, of a stream of messages.
//!
//! A [`Client`] calls the functions of a server, master, hub or pipeline: one message at a time with
//! [`eval`](Client::eval), a stream of them as a [`Job`]; in tasks of any runtime with
//! [`eval_async`](Client::eval_async) and [`job_stream`](Client::job_stream). It also reads and writes the server's cache.

mod answer;
mod builder;
mod calls;
mod connect;
mod connection;
mod core;
mod course;
mod draft;
mod driver;
mod ends;
mod eval;
mod fed;
mod feeder;
mod flusher;
mod form;
mod functions;
mod handle;
mod id;
mod inbox;
mod job;
mod ledger;
mod line;
mod order;
mod outbox;
mod outgoing;
mod pace;
mod payload;
mod polled;
mod reply;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod typed;
mod window;
mod wire;

pub use builder::ClientBuilder;
pub use eval::{Eval, EvalAs};
pub use functions::IntoFunctions;
pub use handle::Client;
pub use job::Job;
pub use payload::IntoPayload;
pub use reply::Reply;
pub use stream::JobStream;
pub use typed::FromReply;

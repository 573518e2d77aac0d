//! The client against a server made of bare sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod cache;
mod calls;
mod connect;
mod deadline;
mod failures;
mod fake;
mod futures;
mod jobs;
mod order;
mod real;

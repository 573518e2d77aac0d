//! The client against a server made of bare sockets, and over the link against the library's own.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod cache;
mod calls;
mod connect;
mod cut;
mod deadline;
mod failures;
mod fake;
mod futures;
mod jobs;
mod link;
mod order;
mod real;

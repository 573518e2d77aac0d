//! The client against a server made of bare sockets.

mod cache;
mod calls;
mod connect;
mod fake;
mod jobs;

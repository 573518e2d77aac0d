//! PALM in Rust.

extern crate self as palm;

pub mod cache;
pub mod client;
pub mod component;
mod engine;
mod error;
mod features;
#[cfg(feature = "log")]
pub mod log;
mod log_level;
pub mod part;
mod runtime;
pub mod service;
mod socket;
pub mod topology;
pub mod wire;

/// The counters of a component.
pub mod stats {
    pub use crate::engine::{Counter, Stats};
}

pub use bytes::Bytes;
pub use client::Client;
#[doc = include_str!("../docs/macros/hub.md")]
pub use palm_macros::hub;
#[doc = include_str!("../docs/macros/master.md")]
pub use palm_macros::master;
#[doc = include_str!("../docs/macros/pipeline.md")]
pub use palm_macros::pipeline;
#[doc = include_str!("../docs/macros/server.md")]
pub use palm_macros::server;
#[doc = include_str!("../docs/macros/sink.md")]
pub use palm_macros::sink;
#[doc = include_str!("../docs/macros/topology.md")]
pub use palm_macros::topology;
#[doc = include_str!("../docs/macros/worker.md")]
pub use palm_macros::worker;

pub use component::{Hub, Master, Pipeline, Server, Sink, Worker};
pub use error::{BoxError, Error, Result};
pub use runtime::Handle;
#[cfg(feature = "json")]
pub use service::Json;
pub use service::{Call, Proto, Topic};
pub use socket::Context;
pub use topology::ServerTemplate;
pub use wire::Message;

/// What generated code names. No part of the public interface: anything here may change with any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::cache::Cache;
    pub use crate::part::{Address, Bypass, FromAddress, Inbound, Outbound};
    pub use crate::service::private::*;
    pub use crate::topology::{Route, ServerTemplate};
    pub use crate::{Bytes, Context, Handle, Result};
    pub use core;
    pub use std::string::String;
    pub use tracing::Level;
}

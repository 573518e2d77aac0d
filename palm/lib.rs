//! Clusters of components that pass messages: the PALM protocol and its patterns, in Rust.
//!
//! A component is declared by an annotated impl block, whose methods are then called by name from anywhere:
//!
//! ```
//! use palm::Call;
//!
//! #[derive(Default)]
//! struct MyWorker;
//!
//! #[palm::worker]
//! impl MyWorker {
//!     fn foo(&mut self, message: &[u8], call: &Call) -> Vec<u8> {
//!         [call.name().as_bytes(), b" processed ", message].concat()
//!     }
//! }
//!
//! fn main() -> palm::Result<()> {
//!     let master = palm::Master::new("server").start()?;
//!     let db_address = master.address("db_address")?;
//!     let _worker1 = palm::Worker::new("worker1", MyWorker).db_address(&db_address).start()?;
//!     let _worker2 = palm::Worker::new("worker2", MyWorker).db_address(&db_address).start()?;
//!
//!     let client = palm::Client::connect("server", &db_address)?;
//!     for reply in client.job("server.foo", std::iter::repeat_n("a message", 10)).messages(10) {
//!         assert!(reply?.ends_with(b" processed a message"));
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Every component speaks the wire of pylm, the Python implementation, and may stand beside Python components in one cluster.
//!
//! | what | where |
//! | --- | --- |
//! | declaring a component | [`server`](macro@server), [`worker`](macro@worker), [`pipeline`](macro@pipeline), [`sink`](macro@sink), [`master`](macro@master), [`hub`](macro@hub) |
//! | running one | [`Server`], [`Worker`], [`Pipeline`], [`Sink`], [`Master`], [`Hub`]; a [`Handle`] once it is started |
//! | calling one | [`Client`] with its [`Job`]s, and the [`Reply`] it gets |
//! | what a method takes and gives | [`Call`], [`Bytes`], [`Proto`], `Json`; [`service`] |
//! | what hooks take and give | [`Message`], [`Topic`] |
//! | components of one's own | [`topology!`], [`ServerTemplate`], [`part`], [`topology`](mod@topology) |
//! | keys and values | [`cache`] |
//! | what can go wrong | [`Error`] |
//!
//! The [`guide`] explains it all, chapter by chapter.
//!
//! # Features
//! None is on by default.
//!
//! | feature | adds |
//! | --- | --- |
//! | `json` | `Json<T>` as a method's argument and result, and as what a client sends and reads |
//! | `tokio` | `async fn` methods, as tasks of a tokio runtime |
//! | `log` | the documentation's log lines, as a layer for `tracing-subscriber` |
//! | `http` | HTTP in and out: `palm::http` |
//! | `tls` | encryption for it; brings `http` |
//! | `metrics` | the counters of every component, for whatever recorder of the `metrics` facade the program installs |
//! | `cli` | `palm::cli::main()`: a command line for the components of a program; brings `log` and `json` |
//! | `durable` | `cache::DurableCache`: keys and values in a file, which survive the process |
//! | `redis` | `cache::RedisCache`: keys and values in a Redis server, shared by several components |

extern crate self as palm;

// Named, so that it is linked: build.rs has libzmq call it.
use libmimalloc_sys as _;

#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
pub mod cache;
#[cfg(feature = "cli")]
pub mod cli;
pub mod client;
pub mod component;
mod engine;
mod error;
mod features;
pub mod guide;
#[cfg(feature = "http")]
pub mod http;
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
pub use client::{Client, Job, Reply};
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
#[doc(no_inline)]
pub use tracing::Level;
pub use wire::Message;

/// What generated code names. No part of the public interface: anything here may change with any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::cache::Cache;
    pub use crate::part::{Address, Bypass, FromAddress, Inbound, Outbound};
    pub use crate::service::private::*;
    pub use crate::topology::{Route, ServerTemplate};
    pub use crate::{Bytes, Context, Handle, Level, Result};
    pub use core;
    pub use std::boxed::Box;
    pub use std::string::String;
}

// What the README shows is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

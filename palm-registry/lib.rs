//! The registry of PALM clusters.
//!
//! A cluster file says which components there are and how they are connected; the registry places them on the nodes whose
//! runners join, and keeps what happened to them.
//!
//! | module | holds |
//! | --- | --- |
//! | [`cluster`] | what a cluster file means: placement, commands, graph; no I/O in it |
//! | [`api`] | the JSON of `/api/v1`, as service, runner and command line share it |
//! | [`logs`] | the protobuf messages in which log lines travel |
//! | [`Service`] | the web service itself |

pub mod api;
pub mod cluster;
mod http;
pub mod logs;
mod service;
mod store;
mod users;

/// The chapter's examples run.
#[cfg(doctest)]
#[doc = include_str!("../docs/registry.md")]
mod guide {}

pub use service::{Service, ServiceError, Settings, add_user};
pub use store::Limits;

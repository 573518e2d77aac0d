//! The ready-made components: builders over topologies.
//!
//! | component | as a topology |
//! | --- | --- |
//! | [`Server`] | `Pull -> Methods -> Pub`, bypass `Cache` |
//! | [`Pipeline`], [`Sink`] | `Sub… -> Methods -> Pub`, bypass `Cache` |
//! | [`Worker`] | `Link -> Methods`, blocking; at a classic master `Pull -> Methods -> Push`: connections all |
//! | [`Master`] | `Pull -> WorkerPush`; `WorkerPull -> Pub`; `Link -> Pub`; bypass `Cache` |
//! | [`Hub`] | `Sub -> WorkerPush`; `WorkerPull -> Pub`; `Link -> Pub`; bypass `Cache` |

#[macro_use]
mod builder;
mod hub;
mod master;
mod pipeline;
mod publishing;
mod server;
mod sink;
mod worker;
mod working;

#[cfg(feature = "http")]
pub(crate) use builder::component;
pub use hub::Hub;
pub use master::Master;
pub use pipeline::Pipeline;
pub use server::Server;
pub use sink::Sink;
pub use worker::Worker;
#[cfg(test)]
pub(crate) use worker::over_link;

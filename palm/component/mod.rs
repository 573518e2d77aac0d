//! The ready-made components: builders over topologies.
//!
//! | component | as a topology |
//! | --- | --- |
//! | [`Server`] | `Pull -> Methods -> Pub`, bypass `Cache` |
//! | [`Pipeline`], [`Sink`] | `Sub… -> Methods -> Pub`, bypass `Cache` |
//! | [`Worker`] | `Pull -> Methods -> Push`, both connections to its master |
//! | [`Master`] | `Pull -> WorkerPush`; `WorkerPull -> Pub`; bypass `Cache` |
//! | [`Hub`] | `Sub -> WorkerPush`; `WorkerPull -> Pub`; bypass `Cache` |

#[macro_use]
mod builder;
mod hub;
mod master;
mod pipeline;
mod publishing;
mod server;
mod sink;
mod worker;

pub use hub::Hub;
pub use master::Master;
pub use pipeline::Pipeline;
pub use server::Server;
pub use sink::Sink;
pub use worker::Worker;

//! Clusters of engines with the real parts on a network in memory, with the order of events drawn from a seed.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod blocking;
mod classic;
mod client;
mod cluster;
mod hold;
mod inlets;
mod jobs;
mod linked;
mod masters;
mod net;
mod pressure;
mod simulation;
mod stages;
#[cfg(feature = "tokio")]
mod tasks;
mod threads;

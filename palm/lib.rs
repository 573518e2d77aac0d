//! PALM in Rust.

pub mod cache;
pub mod client;
mod error;
mod socket;
pub mod wire;

pub use bytes::Bytes;
pub use client::Client;
pub use error::{BoxError, Error, Result};
pub use socket::Context;
pub use wire::Message;

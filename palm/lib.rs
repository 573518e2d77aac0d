//! PALM in Rust.

pub mod cache;
mod error;
mod socket;
pub mod wire;

pub use bytes::Bytes;
pub use error::{BoxError, Error, Result};
pub use socket::Context;
pub use wire::Message;

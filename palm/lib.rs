//! PALM in Rust.

mod error;
pub mod wire;

pub use bytes::Bytes;
pub use error::{BoxError, Error, Result};
pub use wire::Message;

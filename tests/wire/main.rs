//! The wire: what is decoded, what is refused, and that nothing is lost on the way through.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod decode;
mod forward;
mod golden;
mod soup;

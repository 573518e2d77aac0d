//! The client's decisions against a component made of frames: no sockets, no time that passes by itself.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod answers;
mod component;
pub(crate) mod driven;
mod outcomes;
mod silence;

//! What the macros make, seen from a user's crate.
#![expect(clippy::unwrap_used, reason = "a test may panic, and its components are its own")]

mod border;
mod component;
mod hygiene;
mod lints;
mod registry;
mod topology;

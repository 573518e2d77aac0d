//! What cluster files mean: placement as old clients know it, and better; files that are hostile; Python's own reader beside ours.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod hostile;
mod placement;
mod properties;
mod python;
#[path = "../../../tests/support/skip.rs"]
mod skip;

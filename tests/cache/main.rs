//! The stores behind the cache, as clients and methods meet them.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

#[cfg(feature = "durable")]
mod durable;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
#[path = "../support/skip.rs"]
mod skip;
mod stores;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other test binaries use the rest")]
mod support;

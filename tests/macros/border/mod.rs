//! Border cases, each the twin of a rule in `tests/ui`: they compile, and what can be started starts.

#[cfg(feature = "tokio")]
mod async_methods;
mod component;
mod parts;
mod topology;

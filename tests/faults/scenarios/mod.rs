//! The scenarios. Each returns its figures; what depends on the clock is marked as such.

pub(crate) mod cache;
pub(crate) mod crashes;
pub(crate) mod errors;
pub(crate) mod jobs;
pub(crate) mod links;
pub(crate) mod load;
pub(crate) mod network;
pub(crate) mod scripts;
pub(crate) mod shutdown;
pub(crate) mod stages;
pub(crate) mod subscribers;

//! Routers of one's own: parts, and the ways of messages between them.
//!
//! [`topology!`](crate::topology!) checks a topology while it compiles; [`ServerTemplate`] builds one at run time. Both make
//! a [`Plan`], which is checked once more when it starts.

mod describe;
mod plan;
mod route;
mod template;
mod verify;

pub use plan::Plan;
pub(crate) use plan::PlannedBypass;
pub use route::Route;
pub use template::ServerTemplate;

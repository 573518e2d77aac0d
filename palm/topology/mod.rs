//! Routers of one's own: parts, and the ways of messages between them.
//!
//! [`topology!`](crate::topology!) checks a topology while it compiles; [`ServerTemplate`] builds one at run time. Both make
//! a [`Plan`], which is checked once more when it starts.

mod describe;
mod outline;
mod plan;
mod route;
mod template;
mod verify;

pub(crate) use outline::OUTLINE_KEY;
pub use outline::{MethodOutline, Outline, PartOutline};
pub use plan::Plan;
pub(crate) use plan::PlannedBypass;
pub use route::Route;
pub use template::ServerTemplate;

//! Threads, sockets and time: what drives an engine and its parts.

mod handle;
mod inbox;
mod place;
mod pool;
mod reactor;
mod relief;
mod signals;
mod sockets;
mod start;
mod stop;
#[cfg(feature = "tokio")]
mod tasks;

pub use handle::Handle;
pub(crate) use place::is_loopback;
pub(crate) use signals::until_signal;
pub(crate) use start::start;
pub use stop::Stop;

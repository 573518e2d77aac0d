//! Threads, sockets and time: what drives an engine and its parts.

mod ending;
mod handle;
mod inbox;
mod place;
mod pool;
#[cfg(feature = "metrics")]
mod publish;
mod reactor;
mod relief;
mod signals;
mod sockets;
mod start;
mod stop;
mod supervise;
#[cfg(feature = "tokio")]
mod tasks;

pub use handle::Handle;
pub(crate) use place::is_loopback;
pub(crate) use signals::until_signal;
pub(crate) use start::start;
pub use stop::Stop;

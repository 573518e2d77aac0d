//! What a method may ask about the call it serves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::cache::{CacheHandle, MemoryCache};
use crate::wire::Message;

/// Everything a method may ask about the call it serves: write `call: &Call` among its arguments.
///
/// ```
/// use palm::{Call, Message, service::Component};
///
/// struct Worker;
///
/// #[palm::worker]
/// impl Worker {
///     fn whoami(&mut self, call: &Call) -> String {
///         call.name().to_owned()
///     }
/// }
///
/// // A method is an ordinary method, and a test calls it as such.
/// let (component, message) = (Component::new("worker1"), Message::new("server.whoami", ""));
/// assert_eq!(Worker.whoami(&Call::new(&message, &component)), "worker1");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub(crate) message: &'a Message,
    pub(crate) component: &'a Component,
    pub(crate) deadline: Option<Instant>,
}

impl<'a> Call<'a> {
    /// The call of `message`, served by `component`, without a deadline.
    #[must_use]
    pub fn new(message: &'a Message, component: &'a Component) -> Self {
        Self { message, component, deadline: None }
    }

    /// The same call, to be answered before `deadline`.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The name of the component that serves the call.
    #[must_use]
    #[inline]
    pub fn name(&self) -> &'a str {
        &self.component.name
    }

    /// The cache: the component's own, for a worker that of its master.
    #[must_use]
    #[inline]
    pub fn cache(&self) -> &'a CacheHandle {
        &self.component.cache
    }

    /// The message as it came in.
    #[must_use]
    #[inline]
    pub fn message(&self) -> &'a Message {
        self.message
    }

    /// What the caller sent, undecoded.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &'a Bytes {
        self.message.payload()
    }

    /// How long the caller still waits, zero if that is over; `None` if no deadline was set.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

/// The component that serves a call, as its methods see it.
#[derive(Clone, Debug)]
pub struct Component {
    pub(crate) name: String,
    pub(crate) cache: CacheHandle,
}

impl Component {
    /// A component of that name with an empty cache in memory, for tests of one's own methods.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self::with_cache(name, CacheHandle::local(Arc::new(MemoryCache::new())))
    }

    pub(crate) fn with_cache(name: impl Into<String>, cache: CacheHandle) -> Self {
        Self { name: name.into(), cache }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_is_over_leaves_zero() {
        let (component, message) = (Component::new("server"), Message::new("server.foo", ""));
        let call = Call::new(&message, &component);
        assert_eq!(call.remaining(), None);
        assert_eq!(call.with_deadline(Instant::now()).remaining(), Some(Duration::ZERO));
    }
}

use std::fmt;
use std::sync::Arc;

use super::Address;
use crate::cache::{Cache, CacheHandle};
use crate::engine::{Place, Shelf, Stats};
use crate::error::{BoxError, Error, Result};
use crate::runtime::Stop;
use crate::socket::{Context, Interest, Received, Socket, SocketKind, Waker, Wakeup, wait};

/// What the runtime asks of a bypass part: it has a thread of its own, which ends when the component does.
///
/// ```
/// use palm::part::{Address, Bypass, BypassOpening, BypassPart, FromAddress, Stop};
///
/// /// Writes the number of keys that start with `job.` into the log, once a second.
/// struct Gauge;
///
/// impl BypassPart for Gauge {
///     fn open(&mut self, _opening: &mut BypassOpening<'_>) -> palm::Result<()> {
///         Ok(())
///     }
///     fn run(&mut self, stop: &Stop) {
///         while !stop.wait(std::time::Duration::from_secs(1)) {
///             tracing::info!("still there");
///         }
///     }
/// }
/// impl FromAddress for Gauge {
///     fn at(_: Address) -> Self {
///         Self
///     }
/// }
/// impl Bypass for Gauge {
///     const BINDS: bool = false;
/// }
/// ```
pub trait BypassPart: Send + 'static {
    /// Opens what the part needs, before its thread starts. It is called again whenever [`run`](Self::run) has panicked, or ended
    /// too early, on what that has left: a socket that is still open may be kept, and one that is bound anew has to be bound
    /// where it was, as peers know it by that address.
    ///
    /// # Errors
    /// An address cannot be used.
    fn open(&mut self, opening: &mut BypassOpening<'_>) -> Result<()>;

    /// Does the part's work until `stop` is set.
    ///
    /// One that panics, or ends before that, is opened and run anew after a pause of 0.1 s, which doubles with each time; more
    /// than five times within 60 s, and the component fails with [`Error::PartFailed`].
    fn run(&mut self, stop: &Stop);

    /// Whether [`run`](Self::run) has ended because there is nothing left to do.
    fn is_done(&self) -> bool {
        false
    }
}

/// What a bypass part finds while it opens.
pub struct BypassOpening<'a> {
    pub(crate) place: &'a mut dyn Place,
    pub(crate) context: &'a Context,
    pub(crate) cache: &'a Arc<dyn Cache>,
    pub(crate) stats: &'a Arc<Stats>,
    pub(crate) shelf: &'a Shelf,
}

impl BypassOpening<'_> {
    /// Name of the component.
    #[must_use]
    pub fn component(&self) -> &str {
        self.place.name()
    }

    /// The component's ZeroMQ context.
    #[must_use]
    pub const fn context(&self) -> &Context {
        self.context
    }

    /// The component's cache.
    #[must_use]
    pub fn cache(&self) -> Arc<dyn Cache> {
        self.cache.clone()
    }

    /// The component's cache, as its methods have it.
    #[must_use]
    pub fn cache_handle(&self) -> CacheHandle {
        CacheHandle::local(self.cache())
    }

    /// Opens a socket and binds it; the address really bound is published.
    pub(super) fn bind(&mut self, kind: SocketKind, address: &Address) -> Result<Socket> {
        let address = self.address(address)?;
        let socket = Socket::new(self.context, kind)?;
        let bound = socket.bind(&address).map_err(|source| self.refused(&address, source))?;
        self.bound(&bound);
        Ok(socket)
    }

    /// Opens a socket and connects it; the peer need not be there yet.
    pub(super) fn connect(&mut self, kind: SocketKind, address: &Address) -> Result<Socket> {
        let address = self.place.to_connect(address)?;
        let socket = Socket::new(self.context, kind)?;
        socket.connect(&address).map_err(|source| self.refused(&address, source))?;
        Ok(socket)
    }

    /// What the parts of this component share under a name: made by the first one that asks.
    #[must_use]
    pub fn shared<T: Default + Send + Sync + 'static>(&self, name: &str) -> Arc<T> {
        self.shelf.get(name)
    }

    /// Checks an address against the component's rules, and gives the one to bind.
    ///
    /// # Errors
    /// It is not on loopback, and the component was not told `insecure()`.
    pub fn address(&self, address: &Address) -> Result<String> {
        self.place.to_bind(address, false)
    }

    /// Publishes what was really bound.
    pub fn bound(&mut self, address: &str) {
        self.place.bound(None, address);
    }

    /// An error that names the component and the part.
    pub fn refused(&self, address: &str, source: impl Into<BoxError>) -> Error {
        self.place.refused(address, source.into())
    }
}

impl fmt::Debug for BypassOpening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BypassOpening").field("component", &self.component()).finish_non_exhaustive()
    }
}

/// Messages taken in a row before the part looks whether it shall stop.
const BATCH: usize = 64;

/// The socket of a part that takes what comes in on its own thread.
pub(super) struct Ear {
    socket: Socket,
    wakeup: Wakeup,
    /// Until it listens.
    waker: Option<Waker>,
}

impl Ear {
    pub(super) fn new(opening: &BypassOpening<'_>, socket: Socket) -> Result<Self> {
        let (waker, wakeup) = Wakeup::pair(opening.context())?;
        Ok(Self { socket, wakeup, waker: Some(waker) })
    }

    /// Has `take` called for everything that comes in, until the part shall end or so many messages have come.
    pub(super) fn listen(&mut self, stop: &Stop, messages: &mut u64, mut take: impl FnMut(&Socket, Received)) {
        if let Some(waker) = self.waker.take() {
            stop.wakes(waker);
        }
        while *messages > 0 {
            // What came before the end is taken after it.
            let ends = stop.is_set();
            let taken = self.take_some(messages, &mut take);
            if ends {
                break;
            }
            if !taken {
                wait(&[Interest { socket: &self.socket, read: true, write: false }], &self.wakeup, None);
            }
        }
    }

    fn take_some(&mut self, messages: &mut u64, take: &mut impl FnMut(&Socket, Received)) -> bool {
        let mut taken = false;
        for _ in 0..BATCH {
            match self.socket.receive(|_| false) {
                Received::Empty => break,
                received => take(&self.socket, received),
            }
            taken = true;
            *messages -= 1;
            if *messages == 0 {
                break;
            }
        }
        taken
    }
}

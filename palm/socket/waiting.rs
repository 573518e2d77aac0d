//! Waiting for sockets, and being woken meanwhile.

use std::fmt;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::vigil::Vigil;
use super::{Context, Socket, inproc_address};
use crate::error::{Error, Result};

/// Ends a wait from any thread.
pub(crate) struct Waker {
    socket: Mutex<zmq::Socket>,
    /// A wake-up is on its way. A socket cannot tell: one that is full may have been emptied, and not know it yet.
    woken: Arc<AtomicBool>,
}

impl Waker {
    pub(crate) fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = socket.send(zmq::Message::new(), zmq::DONTWAIT);
        }
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waker").finish_non_exhaustive()
    }
}

/// The end that waits.
pub(crate) struct Wakeup {
    socket: zmq::Socket,
    woken: Arc<AtomicBool>,
}

impl Wakeup {
    /// A waker and what it wakes.
    pub(crate) fn pair(context: &Context) -> Result<(Waker, Self)> {
        let address = inproc_address();
        let make = || -> Result<_, zmq::Error> {
            let (wakeup, waker) = (context.0.socket(zmq::PULL)?, context.0.socket(zmq::PUSH)?);
            for socket in [&wakeup, &waker] {
                socket.set_linger(0)?;
                // No limit: there is one message for each time that somebody waits.
                socket.set_sndhwm(0)?;
                socket.set_rcvhwm(0)?;
            }
            wakeup.bind(&address)?;
            waker.connect(&address)?;
            let woken = Arc::new(AtomicBool::new(false));
            Ok((Waker { socket: Mutex::new(waker), woken: woken.clone() }, Self { socket: wakeup, woken }))
        };
        make().map_err(|error| Error::system("open a socket", error))
    }

    fn signal(&self) -> Option<Signal> {
        Signal::of(&self.socket)
    }

    /// Takes the wake-ups that have come. Whatever was done before one that is not sent from here on is seen from here on.
    fn heard(&self) {
        while self.socket.recv_msg(zmq::DONTWAIT).is_ok() {}
        self.woken.swap(false, Ordering::AcqRel);
    }
}

impl fmt::Debug for Wakeup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wakeup").finish_non_exhaustive()
    }
}

/// One socket to wait for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interest<'a> {
    pub(crate) socket: &'a Socket,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// Tells that something may have happened at a socket, without touching it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signal(RawFd);

impl Signal {
    pub(super) fn of(socket: &zmq::Socket) -> Option<Self> {
        socket.get_fd().ok().map(Self)
    }
}

/// Waits until one of `interests` is ready, `wakeup` is woken, or the time is up (`None`: no limit).
pub(crate) fn wait(interests: &[Interest<'_>], wakeup: &Wakeup, timeout: Option<Duration>) {
    wait_with(interests, &[], wakeup, timeout);
}

/// The same for sockets that other threads use meanwhile. What they have to be received must have been received before.
pub(crate) fn wait_with(interests: &[Interest<'_>], signals: &[Signal], wakeup: &Wakeup, timeout: Option<Duration>) {
    let mut items = Vec::with_capacity(interests.len() * 2 + 1);
    items.push(wakeup.socket.as_poll_item(zmq::POLLIN));
    items.extend(signals.iter().map(|signal| zmq::PollItem::from_fd(signal.0, zmq::POLLIN)));
    for interest in interests {
        let mut events = zmq::PollEvents::empty();
        events.set(zmq::POLLIN, interest.read);
        events.set(zmq::POLLOUT, interest.write);
        if !events.is_empty() {
            items.push(interest.socket.raw.as_poll_item(events));
        }
        if let Some(peers) = &interest.socket.peers {
            items.push(peers.events.as_poll_item(zmq::POLLIN));
        }
    }
    // An interrupted wait is a short one: the caller looks at its clock and waits again.
    let _ = zmq::poll(&mut items, milliseconds(timeout));
    wakeup.heard();
}

fn milliseconds(timeout: Option<Duration>) -> i64 {
    timeout.map_or(-1, |timeout| i64::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i64::MAX))
}

/// Where a socket's signals are in a [`Lookout`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    socket: Option<usize>,
    peers: Option<usize>,
}

/// What there may be to be read of a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct News {
    pub(crate) socket: bool,
    pub(crate) peers: bool,
}

impl News {
    /// It has to be asked itself.
    pub(crate) const UNKNOWN: Self = Self { socket: true, peers: true };
}

/// The signals of many sockets, looked at together: one system call, where asking each socket is one for each.
///
/// A signal says that a socket has news, until the socket is used; so whoever uses it has to ask it for the news itself.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    watched: Vec<Watched>,
    vigil: Vigil,
}

#[derive(Debug)]
struct Watched {
    signal: Signal,
    heeded: bool,
    given: bool,
}

impl Lookout {
    /// Adds a signal, which is heeded. Its place is the number of those before it. It is given until it is looked at, for what
    /// came before.
    pub(crate) fn add(&mut self, signal: Signal) {
        self.watched.push(Watched { signal, heeded: true, given: true });
    }

    /// Adds those of one socket.
    pub(crate) fn add_socket(&mut self, socket: &Socket) -> Places {
        let mut places = self.watched.len()..;
        let signals = socket.signals();
        signals.iter().for_each(|signal| self.add(*signal));
        let mut places = places.by_ref().take(signals.len());
        Places { socket: places.next(), peers: places.next() }
    }

    /// What a socket has had news of since this was last asked, as far as was looked.
    pub(crate) fn news(&mut self, places: Places) -> News {
        let mut take = |place: Option<usize>| {
            place
                .and_then(|place| self.watched.get_mut(place))
                .is_some_and(|watched| std::mem::take(&mut watched.given))
        };
        News { socket: take(places.socket), peers: take(places.peers) }
    }

    /// Whether the signal at that place is heeded from here on.
    pub(crate) fn heed(&mut self, place: usize, heeded: bool) {
        self.watched[place].heeded = heeded;
    }

    /// Whether the signal at that place was given when it was last looked at.
    pub(crate) fn given(&self, place: usize) -> bool {
        self.watched[place].given
    }

    /// Waits until a heeded signal is given, or `wakeup` is woken, or the time is up (`None`: no limit).
    pub(crate) fn wait(&mut self, wakeup: &Wakeup, timeout: Option<Duration>) {
        if self.look(wakeup.signal(), timeout) {
            wakeup.heard();
        }
    }

    /// Looks at the heeded signals without waiting.
    pub(crate) fn glance(&mut self) {
        self.look(None, Some(Duration::ZERO));
    }

    /// Whether the signal `besides` was given too.
    fn look(&mut self, besides: Option<Signal>, timeout: Option<Duration>) -> bool {
        let signals = self.watched.iter().map(|watched| (watched.signal, watched.heeded));
        let signals = signals.chain(besides.map(|signal| (signal, true)));
        let events = |heeded| if heeded { zmq::POLLIN } else { zmq::PollEvents::empty() };
        let mut items: Vec<_> =
            signals.map(|(signal, heeded)| zmq::PollItem::from_fd(signal.0, events(heeded))).collect();
        // An interrupted wait is a short one, and tells of nothing: what was given is given still.
        self.vigil.wait(timeout, |timeout| zmq::poll(&mut items, milliseconds(timeout)) != Ok(0));
        for (watched, item) in self.watched.iter_mut().zip(&items) {
            watched.given = item.is_readable();
        }
        besides.is_some() && items.last().is_some_and(zmq::PollItem::is_readable)
    }
}

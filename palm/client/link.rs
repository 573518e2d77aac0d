//! The sockets of a client and the calls that share them.
//!
//! Unless futures are used, no thread of its own reads the answers. Whoever waits for one and finds nobody reading takes the lead: it reads for all,
//! hands the others theirs, and passes the lead on when it has its own.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::calls::{Calls, Waiter};
use super::id::{Ids, Place};
use super::outbox::Outbox;
use crate::socket::{Interest, Received, Socket, Waker, Wakeup, wait};
use crate::wire::{Message, Streams};

/// Messages that are read before they are handed out.
const BATCH: usize = 1024;

#[derive(Debug)]
pub(super) struct Link {
    pub(super) ids: Ids,
    pub(super) outbox: Outbox,
    calls: Mutex<Calls>,
    inbox: Mutex<Inbox>,
    pub(super) waker: Waker,
    /// Started by the first future.
    pub(super) driver: Mutex<Option<Thread>>,
}

#[derive(Debug)]
pub(super) struct Inbox {
    socket: Socket,
    wakeup: Wakeup,
    /// The client's own topic. SUB matches prefixes; this is the whole.
    topic: Box<[u8]>,
    streams: Streams,
    pub(super) batch: Vec<Message>,
}

/// One call under way; dropping it ends it.
#[derive(Debug)]
pub(super) struct Call<L: AsRef<Link>> {
    link: L,
    number: u64,
}

impl Link {
    pub(super) fn new(push: Socket, subscription: Socket, wakeup: (Waker, Wakeup), topic: &str) -> Self {
        let ids = Ids::new();
        let (waker, wakeup) = wakeup;
        let inbox = Inbox {
            socket: subscription,
            wakeup,
            topic: topic.as_bytes().into(),
            streams: Streams::default(),
            batch: Vec::new(),
        };
        Self {
            ids,
            outbox: Outbox::new(push),
            calls: Mutex::new(Calls::new(ids)),
            inbox: Mutex::new(inbox),
            waker,
            driver: Mutex::new(None),
        }
    }

    /// Makes whoever waits for that call look again.
    pub(super) fn poke(&self, call: u64) {
        let (waiter, leads) = self.calls().poke(call);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
        if leads {
            self.waker.wake();
        }
    }

    fn receive(&self, call: u64, into: &mut VecDeque<Message>, until: Option<Instant>) {
        let mut lead: Option<MutexGuard<'_, Inbox>> = None;
        let mut woken = Vec::new();
        let mut calls = self.calls();
        while !calls.take(call, into) {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            if lead.is_none() && calls.lead(call) {
                // Free: whoever led before let go of it before it stepped down.
                lead = Some(self.inbox());
            }
            let Some(inbox) = lead.as_mut() else {
                let rouse = calls.sleep(call);
                drop(calls);
                self.rouse(rouse);
                match left {
                    Some(left) => thread::park_timeout(left),
                    None => thread::park(),
                }
                calls = self.calls();
                continue;
            };
            drop(calls);
            woken.drain(..).for_each(Waiter::wake);
            inbox.read(left);
            calls = self.calls();
            woken.extend(inbox.batch.drain(..).filter_map(|message| calls.deliver(message)));
        }
        if lead.take().is_some() {
            calls.step_down();
        }
        let successor = calls.successor();
        drop(calls);
        woken.into_iter().for_each(Waiter::wake);
        self.succeed(successor);
    }

    fn poll(&self, call: u64, context: &Context<'_>, into: &mut VecDeque<Message>, until: Option<Instant>) -> Poll<()> {
        let mut calls = self.calls();
        if calls.take(call, into) || until.is_some_and(|until| until <= Instant::now()) {
            return Poll::Ready(());
        }
        let rouse = calls.wait(call, context.waker(), until);
        drop(calls);
        self.rouse(rouse);
        Poll::Pending
    }

    /// A call is over for its caller: answered, timed out, or dropped. What still comes of it is dropped.
    // Servers are not told: on the classic sockets there is no word for it.
    fn withdraw(&self, call: u64) {
        self.calls().close(call);
    }

    /// The client is gone, and its jobs and futures with it.
    pub(super) fn retire(&self) {
        let rouse = self.calls().retire();
        self.rouse(rouse);
    }

    pub(super) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.get_mut().unwrap_or_else(PoisonError::into_inner) {
            driver.unpark();
        }
    }
}

impl Inbox {
    /// Reads a batch, waiting for its first message if there is none.
    pub(super) fn read(&mut self, timeout: Option<Duration>) {
        self.drain();
        if self.batch.is_empty() {
            wait(&[Interest { socket: &self.socket, read: true, write: false }], &self.wakeup, timeout);
            // Comings and goings of the publisher: libzmq connects again by itself.
            let _ = self.socket.peer_events();
            self.drain();
        }
    }

    fn drain(&mut self) {
        while self.batch.len() < BATCH {
            match self.socket.receive(|_| false) {
                Received::Message(incoming) if *incoming.head == *self.topic => {
                    match self.streams.decode(incoming.body) {
                        Ok(message) => self.batch.push(message),
                        Err(error) => tracing::warn!(%error, "an answer was not understood"),
                    }
                }
                Received::Message(_) => {}
                Received::Malformed(_) => tracing::warn!("an answer of the wrong number of frames was dropped"),
                Received::Empty => break,
            }
        }
    }
}

impl<L: AsRef<Link>> Call<L> {
    pub(super) fn open(link: L) -> Self {
        let number = link.as_ref().calls().open();
        Self { link, number }
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn id(&self, sequence: u32) -> [u8; 16] {
        self.link.as_ref().ids.id(Place { call: self.number, sequence })
    }

    /// Waits for answers, until then at most (`None`: no limit), and moves them to the empty `into`. It stays empty if the
    /// time is up, and after a [`poke`](Link::poke).
    pub(super) fn receive(&self, into: &mut VecDeque<Message>, until: Option<Instant>) {
        self.link.as_ref().receive(self.number, into, until);
    }

    /// The same for a task.
    pub(super) fn poll(&self, context: &Context<'_>, into: &mut VecDeque<Message>, until: Option<Instant>) -> Poll<()> {
        self.link.as_ref().poll(self.number, context, into, until)
    }
}

impl<L: AsRef<Link>> Drop for Call<L> {
    fn drop(&mut self) {
        self.link.as_ref().withdraw(self.number);
    }
}

impl AsRef<Self> for Link {
    fn as_ref(&self) -> &Self {
        self
    }
}

//! The sockets of a client and the calls that share them.
//!
//! Unless futures are used, no thread of its own reads the answers. Whoever waits for one and finds nobody reading takes the
//! lead: it reads for all, hands the others theirs, and passes the lead on when it has its own. What is asked is sent by who
//! asks.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::calls::Waiter;
use super::core::Core;
use super::draft::Draft;
use super::flusher::Flusher;
use super::id::{Ids, Place};
use super::inbox::Inbox;
use super::line::Line;
use super::outbox::Outbox;
use super::payload::Payload;
use super::wire::Wire;
use crate::engine::link::Frame;
use crate::socket::Waker;

/// What one job has written and not submitted; whoever reads submits it too.
pub(super) type Tray = Mutex<Draft>;

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) ids: Ids,
    /// Where messages go that do not go over the link.
    pub(super) outbox: Option<Outbox>,
    wires: Vec<Wire>,
    core: Mutex<Core>,
    inbox: Mutex<Inbox>,
    trays: Mutex<Vec<Arc<Tray>>>,
    /// The component has everything that was asked: what comes next is sent at once.
    pub(super) idle: Arc<AtomicBool>,
    pub(super) flusher: Arc<Flusher>,
    pub(super) waker: Waker,
    /// Started by the first future.
    pub(super) driver: Mutex<Option<Thread>>,
}

/// One call under way; dropping it ends it.
#[derive(Debug)]
pub(super) struct Call<C: AsRef<Connection>> {
    connection: C,
    number: u32,
    /// Its caller has what it wanted.
    done: bool,
}

impl Connection {
    pub(super) fn new(
        ids: Ids,
        core: Core,
        outbox: Option<Outbox>,
        wires: Vec<Wire>,
        inbox: Inbox,
        waker: Waker,
    ) -> Self {
        Self {
            ids,
            outbox,
            wires,
            core: Mutex::new(core),
            inbox: Mutex::new(inbox),
            trays: Mutex::new(Vec::new()),
            idle: Arc::new(AtomicBool::new(true)),
            flusher: Arc::default(),
            waker,
            driver: Mutex::new(None),
        }
    }

    /// Makes whoever waits for that call look again.
    pub(super) fn poke(&self, call: u32) {
        let (waiter, leads) = self.core().calls.poke(call);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
        if leads {
            self.waker.wake();
        }
    }

    fn receive(&self, call: u32, into: &mut VecDeque<Answer>, until: Option<Instant>) {
        let mut lead: Option<MutexGuard<'_, Inbox>> = None;
        let mut woken = Vec::new();
        let mut core = self.core();
        while !core.calls.take(call, into) {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            if lead.is_none() && core.calls.lead(call) {
                // Free: whoever led before let go of it before it stepped down.
                lead = Some(self.inbox());
            }
            let Some(inbox) = lead.as_mut() else {
                let rouse = core.calls.sleep(call);
                drop(core);
                self.rouse(rouse);
                match left {
                    Some(left) => thread::park_timeout(left),
                    None => thread::park(),
                }
                core = self.core();
                continue;
            };
            drop(core);
            woken.drain(..).for_each(Waiter::wake);
            inbox.read(&self.wires, left);
            core = self.hand_out(inbox, &mut woken);
        }
        if lead.take().is_some() {
            core.calls.step_down();
        }
        self.taken(&mut core);
        let successor = core.calls.successor();
        drop(core);
        woken.into_iter().for_each(Waiter::wake);
        self.succeed(successor);
    }

    /// Hands out what was read, and sends what that leads to.
    pub(super) fn hand_out(&self, inbox: &mut Inbox, woken: &mut Vec<Waiter>) -> MutexGuard<'_, Core> {
        let mut core = self.core();
        if !inbox.hand_out(&mut core, woken) {
            return core;
        }
        self.idle.store(core.is_idle(), Relaxed);
        drop(core);
        self.submit_trays();
        self.flush(false, true);
        self.core()
    }

    pub(super) fn read(&self, inbox: &mut Inbox, timeout: Option<Duration>) {
        inbox.read(&self.wires, timeout);
    }

    fn poll(&self, call: u32, context: &Context<'_>, into: &mut VecDeque<Answer>, until: Option<Instant>) -> Poll<()> {
        let mut core = self.core();
        if core.calls.take(call, into) || until.is_some_and(|until| until <= Instant::now()) {
            self.taken(&mut core);
            return Poll::Ready(());
        }
        let rouse = core.calls.wait(call, context.waker(), until);
        drop(core);
        self.rouse(rouse);
        Poll::Pending
    }

    /// Answers were taken: their frames are done with.
    fn taken(&self, core: &mut Core) {
        core.done();
        if core.lines.iter().any(Line::is_ack_due) {
            self.flusher.leave();
        } else if core.lines.iter().any(Line::owes_ack) {
            self.flusher.owe();
        }
    }

    /// Submits what was written of a call. False if the call is over.
    pub(super) fn submit(&self, draft: &mut Draft) -> bool {
        let Some(written) = draft.take() else { return true };
        let mut core = self.core();
        let stream = core.submit(written);
        self.idle.store(core.is_idle(), Relaxed);
        drop(core);
        draft.set_stream(stream.unwrap_or_default());
        stream.is_some()
    }

    /// Asks one thing at once.
    pub(super) fn ask(&self, mut draft: Draft, payload: &[u8]) {
        draft.write(Payload::Copied(payload));
        self.submit(&mut draft);
        self.flush(false, false);
    }

    /// Asks one thing, together with others if there are more soon.
    pub(super) fn ask_soon(&self, mut draft: Draft, payload: &[u8]) {
        draft.write(Payload::Copied(payload));
        let idle = self.idle.load(Relaxed);
        self.submit(&mut draft);
        if idle {
            self.flush(false, false);
        } else {
            self.flusher.leave();
        }
    }

    /// Submits what lies in the trays. Whether something did.
    pub(super) fn submit_trays(&self) -> bool {
        let mut some = false;
        for tray in &*self.trays() {
            let mut draft = tray.lock().unwrap_or_else(PoisonError::into_inner);
            some |= !draft.is_empty();
            self.submit(&mut draft);
        }
        some
    }

    /// Hands frames to the sockets. `at_rest`: nothing else will be said soon; `leads`: the caller is who reads. Whether there
    /// were some.
    pub(super) fn flush(&self, at_rest: bool, leads: bool) -> bool {
        let mut some = false;
        for (line, wire) in self.wires.iter().enumerate() {
            let readable = wire.send(|frames| self.core().lines[line].take_frames(at_rest, frames));
            some |= readable.is_some();
            if readable == Some(true) && !leads && self.core().calls.is_led() {
                self.waker.wake();
            }
        }
        some
    }

    /// A place for what a job writes.
    pub(super) fn tray(&self, draft: Draft) -> Arc<Tray> {
        let tray = Arc::new(Mutex::new(draft));
        self.trays().push(tray.clone());
        tray
    }

    /// A call is over for its caller. What still comes of it is dropped; the component is told if it was `given_up`.
    fn withdraw(&self, call: u32, given_up: bool) {
        let mut core = self.core();
        let told = core.close(call, given_up);
        self.taken(&mut core);
        drop(core);
        if told {
            self.flush(false, false);
        }
        self.trays().retain(|tray| Arc::strong_count(tray) > 1);
    }

    /// When a component last said that it still works on something.
    pub(super) fn alive(&self) -> Option<Instant> {
        self.core().alive()
    }

    pub(super) fn is_backed_up(&self) -> bool {
        self.core().is_backed_up()
    }

    /// The client is gone, and its jobs and futures with it.
    pub(super) fn retire(&self) {
        let rouse = self.core().calls.retire();
        self.rouse(rouse);
    }

    pub(super) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trays(&self) -> MutexGuard<'_, Vec<Arc<Tray>>> {
        self.trays.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.get_mut().unwrap_or_else(PoisonError::into_inner) {
            driver.unpark();
        }
        self.flush(true, true);
        for wire in &self.wires {
            wire.send(|frames| frames.push(Frame::Bye.write().into()));
        }
    }
}

impl<C: AsRef<Connection>> Call<C> {
    pub(super) fn open(connection: C, function: &str) -> Self {
        let number = connection.as_ref().core().open(function);
        Self { connection, number, done: false }
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn id(&self, sequence: u32) -> [u8; 16] {
        self.connection.as_ref().ids.id(Place { call: self.number, sequence })
    }

    /// Its caller has what it wanted: nothing that is still under way is taken back.
    pub(super) const fn done(&mut self) {
        self.done = true;
    }

    /// Waits for answers, until then at most (`None`: no limit), and moves them to the empty `into`. It stays empty if the
    /// time is up, and after a [`poke`](Connection::poke).
    pub(super) fn receive(&self, into: &mut VecDeque<Answer>, until: Option<Instant>) {
        self.connection.as_ref().receive(self.number, into, until);
    }

    /// The same for a task.
    pub(super) fn poll(&self, context: &Context<'_>, into: &mut VecDeque<Answer>, until: Option<Instant>) -> Poll<()> {
        self.connection.as_ref().poll(self.number, context, into, until)
    }
}

impl<C: AsRef<Connection>> Drop for Call<C> {
    fn drop(&mut self) {
        self.connection.as_ref().withdraw(self.number, !self.done);
    }
}

impl AsRef<Self> for Connection {
    fn as_ref(&self) -> &Self {
        self
    }
}

//! One component at work: reads its sockets, keeps its time, and hands out user code to run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::inbox::{Ask, Given, Inbox};
use super::sockets::Sockets;
use crate::engine::{Access, Counter, Done, Engine, Inlets, Job, RESULT_PATIENCE, Stats};
use crate::error::Result;
use crate::socket::{PeerEvent, Received, Wakeup};

/// Messages read from one socket before the next one has its turn.
const BATCH: usize = 64;
/// Bytes of them, unless one message alone has more.
const BATCH_BYTES: usize = 1 << 20;
/// How long what parts have collected for a peer may wait for more, while there is something to do.
const FLUSH_EVERY: Duration = Duration::from_micros(200);
/// How long an acknowledgement may wait for a frame to go with. Alone it wakes up a peer that has nothing else to do, and one of
/// many workers gets its next row only after some 10 ms.
const REST: Duration = Duration::from_millis(20);
/// How often it is said who is waited for.
const REMINDER: Duration = Duration::from_secs(10);
/// How long a component that was told to end may take to hand over what it has.
const DRAIN: Duration = Duration::from_secs(25);
/// How long of that it waits for peers that do not take their results.
const FLUSH: Duration = Duration::from_secs(5);

/// What the thread that drives the reactor has to do next.
pub(super) enum Next {
    /// Run user code, off the reactor, and bring back what it gave.
    Run(Job),
    /// Let another thread run user code, and call again.
    Share(Job),
    /// Let a task run user code, and call again.
    #[cfg(feature = "tokio")]
    Spawn(Job),
    /// Give up the tasks that are under way, and call again.
    #[cfg(feature = "tokio")]
    Abort,
    /// Call again.
    Again,
    /// The component has ended, or cannot go on.
    Ended(Result<()>),
}

pub(super) struct Reactor {
    engine: Engine,
    sockets: Sockets,
    inlets: Inlets,
    wakeup: Wakeup,
    flushed: Instant,
    /// When what was left to go with something else is sent alone.
    rest: Option<Instant>,
    /// When it is said next who is waited for, until everybody has been there.
    reminder: Option<Instant>,
    drain: Option<Drain>,
}

/// The end of a component, step by step.
struct Drain {
    since: Instant,
    /// Since when nothing is left but what peers do not take.
    flushing: Option<Instant>,
    outstanding: usize,
    /// When the last result of a worker came.
    last_result: Instant,
    #[cfg(feature = "tokio")]
    gave_up_tasks: bool,
}

impl Drain {
    /// When what is still being worked on is given up, so that there is time left to say so.
    fn late(&self) -> Instant {
        self.since + (DRAIN - FLUSH)
    }
}

impl Drain {
    /// How long what was handed to sockets may take to leave them.
    fn left(&self) -> Duration {
        let flushing = self.flushing.map_or(Duration::ZERO, |since| since.elapsed());
        FLUSH.saturating_sub(flushing).min(DRAIN.saturating_sub(self.since.elapsed()))
    }
}

impl Reactor {
    pub(super) fn new(engine: Engine, sockets: Sockets, inlets: Inlets, wakeup: Wakeup) -> Self {
        let now = Instant::now();
        let reminder = Some(now + REMINDER);
        Self { engine, sockets, inlets, wakeup, flushed: now, rest: None, reminder, drain: None }
    }

    pub(super) fn started(&mut self) {
        if let Some(service) = self.engine.service() {
            guarded("started", || service.started());
        }
    }

    /// One turn: events from other threads, user code, sockets, timers; waits only if there was nothing of these.
    pub(super) fn turn(&mut self, inbox: &Inbox, stats: &Stats) -> Next {
        let now = Instant::now();
        if inbox.take_stop() {
            self.drain(now);
        }
        while let Some(Ask { part, asker, answer }) = inbox.take_ask() {
            // Whoever asked may have stopped waiting.
            let _ = answer.send(self.engine.answer(part, &asker, now, &mut self.sockets));
        }
        // What makes room comes before what needs it, so that nothing is left lying when the reactor waits.
        self.engine.timers(now, &mut self.sockets);
        for part in self.sockets.parts_that_write() {
            self.engine.resume(part, now, &mut self.sockets);
        }
        while let Some(given) = inbox.given(|part| !self.engine.is_blocked(part)) {
            match given {
                Given::Batch { part, task, results } => {
                    self.engine.results(part, task, results, now, &mut self.sockets);
                }
                Given::Finished(finished) => self.engine.finished(finished, now, &mut self.sockets),
                Given::Done(done) => self.engine.finish(done, now, &mut self.sockets),
            }
        }
        if let Some(error) = self.engine.failure(now) {
            return Next::Ended(Err(error));
        }
        if self.engine.is_unflushed() && now >= self.flushed + FLUSH_EVERY {
            self.flush(false, now);
        }
        if let Some(job) = self.engine.next_job(now, &mut self.sockets) {
            return match job.access() {
                #[cfg(feature = "tokio")]
                Access::Async => Next::Spawn(job),
                Access::Shared if self.engine.has_threads() => Next::Share(job),
                _ => Next::Run(job),
            };
        }
        let read = self.take_in(now) | self.read(now, stats);
        self.remind(now);
        if self.engine.is_exhausted() {
            self.drain(now);
        }
        #[cfg(feature = "tokio")]
        if self.gives_up_tasks(now) {
            return Next::Abort;
        }
        if self.has_ended(now, stats) {
            return Next::Ended(Ok(()));
        }
        if !read && !self.engine.has_job() {
            self.rest(now);
            self.wait(now);
        }
        Next::Again
    }

    /// Says who is waited for.
    fn remind(&mut self, now: Instant) {
        if self.reminder.is_none_or(|at| now < at) {
            return;
        }
        self.reminder = None;
        for address in self.sockets.awaited() {
            tracing::warn!("waiting for the component at {address}");
            self.reminder = Some(now + REMINDER);
        }
    }

    /// There is nothing to do. What is only an acknowledgement then waits for something that it can go with.
    fn rest(&mut self, now: Instant) {
        let at_rest = self.drain.is_some() || self.rest.is_some_and(|rest| now >= rest);
        self.flush(at_rest, now);
        let waits = self.engine.owes() || self.engine.is_unflushed();
        self.rest = waits.then(|| self.rest.filter(|_| !at_rest).unwrap_or(now + REST));
    }

    fn flush(&mut self, at_rest: bool, now: Instant) {
        if self.engine.is_unflushed() {
            self.flushed = now;
        }
        self.engine.flush(at_rest, now, &mut self.sockets);
    }

    pub(super) fn finish(&mut self, done: Done) {
        self.engine.finish(done, Instant::now(), &mut self.sockets);
    }

    /// Another thread has been in user code for long.
    pub(super) fn relieve(&mut self) {
        self.engine.relieve(Instant::now(), &mut self.sockets);
    }

    pub(super) fn close(mut self) {
        self.engine.close(Instant::now(), &mut self.sockets);
        if let Some(service) = self.engine.service() {
            guarded("stopping", || service.stopping());
        }
        self.sockets.set_linger(self.drain.as_ref().map_or(Duration::ZERO, Drain::left));
    }

    /// Takes what other threads have left.
    fn take_in(&mut self, now: Instant) -> bool {
        if !self.inlets.has_heard() {
            return false;
        }
        let (mut taken, mut left) = (false, false);
        for (part, inlet) in self.inlets.iter() {
            for _ in 0..BATCH {
                if !self.engine.takes(part) {
                    break;
                }
                let Some((number, message)) = inlet.take() else { break };
                self.engine.arrived(part, number, message, now, &mut self.sockets);
                taken = true;
            }
            left |= !inlet.is_empty();
        }
        if left {
            self.inlets.look_again();
        }
        taken
    }

    fn read(&mut self, now: Instant, stats: &Stats) -> bool {
        let mut read = false;
        self.sockets.look();
        for (port, part) in self.sockets.ports().iter().copied() {
            for event in self.sockets.peer_events(port) {
                match event {
                    PeerEvent::Accepted(peer) => self.engine.joined(part, port, peer, now, &mut self.sockets),
                    PeerEvent::Gone(peer) => self.engine.gone(part, port, peer, now, &mut self.sockets),
                    PeerEvent::Joined => self.engine.connected(part, port, now, &mut self.sockets),
                }
            }
            let (mut came, mut bytes) = (false, 0);
            for _ in 0..BATCH {
                if bytes >= BATCH_BYTES || !self.engine.wants(part) {
                    break;
                }
                match self.sockets.receive(port) {
                    Received::Message(incoming) => {
                        bytes += incoming.body.len();
                        self.engine.receive(part, port, incoming, now, &mut self.sockets);
                    }
                    Received::Malformed(incoming) => {
                        stats.add(Counter::Undecodable, 1);
                        tracing::warn!("dropped a message of the wrong number of frames");
                        self.engine.malformed(part, port, incoming, now, &mut self.sockets);
                    }
                    Received::Empty => break,
                }
                came = true;
            }
            if came {
                self.engine.settle(now, &mut self.sockets);
            }
            read |= came;
        }
        read
    }

    fn wait(&mut self, now: Instant) {
        let drain = self.drain.as_ref().map(|_| now + Duration::from_millis(20));
        let until = self.engine.next_deadline().into_iter().chain(drain).chain(self.rest).chain(self.reminder).min();
        let timeout = until.map(|until| until.saturating_duration_since(now));
        self.sockets.wait(|part| self.engine.wants(part), &self.wakeup, timeout);
    }

    fn drain(&mut self, now: Instant) {
        if self.drain.is_none() {
            self.engine.drain();
            for (part, number) in self.inlets.close(|part| self.engine.is_inbound(part)) {
                self.engine.arrived(part, number, None, now, &mut self.sockets);
            }
            let (outstanding, _) = self.engine.outstanding();
            self.drain = Some(Drain {
                since: now,
                flushing: None,
                outstanding,
                last_result: now,
                #[cfg(feature = "tokio")]
                gave_up_tasks: false,
            });
        }
    }

    /// Whether tasks have taken longer than a component that was told to end waits for them; says so once.
    #[cfg(feature = "tokio")]
    fn gives_up_tasks(&mut self, now: Instant) -> bool {
        let tasks = self.engine.running_tasks();
        let Some(drain) = self.drain.as_mut().filter(|drain| tasks > 0 && now >= drain.late()) else { return false };
        let first = !std::mem::replace(&mut drain.gave_up_tasks, true);
        if first {
            tracing::warn!("gave up {tasks} calls of async methods that had not ended after {:?}", DRAIN - FLUSH);
        }
        first
    }

    /// Whether everything that can be handed over has been.
    fn has_ended(&mut self, now: Instant, stats: &Stats) -> bool {
        let Some(drain) = &mut self.drain else { return false };
        let (outstanding, held) = self.engine.outstanding();
        if outstanding != drain.outstanding {
            (drain.outstanding, drain.last_result) = (outstanding, now);
        }
        // Workers that have something take the time they need; what has no worker is waited for only briefly.
        let waits_for_results = held > 0 || (outstanding > 0 && now < drain.last_result + RESULT_PATIENCE);
        let late = now >= drain.late();
        if outstanding > 0 && (late || !waits_for_results) {
            tracing::warn!("ended with {outstanding} messages that workers have not done");
            self.engine.abandon(now, &mut self.sockets);
            return false;
        }
        if late {
            let refused = self.engine.refuse_calls();
            if refused > 0 {
                tracing::warn!("ended with {refused} calls that had not begun");
                return false;
            }
        }
        if now >= drain.since + DRAIN {
            let (running, waiting) = self.engine.work();
            tracing::warn!(
                "ended after {DRAIN:?} with {running} calls under way, {waiting} messages behind them, and {} bytes of \
                 results that nobody took",
                stats.holding()
            );
            return true;
        }
        if self.engine.is_working() || waits_for_results {
            drain.flushing = None;
            return false;
        }
        if self.engine.is_idle() {
            return true;
        }
        let since = *drain.flushing.get_or_insert(now);
        if now >= since + FLUSH {
            tracing::warn!("ended with {} bytes of results that nobody took within {FLUSH:?}", stats.holding());
            return true;
        }
        false
    }
}

/// Runs a hook of the user's; a panic is logged.
fn guarded(hook: &str, run: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        tracing::error!(hook, "User function gave an error: {}", crate::engine::panic_text(&*panic));
    }
}

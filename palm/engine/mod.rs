//! The decisions of a component, without I/O.
//!
//! The engine gets events (a message came in on a port, a connection ended, user code is done, time passed) and calls its
//! parts, which send through a [`Transport`]. It knows no socket, no clock and no thread, so that its tests drive whole
//! clusters step by step.

#[cfg(feature = "tokio")]
mod asynchronous;
mod batch;
mod calls;
mod collected;
mod crew;
mod debt;
mod dispatch;
mod envelope;
mod faults;
mod flight;
mod freight;
mod hold;
mod inlet;
mod job;
pub(crate) mod link;
mod numbered;
mod object;
mod orders;
mod part;
mod router;
mod run;
mod shelf;
mod stats;
#[cfg(test)]
mod tests;
mod topics;
mod turns;
mod watch;
mod width;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(feature = "tokio")]
pub(crate) use asynchronous::Host;
pub use batch::Batch;
pub(crate) use batch::{Item, no_items};
pub(crate) use crew::{Credit, CrewLimits, WorkerId};
pub(crate) use debt::Debt;
pub(crate) use dispatch::HandOut;
pub use envelope::{Contents, Envelope, Origin, PartId};
pub(crate) use faults::Faults;
pub(crate) use flight::Sequence;
pub(crate) use hold::{Addressee, Answer, Hold, Limits, Outcome};
pub(crate) use inlet::Inlets;
pub use inlet::{Inlet, NotTaken};
pub(crate) use job::{Access, Done, Finished, Job, Runner, Task, panic_text, report};
pub(crate) use numbered::Numbered;
pub(crate) use object::Object;
pub(crate) use part::Place;
pub use part::{Bound, Opening, Part, Port, Transport, Turn};
pub(crate) use router::{Exit, Router, Row};
pub(crate) use shelf::Shelf;
pub(crate) use stats::STATS_KEY;
pub use stats::{Counter, Stats};
pub(crate) use watch::Watch;
pub(crate) use width::Width;

use self::router::Step;
use self::run::Run;
use crate::error::Error;
use crate::service::Service;
use crate::socket::{Incoming, Peer};
use crate::wire::Message;

/// Bytes of payloads of calls that may be waiting for their turn before inbound parts pause, those of calls under way among
/// them, for each thread and for each task.
const MAX_ORDER_BYTES: usize = 8 << 20;
const MAX_TASK_BYTES: usize = 256 << 10;

/// One component at work.
pub(crate) struct Engine {
    core: Router,
    parts: Vec<Box<dyn Part>>,
    /// Panics of each part that no message is to blame for.
    faults: Vec<Faults>,
    /// A part has failed too often.
    failed: Option<Error>,
    /// The parts that a message from each part can reach.
    reach: Vec<Vec<PartId>>,
    /// The user's object; out while a call has it for itself.
    object: Option<Object>,
    /// Calls that may share the object at a time.
    width: Width,
    /// User code that is out, on threads and as tasks; its results will come.
    running: usize,
    running_tasks: usize,
    /// The calls that are out with the object.
    run: Arc<Run>,
    /// Room for those of them that are done.
    finished: Vec<Finished>,
    /// No new message is taken in; what is inside still leaves.
    draining: bool,
}

impl Engine {
    /// `width` is for an object that can be shared; any other is for one call at a time.
    pub(crate) fn new(mut core: Router, parts: Vec<Box<dyn Part>>, object: Option<Object>, width: Width) -> Self {
        let shared = object.as_ref().filter(|object| object.is_shared());
        let width = shared.map_or(Width::ALONE, |object| width.of(object.description()));
        core.shares = width.shares();
        let reach = (0..core.rows.len()).map(|part| reach(&core.rows, PartId(part))).collect();
        let faults = parts.iter().map(|_| Faults::default()).collect();
        Self {
            core,
            parts,
            faults,
            failed: None,
            reach,
            object,
            width,
            running: 0,
            running_tasks: 0,
            run: Arc::default(),
            finished: Vec::new(),
            draining: false,
        }
    }

    /// Whether `part` may take more from outside now.
    pub(crate) fn wants(&self, part: PartId) -> bool {
        // The link brings what makes room, too; its frames wait for room by themselves.
        if !self.core.rows[part.0].inbound || self.core.rows[part.0].links {
            return true;
        }
        self.has_room(part)
    }

    /// Whether there is room for what `part` takes in.
    fn has_room(&self, part: PartId) -> bool {
        if (self.draining || self.core.remaining == 0) && !self.core.rows[part.0].results {
            return false;
        }
        // A worker's link brings the acknowledgements that make room too, and no more work than its master gives it credit for.
        if self.core.rows[part.0].hands_back {
            return true;
        }
        self.core.has_room_for_orders()
            && self.core.ordered_bytes < self.max_order_bytes()
            && !self.parts[part.0].is_full()
            && !self.reach[part.0].iter().any(|next| self.is_full(*next))
    }

    fn is_full(&self, part: PartId) -> bool {
        let Row { publishes, hands_out, .. } = self.core.rows[part.0];
        self.parts[part.0].is_full()
            || (publishes && self.core.links.is_full())
            || (hands_out && self.core.dispatch.is_full_with(part, self.core.on_their_way()))
    }

    /// Whether `part` may take what lies in its inlet now: for an outbound part, whether there is room for its feedback.
    pub(crate) fn takes(&self, part: PartId) -> bool {
        if self.core.rows[part.0].inbound { self.wants(part) } else { !self.is_blocked(part) }
    }

    pub(crate) fn is_inbound(&self, part: PartId) -> bool {
        self.core.rows[part.0].inbound
    }

    pub(crate) fn arrived(
        &mut self,
        part: PartId,
        number: u64,
        message: Option<Message>,
        now: Instant,
        transport: &mut dyn Transport,
    ) {
        self.turn(part, now, transport, |part, turn| part.arrived(turn, number, message));
        self.settle(now, transport);
    }

    /// A message came. Frames of the link, which wait for room by themselves, and messages that are collected are
    /// [settled](Self::settle) by who brings them, so that what several of them lead to is done once.
    pub(crate) fn receive(
        &mut self,
        part: PartId,
        port: Port,
        incoming: Incoming,
        now: Instant,
        transport: &mut dyn Transport,
    ) {
        self.turn(part, now, transport, |part, turn| part.receive(turn, port, incoming));
        let Row { links, hands_back, .. } = self.core.rows[part.0];
        if !links && !hands_back && !self.core.is_collecting() {
            self.settle(now, transport);
        }
    }

    pub(crate) fn malformed(
        &mut self,
        part: PartId,
        port: Port,
        incoming: Incoming,
        now: Instant,
        transport: &mut dyn Transport,
    ) {
        self.turn(part, now, transport, |part, turn| part.malformed(turn, port, incoming));
        self.settle(now, transport);
    }

    /// A handshake is done: at a port that connects, the connection stands.
    pub(crate) fn connected(&mut self, part: PartId, port: Port, now: Instant, transport: &mut dyn Transport) {
        self.own_turn(part, now, transport, |part, turn| part.connected(turn, port));
        self.settle(now, transport);
    }

    pub(crate) fn joined(&mut self, part: PartId, port: Port, peer: Peer, now: Instant, transport: &mut dyn Transport) {
        self.own_turn(part, now, transport, |part, turn| part.joined(turn, port, peer));
        self.settle(now, transport);
    }

    /// What the cache says to `asker` of the key of `part`, if that depends on who asks.
    pub(crate) fn answer(
        &mut self,
        part: PartId,
        asker: &str,
        now: Instant,
        transport: &mut dyn Transport,
    ) -> Option<String> {
        let mut answer = None;
        self.own_turn(part, now, transport, |part, turn| answer = part.answer(turn, asker));
        self.settle(now, transport);
        answer
    }

    pub(crate) fn gone(&mut self, part: PartId, port: Port, peer: Peer, now: Instant, transport: &mut dyn Transport) {
        self.core.calls.gone(peer);
        self.own_turn(part, now, transport, |part, turn| part.gone(turn, port, peer));
        self.settle(now, transport);
    }

    pub(crate) fn resume(&mut self, part: PartId, now: Instant, transport: &mut dyn Transport) {
        self.own_turn(part, now, transport, Part::resume);
        self.settle(now, transport);
    }

    /// Calls the parts whose time has come.
    pub(crate) fn timers(&mut self, now: Instant, transport: &mut dyn Transport) {
        for part in 0..self.parts.len() {
            if self.core.deadlines[part].is_some_and(|deadline| deadline <= now) {
                self.core.deadlines[part] = None;
                self.resume(PartId(part), now, transport);
            }
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.core.deadlines.iter().flatten().copied().chain(self.core.watch.next()).min()
    }

    /// Why the component cannot go on, if that is so: a method hangs, and its thread cannot be ended; or a part fails too
    /// often.
    pub(crate) fn failure(&mut self, now: Instant) -> Option<Error> {
        if self.failed.is_some() {
            return self.failed.take();
        }
        let Self { core, parts, reach, .. } = self;
        let Router { watch, rows, links, .. } = core;
        let is_full = |part: &PartId| parts[part.0].is_full() || (rows[part.0].publishes && links.is_full());
        let hung = watch.hung(now, |part| reach[part.0].iter().any(is_full))?;
        let method = core.description.and_then(|description| description.methods.get(hung.method));
        Some(Error::Hung {
            component: core.name.to_string(),
            method: method.map_or("", |method| method.name).to_owned(),
            message: hung.message,
            limit: hung.limit,
        })
    }

    /// Lets the parts that collect what they send hand it over. `at_rest`: nothing will be sent soon.
    pub(crate) fn flush(&mut self, at_rest: bool, now: Instant, transport: &mut dyn Transport) {
        if at_rest {
            for part in std::mem::take(&mut self.core.owing) {
                self.core.flush_soon(part);
            }
        }
        for part in std::mem::take(&mut self.core.unflushed) {
            self.own_turn(part, now, transport, |part, turn| part.flush(turn, at_rest));
        }
        self.settle(now, transport);
    }

    /// Where the link is reached, for those who ask the publisher.
    pub(crate) fn set_link_address(&mut self, address: Option<String>) {
        self.core.link_address = address;
    }

    /// Whether there is something to flush.
    pub(crate) fn is_unflushed(&self) -> bool {
        !self.core.unflushed.is_empty()
    }

    /// Whether there is something that is to be sent only if nothing else is.
    pub(crate) fn owes(&self) -> bool {
        !self.core.owing.is_empty()
    }

    /// From now on only what is inside leaves. Work that a master will have done by others is not begun.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        self.hand_back();
    }

    fn hand_back(&mut self) {
        let Router { orders, rows, ordered_bytes, .. } = &mut self.core;
        for order in orders.take_each() {
            let origin = order.envelope.origin.as_ref();
            match origin.filter(|origin| rows[origin.part().0].hands_back) {
                Some(origin) => {
                    origin.silence();
                    *ordered_bytes -= order.envelope.message.payload().len();
                }
                None => orders.push(order),
            }
        }
    }

    /// The component ends: the parts say what is left to be said.
    pub(crate) fn close(&mut self, now: Instant, transport: &mut dyn Transport) {
        self.flush(true, now, transport);
        for part in 0..self.parts.len() {
            self.turn(PartId(part), now, transport, Part::close);
        }
    }

    /// Whether the number of messages that the component was to take has come.
    pub(crate) const fn is_exhausted(&self) -> bool {
        self.core.remaining == 0
    }

    /// Whether what `part` gives has nowhere to go now.
    pub(crate) fn is_blocked(&self, part: PartId) -> bool {
        let own = self.core.rows[part.0].gather || self.core.rows[part.0].handle_stream;
        (own && self.is_full(part)) || self.reach[part.0].iter().any(|next| self.is_full(*next))
    }

    /// Whether user code is waiting or running.
    pub(crate) fn is_working(&self) -> bool {
        self.is_running() || !self.core.orders.is_empty()
    }

    /// Whether nothing is left inside.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_working()
            && !self.is_unflushed()
            && !self.owes()
            && self.core.links.is_flushed()
            && self.parts.iter().all(|part| part.is_idle())
    }

    /// Messages that workers still owe a result for, and how many of them a worker has.
    pub(crate) fn outstanding(&self) -> (usize, usize) {
        let others: usize = self.parts.iter().map(|part| part.outstanding()).sum();
        (self.core.dispatch.len() + others, self.core.dispatch.held() + others)
    }

    /// Sessions of linked peers.
    #[cfg(test)]
    pub(crate) fn sessions(&self) -> usize {
        self.core.links.len()
    }

    /// Requests of linked peers that are followed.
    #[cfg(test)]
    pub(crate) fn owed(&self) -> usize {
        self.core.debts.len()
    }

    /// Calls that are under way, and what waits behind them.
    pub(crate) fn work(&self) -> (usize, usize) {
        (self.running, self.core.orders.len())
    }

    /// Answers the calls that have not begun with an error, in their places; says how many.
    pub(crate) fn refuse_calls(&mut self) -> usize {
        self.core.refuse_calls()
    }

    /// Answers what workers still owe with an error.
    pub(crate) fn abandon(&mut self, now: Instant, transport: &mut dyn Transport) {
        for given_up in self.core.dispatch.abandon() {
            self.core.give_up(given_up);
        }
        for part in 0..self.parts.len() {
            self.turn(PartId(part), now, transport, Part::abandon);
        }
        self.settle(now, transport);
    }

    /// The user's object, to be told that its component stops.
    pub(crate) fn service(&mut self) -> Option<&mut dyn Service> {
        self.object.as_mut().and_then(Object::alone)
    }

    /// Calls a part, which may be the user's, or run hooks of the user's: a panic costs one message, not the component. Gives
    /// its text, if there was one.
    fn turn(
        &mut self,
        part: PartId,
        now: Instant,
        transport: &mut dyn Transport,
        call: impl FnOnce(&mut dyn Part, &mut Turn<'_>),
    ) -> Option<String> {
        let mut turn = Turn { core: &mut self.core, transport, part, now };
        let called = &mut *self.parts[part.0];
        let panic = catch_unwind(AssertUnwindSafe(|| call(called, &mut turn))).err()?;
        let text = panic_text(&*panic);
        self.core.stats.add(Counter::Errors, 1);
        tracing::error!(part = self.core.part_name(part), "User function gave an error: {text}");
        Some(text)
    }

    /// The same where no message is to blame: a part that panics so too often would do so for ever.
    fn own_turn(
        &mut self,
        part: PartId,
        now: Instant,
        transport: &mut dyn Transport,
        call: impl FnOnce(&mut dyn Part, &mut Turn<'_>),
    ) {
        if let Some(text) = self.turn(part, now, transport, call)
            && self.faults[part.0].note(now).is_none()
        {
            let (component, part) = (self.core.name.to_string(), self.core.part_name(part).to_owned());
            self.failed.get_or_insert(Error::PartFailed { component, part, text });
        }
    }

    /// Takes every message within the router to where it goes.
    pub(crate) fn settle(&mut self, now: Instant, transport: &mut dyn Transport) {
        loop {
            self.settle_steps(now, transport);
            if !self.tell_ended(now, transport) && !self.hear_linked(now) && !self.catch_up(now, transport) {
                break;
            }
        }
        self.core.tally.add_to(&self.core.stats);
        self.core.stats.set_in_flight(self.core.dispatch.len());
        self.core.stats.set_holding_linked(self.core.links.held_bytes());
    }

    /// Takes in what linked peers have sent, as far as there is room; says whether something was taken in.
    fn hear_linked(&mut self, now: Instant) -> bool {
        if !self.core.links.has_parked() {
            return false;
        }
        let has_room = |part: Option<PartId>| part.is_none_or(|part| self.has_room(part));
        let (submissions, results) = (has_room(self.core.duties.submits), has_room(self.core.duties.results));
        self.core.hear_next(submissions, results, now)
    }

    /// Lets a part go on that had more work than there was room for; says whether there was one.
    fn catch_up(&mut self, now: Instant, transport: &mut dyn Transport) -> bool {
        if self.draining || !self.core.takes_work() {
            return false;
        }
        let Some(part) = self.core.behind.take() else { return false };
        self.own_turn(part, now, transport, Part::resume);
        true
    }

    fn settle_steps(&mut self, now: Instant, transport: &mut dyn Transport) {
        self.core.route_collected();
        while let Some(step) = self.core.steps.pop_front() {
            match step {
                Step::Deliver(part, mut envelope) => {
                    let debt = envelope.debt;
                    if !self.core.rows[part.0].settles && debt != Debt::NONE {
                        self.core.lose_track(debt, &envelope.message);
                        envelope.debt = Debt::NONE;
                    }
                    self.turn(part, now, transport, |part, turn| part.deliver(turn, envelope));
                }
                Step::DeliverBatch(part, batch) => {
                    self.core.stepped -= batch.len().saturating_sub(1);
                    self.turn(part, now, transport, |part, turn| part.deliver_batch(turn, batch));
                }
                Step::FeedbackBatch(part, batch) => {
                    self.turn(part, now, transport, |part, turn| part.feedback_batch(turn, batch));
                }
                Step::End(envelope) => self.core.settle_branch(envelope.debt, &envelope.message, now),
                Step::Settled(part, client, request, branches, results) => {
                    self.turn(part, now, transport, |part, turn| {
                        part.settled(turn, client, request, branches, results);
                    });
                }
                Step::Resume(part) => {
                    self.core.resuming.retain(|resuming| *resuming != part);
                    self.own_turn(part, now, transport, Part::resume);
                }
                Step::Feedback(part, token, envelope) => {
                    let Contents { message, .. } = envelope.open();
                    self.turn(part, now, transport, |part, turn| part.feedback(turn, token, Some(message)));
                }
            }
        }
    }

    /// Tells who has all the feedback that there will be; says whether there was somebody to tell.
    fn tell_ended(&mut self, now: Instant, transport: &mut dyn Transport) -> bool {
        let ended = self.core.ended.take();
        for (part, token) in &ended {
            self.turn(*part, now, transport, |part, turn| part.feedback(turn, *token, None));
        }
        !ended.is_empty()
    }
}

/// Parts that a message from `part` passes before it leaves the component, or waits for user code.
fn reach(rows: &[Row], part: PartId) -> Vec<PartId> {
    let mut reached = Vec::new();
    let mut exit = rows[part.0].exit;
    while let Exit::Part(next) = exit {
        if reached.contains(&next) {
            break;
        }
        reached.push(next);
        exit = rows[next.0].exit;
    }
    reached
}

/// How long a drain waits for results of workers while none comes.
pub(crate) const RESULT_PATIENCE: Duration = Duration::from_secs(5);

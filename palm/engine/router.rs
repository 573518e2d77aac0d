//! The router: where each message goes next. One table, made at start-up, looked up by number.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::batch::{Batch, Item, Way, no_items};
use super::calls::Calls;
use super::collected::{Collected, Together};
use super::crew::WorkerId;
use super::debt::Debts;
use super::dispatch::{Dispatch, Given, GivenUp, Judgement, LinkResult};
use super::envelope::{Ended, Envelope, Origin, PartId};
use super::flight::Sequence;
use super::freight::Freight;
use super::job::{Task, report};
use super::link::{Links, ResultKind};
use super::orders::{Order, Orders, Series};
use super::stats::{Counter, Stats, Tally};
use super::watch::Watch;
use crate::service::Description;
use crate::wire::{Code, Message, parts_of};

/// Where a part's messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// To an outbound part.
    Part(PartId),
    /// Nowhere within this component.
    Exterior,
}

/// One row of the routing table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: Box<str>,
    pub(crate) inbound: bool,
    pub(crate) exit: Exit,
    pub(crate) log: Option<Box<str>>,
    /// An inbound part that waits for the feedback of each message.
    pub(crate) blocks: bool,
    /// An outbound part that hands messages to workers, and how long they may take for one.
    pub(crate) hands_out: bool,
    pub(crate) work_timeout: Option<Duration>,
    /// An inbound part whose messages others will do, if this component ends before it has begun them.
    pub(crate) hands_back: bool,
    /// The part that binds the link.
    pub(crate) links: bool,
    /// An inbound part whose messages may come in over the link as well.
    pub(crate) submits: bool,
    /// The part that publishes.
    pub(crate) publishes: bool,
    /// A part that sees to it that its messages are settled.
    pub(crate) settles: bool,
    /// A part to which several messages of a stream can be given at once.
    pub(crate) takes_batches: bool,
    /// An inbound part that brings back what an outbound one sent out.
    pub(crate) results: bool,
    /// User code that a message passes on its way: after an inbound part, before an outbound one.
    pub(crate) scatter: bool,
    pub(crate) gather: bool,
    pub(crate) handle_stream: bool,
}

impl Row {
    /// Whether a message passes no user code before it is delivered here, and several can be delivered at once.
    const fn takes_whole_batches(&self) -> bool {
        self.takes_batches && !self.gather && !self.handle_stream
    }
}

/// The part for each of these duties, if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Duties {
    /// Takes in what clients submit, and the link may stand in for its socket.
    pub(crate) submits: Option<PartId>,
    /// Takes in results of workers.
    pub(crate) results: Option<PartId>,
    pub(crate) hands_out: Option<PartId>,
    pub(crate) publishes: Option<PartId>,
    pub(crate) links: Option<PartId>,
}

impl Duties {
    fn of(rows: &[Row]) -> Self {
        let part = |has: fn(&Row) -> bool| rows.iter().position(has).map(PartId);
        Self {
            submits: part(|row| row.submits),
            results: part(|row| row.results),
            hands_out: part(|row| row.hands_out),
            publishes: part(|row| row.publishes),
            links: part(|row| row.links),
        }
    }
}

/// Something for a part to do.
#[derive(Debug)]
pub(super) enum Step {
    Deliver(PartId, Envelope),
    Resume(PartId),
    Feedback(PartId, u64, Envelope),
    /// Nothing else comes of a message.
    End(Envelope),
    /// A batch, to a part that takes it as it is; and as feedback.
    DeliverBatch(PartId, Batch),
    FeedbackBatch(PartId, Batch),
    /// A message that came in over the link of a part is settled: client, request, branches, results.
    Settled(PartId, u64, u64, u32, u32),
}

/// What all parts of a component share.
pub(crate) struct Router {
    pub(crate) name: Arc<str>,
    pub(crate) rows: Vec<Row>,
    pub(crate) duties: Duties,
    pub(crate) stats: Arc<Stats>,
    /// What is not in `stats` yet.
    pub(crate) tally: Tally,
    /// Whether calls may share the user's object.
    pub(crate) shares: bool,
    /// What the user's impl block has.
    pub(crate) description: Option<&'static Description>,
    pub(crate) calls: Calls,
    pub(super) steps: VecDeque<Step>,
    /// Messages in `steps` that are to be delivered, beyond one each, and those in `collected`.
    pub(super) stepped: usize,
    pub(super) ended: Arc<Ended>,
    pub(super) orders: Orders,
    /// Bytes of the payloads in `orders`, and of those of calls under way.
    pub(super) ordered_bytes: usize,
    pub(super) deadlines: Vec<Option<Instant>>,
    /// Messages from inbound parts after which the component stops.
    pub(super) remaining: u64,
    /// What workers have to do.
    pub(crate) dispatch: Dispatch,
    /// Who is linked.
    pub(crate) links: Links,
    /// How long calls take.
    pub(crate) watch: Watch,
    /// What is owed to them.
    pub(crate) debts: Debts,
    /// Where the link is reached.
    pub(crate) link_address: Option<String>,
    /// Parts that have collected something to send.
    pub(super) unflushed: Vec<PartId>,
    /// Parts that have something to send which can wait for something else.
    pub(super) owing: Vec<PartId>,
    /// Parts with a [`Step::Resume`] in `steps`.
    pub(super) resuming: Vec<PartId>,
    /// A part that has more work than there was room for.
    pub(super) behind: Option<PartId>,
    /// What has come from outside and was not routed yet.
    collected: Collected,
    /// Room for what stands before a payload that is sent.
    pub(crate) head: Vec<u8>,
}

/// Calls that may be waiting for their turn before inbound parts pause.
const MAX_ORDERS: usize = 128;

impl Router {
    pub(crate) fn new(
        name: Arc<str>,
        rows: Vec<Row>,
        stats: Arc<Stats>,
        description: Option<&'static Description>,
        messages: u64,
    ) -> Self {
        let deadlines = vec![None; rows.len()];
        let epoch = uuid::Uuid::new_v4().as_u64_pair().0;
        Self {
            name,
            duties: Duties::of(&rows),
            rows,
            stats,
            tally: Tally::default(),
            shares: false,
            description,
            calls: Calls::default(),
            steps: VecDeque::new(),
            stepped: 0,
            ended: Arc::default(),
            orders: Orders::default(),
            ordered_bytes: 0,
            deadlines,
            remaining: messages,
            dispatch: Dispatch::new(epoch),
            links: Links::new(epoch),
            watch: Watch::default(),
            debts: Debts::default(),
            link_address: None,
            unflushed: Vec::new(),
            owing: Vec::new(),
            resuming: Vec::new(),
            behind: None,
            collected: Collected::default(),
            head: Vec::new(),
        }
    }

    pub(crate) fn part_name(&self, part: PartId) -> &str {
        self.rows.get(part.0).map_or("", |row| &row.name)
    }

    /// A message leaves `part`: an inbound part's on its route, an outbound part's as feedback.
    pub(crate) fn route(&mut self, part: PartId, envelope: Envelope) {
        self.route_collected();
        let row = &self.rows[part.0];
        if let Some(text) = &row.log {
            tracing::debug!(part = &*row.name, function = envelope.message.function(), "{text}");
        }
        if row.inbound {
            self.tally.received += 1;
            if !row.results {
                self.remaining = self.remaining.saturating_sub(1);
            }
            if row.scatter {
                return self.order(Task::Scatter, part, envelope);
            }
        }
        self.leave(part, envelope);
    }

    /// A message leaves `part` for good, its user code behind it.
    pub(super) fn leave(&mut self, part: PartId, envelope: Envelope) {
        match self.rows[part.0].exit {
            Exit::Part(next) => match &self.rows[next.0] {
                Row { gather: true, .. } => self.order(Task::Gather, next, envelope),
                Row { handle_stream: true, .. } => self.order(Task::HandleStream, next, envelope),
                _ => self.steps.push_back(Step::Deliver(next, envelope)),
            },
            Exit::Exterior => self.leave_component(envelope),
        }
    }

    /// A message leaves an inbound part on its route, as [`route`](Self::route) has it, but not before one that cannot go
    /// with others, or [`route_collected`](Self::route_collected). It is received, and has a place among what is on its way.
    pub(crate) fn collect(&mut self, part: PartId, message: Message) {
        let (client, _) = parts_of(message.id());
        if !self.collects(part) || !message.is_plain() || client == 0 {
            return self.route(part, message.into());
        }
        self.tally.received += 1;
        if !self.rows[part.0].results {
            self.remaining = self.remaining.saturating_sub(1);
        }
        self.stepped += 1;
        self.collected.add(part, message);
    }

    /// Whether several messages of a stream go together from `part`.
    fn collects(&self, part: PartId) -> bool {
        let Row { exit, scatter, log, .. } = &self.rows[part.0];
        let Exit::Part(next) = exit else { return false };
        !scatter && log.is_none() && self.rows[next.0].takes_whole_batches()
    }

    pub(crate) const fn is_collecting(&self) -> bool {
        !self.collected.is_empty()
    }

    /// Messages that are on their way to a part.
    pub(super) fn on_their_way(&self) -> usize {
        self.steps.len() + self.stepped
    }

    /// What was collected goes on.
    pub(crate) fn route_collected(&mut self) {
        if self.collected.is_empty() {
            return;
        }
        let mut collected = std::mem::take(&mut self.collected);
        for (part, together) in collected.drain() {
            match together {
                Together::One(message) => {
                    self.stepped -= 1;
                    self.leave(part, message.into());
                }
                Together::Several(batch) => {
                    self.stepped -= batch.len();
                    self.leave_batch(part, batch);
                }
            }
        }
        self.collected = collected;
    }

    /// Several messages leave an inbound part on its route.
    pub(crate) fn route_batch(&mut self, part: PartId, batch: Batch) {
        self.route_collected();
        let Row { log, scatter, results, .. } = &self.rows[part.0];
        if log.is_some() || *scatter || batch.len() == 1 {
            return batch.into_envelopes().for_each(|envelope| self.route(part, envelope));
        }
        self.tally.received += batch.len() as u64;
        if !results {
            self.remaining = self.remaining.saturating_sub(batch.len() as u64);
        }
        self.leave_batch(part, batch);
    }

    /// Several messages leave `part` for good.
    pub(super) fn leave_batch(&mut self, part: PartId, batch: Batch) {
        match self.rows[part.0].exit {
            Exit::Part(next) if self.rows[next.0].takes_whole_batches() => {
                self.stepped += batch.len().saturating_sub(1);
                self.steps.push_back(Step::DeliverBatch(next, batch));
            }
            Exit::Exterior
                if let Some(waiting) = batch.waiting()
                    && self.rows[waiting.0].takes_batches =>
            {
                self.steps.push_back(Step::FeedbackBatch(waiting, batch));
            }
            _ => batch.into_envelopes().for_each(|envelope| self.leave(part, envelope)),
        }
    }

    /// It is the feedback of whoever waits for it, or nobody's.
    fn leave_component(&mut self, mut envelope: Envelope) {
        match envelope.origin.take() {
            Some(origin) => self.steps.push_back(Step::Feedback(origin.part(), origin.token(), envelope)),
            None => {
                self.stats.add(Counter::Discarded, 1);
                self.steps.push_back(Step::End(envelope));
            }
        }
    }

    /// The user's gather is done; what it gave still passes `handle_stream`.
    pub(super) fn gathered(&mut self, part: PartId, envelope: Envelope) {
        if self.rows[part.0].handle_stream {
            self.order(Task::HandleStream, part, envelope);
        } else {
            self.steps.push_back(Step::Deliver(part, envelope));
        }
    }

    /// Whether one more call may be put in the queue, if all that is on its way becomes one.
    pub(super) fn has_room_for_orders(&self) -> bool {
        self.orders.len() + self.on_their_way() < MAX_ORDERS
    }

    /// For how many messages of those that the component was to take there is room, in the same sense.
    pub(crate) fn room_for_work(&self) -> usize {
        let room = MAX_ORDERS.saturating_sub(self.orders.len() + self.on_their_way());
        room.min(usize::try_from(self.remaining).unwrap_or(usize::MAX))
    }

    /// Whether there is room for one.
    pub(crate) fn takes_work(&self) -> bool {
        self.room_for_work() > 0
    }

    /// Has a part called once more when there is room for calls again.
    pub(crate) const fn resume_with_room(&mut self, part: PartId) {
        self.behind = Some(part);
    }

    /// Puts user code in the queue, behind what waits there already.
    pub(crate) fn order(&mut self, task: Task, part: PartId, envelope: Envelope) {
        self.ordered_bytes += envelope.message.payload().len();
        self.orders.push(Order { task, part, envelope });
    }

    /// The same for a method that is called with each message of a batch, having the object to itself.
    pub(crate) fn order_series(&mut self, method: usize, part: PartId, batch: Batch) {
        self.ordered_bytes += batch.bytes();
        self.orders.push_series(Series { method, part, batch });
    }

    /// The next call is not made if its caller has given up by now.
    pub(super) fn refuse_late(&mut self, now: Instant) {
        let late = self.orders.front_mut().is_some_and(|order| order.envelope.message.is_late(now));
        if late && let Some(mut order) = self.orders.pop() {
            if self.refuse(&mut order, Code::Late, "the caller's time was used up") {
                self.stats.add(Counter::Late, 1);
            }
            self.orders.push_front(order);
        }
    }

    /// No call that waits is made any more; says how many those were.
    pub(super) fn refuse_calls(&mut self) -> usize {
        let mut refused = 0;
        for mut order in self.orders.take_each() {
            refused += usize::from(self.refuse(&mut order, Code::ShuttingDown, "the component ended"));
            self.orders.push(order);
        }
        self.stats.add(Counter::GivenUp, refused as u64);
        refused
    }

    /// Makes an error of a call, if it is one, that keeps its place.
    fn refuse(&mut self, order: &mut Order, code: Code, why: &str) -> bool {
        let Task::Call(method) = order.task else { return false };
        let method = self.description.and_then(|description| description.methods.get(method));
        let method = method.map_or("", |method| method.name);
        let text = format!("{why} before `{method}` began");
        let bytes = order.envelope.message.payload().len();
        order.envelope.message = report(&order.envelope.message, &self.name, method, code, text);
        order.task = Task::Pass;
        self.ordered_bytes = self.ordered_bytes + order.envelope.message.payload().len() - bytes;
        true
    }

    /// Has the sender of a message told what becomes of it.
    pub(crate) fn origin(&self, part: PartId, token: u64) -> Origin {
        Origin::new(part, token, &self.ended)
    }

    /// The same in place of one that nobody needs any more.
    pub(crate) fn origin_from(&self, spare: Option<Origin>, part: PartId, token: u64) -> Origin {
        match spare.map(|spare| spare.used_again(part, token)) {
            Some(Ok(origin)) => origin,
            _ => self.origin(part, token),
        }
    }

    /// Whether a message from a worker is a result that goes on. How many there will be, a classic worker does not say.
    pub(crate) fn judge(&mut self, message: &mut Message, now: Instant) -> bool {
        let judgement = self.dispatch.judge(message, now);
        self.steps.extend(self.dispatch.take_silent().into_iter().map(Step::End));
        match judgement {
            Judgement::Result(part, debt) => {
                self.lose_track(debt, message);
                part.into_iter().for_each(|part| self.resume(part));
                true
            }
            Judgement::Nothing(part, debt) => {
                self.calls.settled(message.client());
                self.resume(part);
                self.steps.push_back(Step::End(Envelope::new(message.clone(), None, debt)));
                false
            }
            Judgement::Stale => {
                self.stats.add(Counter::Stale, 1);
                tracing::debug!(function = message.function(), "dropped a result that is a copy, or was given up");
                false
            }
        }
    }

    /// Answers a message that no worker can do, on the way that results take.
    pub(crate) fn give_up(&mut self, given_up: GivenUp) {
        self.stats.add(Counter::GivenUp, 1);
        let GivenUp { envelope, code, text } = given_up;
        let method = envelope.message.call().map(|(_, method)| method.to_owned()).unwrap_or_default();
        let message = report(&envelope.message, &self.name, &method, code, text);
        match self.duties.results {
            Some(part) => self.leave(part, envelope.with(message)),
            None => {
                self.stats.add(Counter::Discarded, 1);
                self.steps.push_back(Step::End(envelope.with(message)));
            }
        }
    }

    /// A worker on the link says what it has for a message. Results of one stream are gathered in `batch`, which goes on with
    /// the first that is of another one.
    pub(crate) fn link_result(
        &mut self,
        worker: WorkerId,
        result: LinkResult,
        batch: &mut Option<Batch>,
        now: Instant,
    ) {
        let Some(given) = self.dispatch.link_result(worker, result, now) else {
            self.stats.add(Counter::Stale, 1);
            return;
        };
        let Given { freight, is_result, settled } = given;
        settled.into_iter().for_each(|part| self.resume(part));
        let mut envelope = match freight {
            Freight::Item(way, item) if is_result && settled.is_some() => return self.gather(batch, way, item),
            freight => freight.into_envelope(),
        };
        self.route_gathered(batch);
        let Some(results) = self.duties.results else { return };
        if is_result {
            if settled.is_none() {
                envelope.debt = envelope.debt.not_last();
            }
            self.route(results, envelope);
        } else if settled.is_some() {
            self.calls.settled(envelope.message.client());
            self.steps.push_back(Step::End(envelope));
        }
    }

    /// The same for one that is the last of its message, and no error.
    pub(crate) fn last_result(
        &mut self,
        worker: WorkerId,
        sequence: Sequence,
        attempt: u32,
        payload: Bytes,
        batch: &mut Option<Batch>,
        now: Instant,
    ) {
        match self.dispatch.item_done(worker, sequence, attempt, payload, now) {
            Ok((part, way, item)) => {
                self.resume(part);
                self.gather(batch, way, item);
            }
            Err(payload) => {
                let result = LinkResult { sequence, attempt, kind: ResultKind::Last, payload };
                self.link_result(worker, result, batch, now);
            }
        }
    }

    fn gather(&mut self, batch: &mut Option<Batch>, way: Arc<Way>, item: Item) {
        match batch {
            Some(batch) if batch.goes(&way) => batch.items.push(item),
            _ => {
                self.route_gathered(batch);
                let mut items = no_items();
                items.push(item);
                *batch = Some(Batch { way, items });
            }
        }
    }

    /// The results that were gathered go on.
    pub(crate) fn route_gathered(&mut self, batch: &mut Option<Batch>) {
        if let Some((batch, part)) = batch.take().zip(self.duties.results) {
            self.dispatch.came_together(&batch);
            self.route_batch(part, batch);
        }
    }

    /// Has a part called once more in this turn, for all that is asked until then.
    pub(crate) fn resume(&mut self, part: PartId) {
        if !self.resuming.contains(&part) {
            self.resuming.push(part);
            self.steps.push_back(Step::Resume(part));
        }
    }

    /// What was said to linked peers is to be sent.
    pub(crate) fn flush_links(&mut self) {
        let Some(part) = self.duties.links else { return };
        if self.links.has_unsaid() {
            self.flush_soon(part);
        }
        self.set_owing(part, self.links.owes());
    }

    pub(crate) fn set_owing(&mut self, part: PartId, owes: bool) {
        match self.owing.iter().position(|owing| *owing == part) {
            Some(place) if !owes => drop(self.owing.swap_remove(place)),
            None if owes => self.owing.push(part),
            _ => {}
        }
    }

    pub(crate) fn flush_soon(&mut self, part: PartId) {
        if !self.unflushed.contains(&part) {
            self.unflushed.push(part);
        }
    }

    pub(crate) fn wake_at(&mut self, part: PartId, time: Instant) {
        let deadline = &mut self.deadlines[part.0];
        *deadline = Some(deadline.map_or(time, |earlier| earlier.min(time)));
    }
}

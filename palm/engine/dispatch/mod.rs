//! Work in the hands of workers: what is in flight, who has it, and what becomes of it.

mod crews;
mod strides;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message as _;

use self::crews::Crews;
use self::strides::Strides;
use crate::engine::batch::{Batch, Item, Way};
use crate::engine::crew::{Credit, Crew, CrewLimits, ROW, WorkerId};
use crate::engine::debt::Debt;
use crate::engine::envelope::{Envelope, PartId};
use crate::engine::flight::{Entry, Flight, Sequence, Verdict};
use crate::engine::freight::Freight;
use crate::engine::link::ResultKind;
use crate::wire::{Code, Delivery, Message, RemoteError};

/// Messages that may wait for a worker before the intake pauses, and bytes of their payloads.
const MAX_WAITING: usize = 64;
const MAX_WAITING_BYTES: usize = 8 << 20;

/// How long after the last error for want of a worker the next message gets one at once.
const REFUSING: Duration = Duration::from_secs(1);

/// A message for a worker, and the mark of this hand-out.
#[derive(Debug)]
pub(crate) struct HandOut {
    pub(crate) worker: WorkerId,
    pub(crate) sequence: Sequence,
    pub(crate) delivery: Delivery,
    /// Whether the mark is to be set.
    pub(crate) marked: bool,
}

/// A message that no worker will do, and why.
#[derive(Debug)]
pub(crate) struct GivenUp {
    pub(crate) envelope: Envelope,
    pub(crate) code: Code,
    pub(crate) text: String,
}

/// What a message from a worker is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// A result. The part that handed its message out may have credit again.
    Result(Option<PartId>, Debt),
    /// The message gave no result.
    Nothing(PartId, Debt),
    /// A copy, or of another run of this master: it goes nowhere.
    Stale,
}

/// What a worker on the link says for a message.
#[derive(Debug)]
pub(crate) struct LinkResult {
    pub(crate) sequence: Sequence,
    pub(crate) attempt: u32,
    pub(crate) kind: ResultKind,
    pub(crate) payload: Bytes,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Given {
    /// The result, or, where there is none, the message that was handed out.
    pub(crate) freight: Freight,
    pub(crate) is_result: bool,
    /// The part that handed the message out, if it is settled now.
    pub(crate) settled: Option<PartId>,
}

/// The work of all crews of one component.
#[derive(Debug)]
pub(crate) struct Dispatch {
    flight: Flight,
    crews: Crews,
    strides: Strides,
    /// Whether results bring their mark back. Workers whose protobuf drops unknown fields do not.
    echo: Option<bool>,
    /// Hand-outs that were given to others meanwhile: whoever has them gets the credit back when it answers after all.
    overtaken: HashMap<(Sequence, u32), (PartId, WorkerId, usize)>,
    /// What was not handed out, because its caller's time was used up.
    late: Vec<GivenUp>,
    /// Messages that gave nothing, as is known from the result of a later one.
    silent: Vec<Envelope>,
}

impl Dispatch {
    pub(crate) fn new(epoch: u64) -> Self {
        Self {
            flight: Flight::new(epoch),
            crews: Crews::default(),
            strides: Strides::default(),
            echo: None,
            overtaken: HashMap::new(),
            late: Vec::new(),
            silent: Vec::new(),
        }
    }

    pub(crate) fn set_limits(&mut self, part: PartId, limits: CrewLimits) {
        self.crew(part).set_limits(limits);
    }

    /// Messages taken in and not settled.
    pub(crate) fn len(&self) -> usize {
        self.flight.len()
    }

    /// Messages that a worker has.
    pub(crate) fn held(&self) -> usize {
        let waiting: usize = self.crews.values().map(|crew| crew.waiting().0).sum();
        self.flight.len() - waiting
    }

    pub(crate) fn is_full(&self, part: PartId) -> bool {
        self.is_full_with(part, 0)
    }

    /// The same with so many messages more.
    pub(crate) fn is_full_with(&self, part: PartId, more: usize) -> bool {
        let (messages, bytes) = self.crews.get(part).map(Crew::waiting).unwrap_or_default();
        messages + more >= MAX_WAITING || bytes >= MAX_WAITING_BYTES
    }

    fn crew(&mut self, part: PartId) -> &mut Crew {
        self.crews.of(part)
    }

    /// Takes a message in for the workers of `part`.
    pub(crate) fn submit(&mut self, part: PartId, envelope: Envelope, now: Instant) {
        let freight = Freight::from(envelope);
        let bytes = freight.bytes();
        let sequence = self.flight.insert(part, freight, now);
        self.crew(part).offer(sequence, bytes);
    }

    /// Takes several in.
    pub(crate) fn submit_batch(&mut self, part: PartId, batch: Batch, now: Instant) {
        let Self { flight, crews, .. } = self;
        let crew = crews.of(part);
        let way = batch.way.clone();
        batch.for_each(|item| {
            let bytes = item.payload.len();
            crew.offer(flight.insert(part, Freight::Item(way.clone(), item), now), bytes);
        });
    }

    pub(crate) fn join(&mut self, part: PartId, worker: WorkerId, credit: Credit, now: Instant) {
        self.crew(part).join(worker, credit, now);
    }

    /// How many messages a worker on the link may hold.
    pub(crate) fn linked_messages(&mut self, part: PartId) -> usize {
        self.crew(part).limits.linked_messages
    }

    /// The transport can, or cannot, take messages for a worker.
    pub(crate) fn set_blocked(&mut self, part: PartId, worker: WorkerId, blocked: bool) {
        if blocked {
            self.crew(part).blocked(worker);
        } else {
            self.crew(part).unblocked(worker);
        }
    }

    /// Who of `part` is to get what now. What is too late for that is set aside for [`take_late`](Self::take_late).
    pub(crate) fn next(&mut self, part: PartId, now: Instant) -> Option<HandOut> {
        loop {
            let (worker, sequence) = self.crew(part).next()?;
            match self.flight.get(sequence) {
                Some(entry) if !entry.freight.is_late(now) => {
                    let delivery = self.flight.mark(sequence, entry);
                    return Some(HandOut { worker, sequence, delivery, marked: self.echo != Some(false) });
                }
                late => {
                    let is_late = late.is_some();
                    self.crew(part).withdraw(sequence);
                    if is_late {
                        self.give_up_late(sequence);
                    }
                }
            }
        }
    }

    /// A message that is in flight, without the mark of its hand-out.
    pub(crate) fn freight(&self, sequence: Sequence) -> Option<&Freight> {
        Some(&self.flight.get(sequence)?.freight)
    }

    pub(crate) fn take_late(&mut self) -> Vec<GivenUp> {
        std::mem::take(&mut self.late)
    }

    fn give_up_late(&mut self, sequence: Sequence) {
        if let Some(entry) = self.flight.give_up(sequence) {
            let text = "the caller's time was used up before a worker was free".to_owned();
            self.late.push(GivenUp { envelope: entry.freight.into_envelope(), code: Code::Late, text });
        }
    }

    /// What [`Dispatch::next`] gave was handed over; says whether it had been handed out before.
    pub(crate) fn handed(&mut self, part: PartId, worker: WorkerId, sequence: Sequence, now: Instant) -> bool {
        let crew = self.crews.of(part);
        let ahead = u32::try_from(crew.held(worker)).unwrap_or(u32::MAX);
        let entry = self.flight.handed(sequence, worker, ahead, now);
        let share = entry.map_or(ROW, |entry| self.strides.share(&entry.freight));
        crew.handed(worker, sequence, share, now);
        let Some(entry) = entry else { return false };
        if self.echo != Some(false) {
            return entry.attempt > 1;
        }
        // Whose results cannot be told apart, is done with as soon as it is handed over.
        let bytes = entry.bytes();
        self.flight.forget(sequence);
        self.crew(part).settled(worker, sequence, bytes, now);
        false
    }

    /// Judges a message from a worker, and takes the mark off.
    pub(crate) fn judge(&mut self, message: &mut Message, now: Instant) -> Judgement {
        let Some(delivery) = message.take_delivery() else {
            return self.unmarked(message, now);
        };
        self.echo = Some(true);
        if let Some((part, worker, bytes)) = self.overtaken.remove(&(delivery.sequence, delivery.attempt)) {
            self.crew(part).settled(worker, delivery.sequence, bytes, now);
        }
        match self.flight.result(&delivery) {
            Verdict::First(sequence, entry) => {
                let (part, bytes) = (entry.part, entry.bytes());
                if let Freight::Item(way, _) = &entry.freight {
                    self.strides.learn(&way.header, 1);
                }
                if let Some(holder) = entry.holder.filter(|_| entry.attempt == delivery.attempt) {
                    match delivery.threads {
                        0 | 1 => self.pass_over(part, holder, sequence, now),
                        threads => self.crew(part).shares(holder, threads),
                    }
                }
                match entry.holder {
                    Some(holder) if entry.attempt == delivery.attempt => {
                        self.crew(part).settled(holder, sequence, bytes, now);
                    }
                    Some(holder) => {
                        self.overtaken.insert((sequence, entry.attempt), (part, holder, bytes));
                    }
                    // Its worker was taken for dead, and answered all the same.
                    None => self.crew(part).withdraw(sequence),
                }
                let debt = entry.freight.close();
                if message.is_empty_part() {
                    Judgement::Nothing(part, debt)
                } else {
                    Judgement::Result(Some(part), debt)
                }
            }
            Verdict::Another => Judgement::Result(None, Debt::NONE),
            Verdict::Stale if self.crews.values().any(|crew| !crew.limits.deduplication) => {
                Judgement::Result(None, Debt::NONE)
            }
            Verdict::Stale => Judgement::Stale,
        }
    }

    /// A worker answers in the order of its work: what it got before `sequence`, and has not answered, gave nothing.
    fn pass_over(&mut self, part: PartId, worker: WorkerId, sequence: Sequence, now: Instant) {
        for earlier in self.crew(part).passed_over(worker, sequence) {
            let Some(entry) = self.flight.get(earlier).filter(|entry| entry.holder == Some(worker)) else { continue };
            let bytes = entry.bytes();
            if let Some(entry) = self.flight.forget(earlier) {
                self.silent.push(entry.freight.into_envelope());
            }
            self.crew(part).settled(worker, earlier, bytes, now);
        }
    }

    pub(crate) fn take_silent(&mut self) -> Vec<Envelope> {
        std::mem::take(&mut self.silent)
    }

    /// Drops what waits for a worker and is wanted no more.
    pub(crate) fn cancel(&mut self, is_of: impl Fn(u64, u64) -> bool) -> Vec<Envelope> {
        let mut dropped = Vec::new();
        for part in self.crews.parts() {
            let waits = |entry: &Entry| {
                let (client, request) = entry.freight.asked();
                entry.holder.is_none() && is_of(client, request)
            };
            let waiting: Vec<_> = self.flight.of(part, waits).map(|(sequence, _)| sequence).collect();
            for sequence in waiting {
                self.crew(part).withdraw(sequence);
                dropped.extend(self.flight.give_up(sequence).map(|entry| entry.freight.into_envelope()));
            }
        }
        dropped
    }

    /// A worker on the link has done one of a batch, in its only attempt so far that gave something: that is as
    /// [`link_result`](Self::link_result) has it, for nearly all messages. Gives the result back if it is not so.
    pub(crate) fn item_done(
        &mut self,
        worker: WorkerId,
        sequence: Sequence,
        attempt: u32,
        payload: Bytes,
        now: Instant,
    ) -> Result<(PartId, Arc<Way>, Item), Bytes> {
        let is_item = self.flight.get(sequence).is_some_and(|entry| {
            entry.attempt == attempt
                && entry.holder == Some(worker)
                && entry.has_given_nothing()
                && matches!(entry.freight, Freight::Item(..))
        });
        if !is_item {
            return Err(payload);
        }
        let Some(Entry { part, freight: Freight::Item(way, mut item), .. }) = self.flight.forget(sequence) else {
            return Err(payload);
        };
        let asked = std::mem::replace(&mut item.payload, payload);
        self.crew(part).settled(worker, sequence, asked.len(), now);
        Ok((part, way, item))
    }

    /// A worker has given so many results of a stream together.
    pub(crate) fn came_together(&mut self, results: &Batch) {
        self.strides.learn(&results.way.header, results.len());
    }

    /// Takes what a worker on the link says. `None` if it is a copy, or of nothing that this worker has.
    ///
    /// Results of an attempt that its worker did not live to end stand; the next attempt's results are counted from the
    /// first one, and those that are there already are left out.
    pub(crate) fn link_result(&mut self, worker: WorkerId, result: LinkResult, now: Instant) -> Option<Given> {
        let entry = self.flight.get_mut(result.sequence)?;
        if entry.attempt != result.attempt || entry.holder != Some(worker) {
            if let Some((part, worker, bytes)) = self.overtaken.remove(&(result.sequence, result.attempt)) {
                self.crew(part).settled(worker, result.sequence, bytes, now);
            }
            return None;
        }
        let is_copy = matches!(result.kind, ResultKind::More | ResultKind::Last) && entry.is_copy();
        if result.kind == ResultKind::More {
            // A method that goes on giving results does not hang.
            entry.since = now;
            let message = entry.freight.message().with_other_payload(result.payload.clone());
            return (!is_copy).then(|| Given {
                freight: entry.freight.with(message).into(),
                is_result: true,
                settled: None,
            });
        }
        let Entry { part, mut freight, .. } = self.flight.forget(result.sequence)?;
        self.crew(part).settled(worker, result.sequence, freight.bytes(), now);
        let is_result = !is_copy && result.kind != ResultKind::End;
        match (result.kind, &mut freight) {
            (ResultKind::Failed, _) => {
                let mut envelope = freight.into_envelope();
                envelope.message.set_error(&RemoteError::decode(result.payload).unwrap_or_default());
                freight = envelope.into();
            }
            (_, Freight::Item(_, item)) if is_result => item.payload = result.payload,
            (_, Freight::Whole(envelope)) if is_result => envelope.message.set_payload(result.payload),
            _ => {}
        }
        if let Freight::Whole(envelope) = &mut freight {
            envelope.topic = None;
        }
        Some(Given { freight, is_result, settled: Some(part) })
    }

    /// A result without a mark: if none ever had one, nothing can be told of what these workers hold.
    fn unmarked(&mut self, message: &Message, now: Instant) -> Judgement {
        // What answers nothing that is in flight says nothing of the workers: anybody can send an empty frame.
        if self.echo.is_none() && self.flight.is_answered_by(message) {
            self.echo = Some(false);
            tracing::warn!("the workers do not bring back the mark of a hand-out: what one of them loses is lost");
            for part in self.crews.parts() {
                let held: Vec<_> = self
                    .flight
                    .of(part, |entry| entry.holder.is_some())
                    .filter_map(|(sequence, entry)| Some((sequence, entry.holder?, entry.bytes())))
                    .collect();
                for (sequence, holder, bytes) in held {
                    self.flight.forget(sequence);
                    self.crew(part).settled(holder, sequence, bytes, now);
                }
            }
        }
        Judgement::Result(None, Debt::NONE)
    }

    /// A worker is gone. What it held is handed out again, or given up after its last attempt.
    pub(crate) fn leave(&mut self, part: PartId, worker: WorkerId) -> Vec<GivenUp> {
        self.crew(part).leave(worker);
        self.overtaken.retain(|_, (of, holder, _)| (*of, *holder) != (part, worker));
        let lost = self.flight.lost(part, worker);
        if !self.crew(part).limits.redelivery {
            lost.into_iter().for_each(|sequence| drop(self.flight.forget(sequence)));
            return Vec::new();
        }
        self.again(part, lost)
    }

    fn again(&mut self, part: PartId, lost: Vec<Sequence>) -> Vec<GivenUp> {
        let attempts = self.crew(part).limits.attempts;
        let mut given_up = Vec::new();
        for sequence in lost {
            let Some(entry) = self.flight.get(sequence) else { continue };
            if entry.attempt < attempts {
                let bytes = entry.bytes();
                self.crew(part).offer_again(sequence, bytes);
            } else if let Some(entry) = self.flight.give_up(sequence) {
                let text = format!("{} workers died of it or hung; it is not tried again", entry.attempt);
                given_up.push(GivenUp { envelope: entry.freight.into_envelope(), code: Code::Poisoned, text });
            }
        }
        given_up
    }

    /// Whether messages with an `id` get their error at once: those before them have waited for a worker in vain, and these
    /// have waited behind them.
    pub(crate) fn refuses(&self, part: PartId, now: Instant) -> bool {
        let since = self.crews.get(part).filter(|crew| crew.is_empty()).and_then(|crew| crew.refusing_since);
        since.is_some_and(|since| now < since + REFUSING)
    }

    /// What time has done: methods that hang, messages that found no worker.
    pub(crate) fn overdue(&mut self, part: PartId, now: Instant) -> Vec<GivenUp> {
        let limits = self.crew(part).limits;
        let mut given_up = Vec::new();
        if let Some(timeout) = limits.work_timeout {
            let crew = self.crews.get(part);
            let hangs = |entry: &Entry, holder| {
                // Its turn came with the last result of its worker, or when all before it had used up their time.
                let begun =
                    crew.and_then(|crew| crew.last_sign(holder)).map_or(entry.since, |last| last.max(entry.since));
                let at_last = timeout.saturating_mul(entry.ahead.saturating_add(1));
                now >= entry.since + timeout && (now >= begun + timeout || now >= entry.since + at_last)
            };
            let hung: Vec<_> = self
                .flight
                .of(part, |entry| entry.holder.is_some_and(|holder| hangs(entry, holder)))
                .filter_map(|(sequence, entry)| Some((sequence, entry.attempt, entry.holder?, entry.bytes())))
                .collect();
            for (sequence, attempt, holder, bytes) in &hung {
                self.crew(part).hung(*holder);
                self.flight.release(*sequence);
                self.overtaken.insert((*sequence, *attempt), (part, *holder, *bytes));
            }
            given_up.extend(self.again(part, hung.iter().map(|(sequence, ..)| *sequence).collect()));
        }
        if self.crew(part).is_gathering() && self.flight.any(part, |entry| now >= entry.since + limits.no_workers) {
            let workers = self.crew(part).stop_gathering();
            tracing::warn!(expected = limits.expected, workers, "handing out without all of the expected workers");
        }
        if self.crew(part).is_empty() {
            let refuses = self.refuses(part, now);
            let is_late = |entry: &Entry| refuses || now >= entry.since + limits.no_workers;
            let alone: Vec<_> = self
                .flight
                .of(part, |entry| entry.freight.has_id() && is_late(entry))
                .map(|(sequence, _)| sequence)
                .collect();
            if !alone.is_empty() {
                self.crew(part).refusing_since = Some(now);
            }
            for sequence in alone {
                self.crew(part).withdraw(sequence);
                if let Some(entry) = self.flight.give_up(sequence) {
                    let text = format!("no worker came within {:?}", limits.no_workers);
                    given_up.push(GivenUp { envelope: entry.freight.into_envelope(), code: Code::NoWorkers, text });
                }
            }
        }
        given_up
    }

    /// Everything that is not settled, at the end.
    pub(crate) fn abandon(&mut self) -> Vec<GivenUp> {
        let mut given_up = Vec::new();
        for part in self.crews.parts() {
            let left: Vec<_> = self.flight.of(part, |_| true).map(|(sequence, _)| sequence).collect();
            for sequence in left {
                self.crew(part).withdraw(sequence);
                if let Some(entry) = self.flight.give_up(sequence) {
                    let text = "the component ended before it had a result".to_owned();
                    given_up.push(GivenUp { envelope: entry.freight.into_envelope(), code: Code::ShuttingDown, text });
                }
            }
        }
        given_up
    }
}

#[cfg(test)]
mod tests;

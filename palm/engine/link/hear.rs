//! What linked peers say, and what the router makes of it.

use std::time::Instant;

use bytes::{Buf, Bytes};

use super::plain::PlainResult;
use super::{Answered, LinkId, Record, Session, Violation};
use crate::engine::batch::Batch;
use crate::engine::debt::{Creditor, Debt, Settlement, UNKNOWN};
use crate::engine::dispatch::LinkResult;
use crate::engine::envelope::{Envelope, PartId};
use crate::engine::job::report;
use crate::engine::router::{Router, Step};
use crate::engine::stats::Counter;
use crate::wire::{Code, Id, Message, RemoteError, id_of};

/// Records that are taken in at a time. What they become stays in the processor's cache until it has gone on.
const PORTION: usize = 64;

/// How much of a frame was taken in.
enum Heard {
    All,
    /// There is more of it.
    Portion,
    /// The component takes nothing more.
    Refused,
}

impl Router {
    /// Takes in the next portion of what linked peers have sent for which there is room; says whether there was one.
    pub(crate) fn hear_next(&mut self, submissions: bool, results: bool, now: Instant) -> bool {
        let Some((id, number, mut records)) = self.links.next_parked(submissions, results) else { return false };
        match self.hear(id, &mut records, now) {
            Ok(Heard::All) => {
                self.links.done(id, number);
                self.flush_links();
            }
            Ok(Heard::Portion) => self.links.park_rest(id, number, records, now),
            // What is not acknowledged stays with its peer.
            Ok(Heard::Refused) => {}
            Err(error) => {
                self.stats.add(Counter::Undecodable, 1);
                tracing::warn!(%error, "cut off a linked peer");
                self.unlink(id, now);
            }
        }
        true
    }

    fn hear(&mut self, id: LinkId, records: &mut Bytes, now: Instant) -> Result<Heard, Violation> {
        let mut results = None;
        let heard = self.hear_portion(id, records, &mut results, now);
        self.route_gathered(&mut results);
        heard
    }

    fn hear_portion(
        &mut self,
        id: LinkId,
        records: &mut Bytes,
        results: &mut Option<Batch>,
        now: Instant,
    ) -> Result<Heard, Violation> {
        let submissions = self.duties.submits.filter(|_| self.links.submits(id));
        let mut taken = 0;
        while !records.is_empty() {
            if taken == PORTION {
                return Ok(Heard::Portion);
            }
            if let Some(part) = submissions {
                let most = u64::try_from(PORTION - taken).unwrap_or(0).min(self.remaining);
                let read = self.submit_batch(id, part, records, usize::try_from(most).unwrap_or(0))?;
                taken += read;
                if read > 0 {
                    continue;
                }
            }
            taken += 1;
            if let Some(PlainResult { sequence, attempt, payload }) = PlainResult::first(records) {
                let length = payload.end;
                let payload = records.slice(payload);
                records.advance(length);
                self.last_result(id.worker(), sequence, attempt, payload, results, now);
                continue;
            }
            match Record::read(records).ok_or(Violation::Record)? {
                Record::Open { stream, client, header } => {
                    if let Some(session) = self.links.session(id) {
                        session.opened(stream, client, &header)?;
                    }
                }
                Record::Reset => {
                    if let Some(session) = self.links.session(id) {
                        session.reset();
                    }
                }
                Record::Result { sequence, attempt, kind, payload } => {
                    let result = LinkResult { sequence, attempt, kind, payload };
                    self.link_result(id.worker(), result, results, now);
                }
                Record::Message { stream, request, extra, payload } => {
                    let part = submissions.ok_or(Violation::Record)?;
                    if self.remaining == 0 {
                        return Ok(Heard::Refused);
                    }
                    match self.links.asked(id, stream, request, &extra, payload)? {
                        Some(message) => self.submit(id, part, message, now),
                        None => self.stats.add(Counter::Cancelled, 1),
                    }
                }
                Record::Settled { client, request, branches, results } => {
                    let request = id_of(client, request).ok_or(Violation::Record)?;
                    if results == UNKNOWN {
                        let creditor = self.debts.forget(Some(&request));
                        self.cannot_tell(creditor, &request);
                    } else {
                        let settlement = self.debts.settled(&request, id, branches, results);
                        self.pay(settlement, now);
                    }
                }
                Record::Work { .. } | Record::Reply { .. } => return Err(Violation::Record),
            }
        }
        Ok(Heard::All)
    }

    /// Takes in the messages at the front of `records` that make a batch, up to so many; says how many those were.
    fn submit_batch(
        &mut self,
        peer: LinkId,
        part: PartId,
        records: &mut Bytes,
        most: usize,
    ) -> Result<usize, Violation> {
        let Some((batch, read)) = self.links.batch(peer, records, most)? else { return Ok(0) };
        if read > batch.len() {
            self.stats.add(Counter::Cancelled, (read - batch.len()) as u64);
        }
        if batch.len() > 0 {
            self.route_batch(part, batch);
        }
        Ok(read)
    }

    fn submit(&mut self, peer: LinkId, part: PartId, mut message: Message, now: Instant) {
        let debt = if message.id().is_some() { Debt::to(Creditor::Peer(peer)) } else { Debt::NONE };
        message.arrived(now);
        self.route(part, Envelope::new(message, None, debt));
    }

    /// Tells whoever is to be told that a message is settled.
    pub(crate) fn pay(&mut self, settlement: Option<Settlement>, now: Instant) {
        let Some(Settlement { creditor, client, request, branches, results }) = settlement else { return };
        match creditor {
            Creditor::Peer(peer) => {
                self.links.closed(peer);
                let settled = Record::<&[u8]>::Settled { client, request, branches, results };
                self.links.write(peer, now, |session| session.push(&settled));
                self.flush_links();
            }
            Creditor::Upstream(part) => self.steps.push_back(Step::Settled(part, client, request, branches, results)),
        }
    }

    /// A branch of a message is done with.
    pub(crate) fn settle_branch(&mut self, debt: Debt, message: &Message, now: Instant) {
        let settlement = self.debts.end(debt, message);
        self.pay(settlement, now);
    }

    /// What becomes of a message cannot be told from here on.
    pub(crate) fn lose_track(&mut self, debt: Debt, message: &Message) {
        let forked = self.debts.forget(message.id());
        if let Some(id) = message.id() {
            self.cannot_tell(forked.or(debt.creditor()), id);
        }
    }

    fn cannot_tell(&mut self, creditor: Option<Creditor>, id: &Id) {
        match creditor {
            Some(Creditor::Peer(peer)) => self.links.closed(peer),
            Some(Creditor::Upstream(part)) => {
                let (client, request) = crate::wire::parts_of(Some(id));
                self.steps.push_back(Step::Settled(part, client, request, 1, UNKNOWN));
            }
            None => {}
        }
    }

    /// Whether nobody waits any more for what comes of a message.
    pub(crate) fn is_unwanted(&self, debt: Debt) -> bool {
        matches!(debt.creditor(), Some(Creditor::Peer(peer)) if !self.links.knows(peer))
    }

    /// Gives a message to those who listen to its topic over the link; says whether somebody does. `apart`: it is published
    /// too.
    pub(crate) fn give(&mut self, topic: &Bytes, message: &Message, debt: Debt, apart: bool, now: Instant) -> bool {
        let Some(first) = self.links.listener(topic, 0) else { return false };
        let asked = crate::wire::parts_of(message.id());
        let error = message.error().map(|error| Bytes::from(prost::Message::encode_to_vec(&error)));
        let content = (error.is_some(), error.as_ref().unwrap_or(message.payload()));
        let mut stages = Vec::new();
        let mut last = None;
        let (mut listener, mut place) = (Some(first), 0);
        while let Some(peer) = listener {
            let is_last = || last.unwrap_or_else(|| self.debts.deliver(debt, message.id()));
            match self.links.answer(peer, asked, content, is_last, now) {
                Answered::Written { last: is } => last = Some(is),
                Answered::Unwanted { last: is } => {
                    // Nobody would read it, and it would wait here.
                    last = Some(is);
                    self.stats.add(Counter::Discarded, 1);
                }
                Answered::Other => {
                    stages.push(peer);
                    let extra = message.encoded_extra(now);
                    self.links.write(peer, now, |session| {
                        let (stream, request) = session.stream(message);
                        let (extra, payload) = (&extra[..], &message.payload()[..]);
                        session.push_shared(&Record::Message { stream, request, extra, payload }, message.payload());
                    });
                }
            }
            place += 1;
            listener = self.links.listener(topic, place);
        }
        self.flush_links();
        match last {
            // That word went with the result.
            Some(true) => {
                if let Some(Creditor::Peer(peer)) = debt.creditor() {
                    self.links.closed(peer);
                }
            }
            Some(false) => self.settle_branch(debt, message, now),
            None if apart => self.lose_track(debt, message),
            None => {
                self.debts.forward(debt, message.id(), &stages);
                self.settle_branch(debt, message, now);
            }
        }
        true
    }

    /// Gives the one result of each message of a batch to the client that asked, if nothing else is to be done with them; gives
    /// them back if not.
    pub(crate) fn give_batch(&mut self, batch: Batch, now: Instant) -> Option<Batch> {
        let Some(creditor) = self.debts.last_for_all(batch.way.debt) else { return Some(batch) };
        let topic = batch.way.header.topic();
        let listener = self.links.listener(topic, 0);
        if listener != Some(creditor) || self.links.listener(topic, 1).is_some() {
            return Some(batch);
        }
        let Some(unwanted) = self.links.answer_batch(creditor, &batch, now) else { return Some(batch) };
        if unwanted > 0 {
            // Nobody would read it, and it would wait here.
            self.stats.add(Counter::Discarded, unwanted);
        }
        batch.close();
        self.flush_links();
        None
    }

    /// A message was published, and to nobody on the link.
    pub(crate) fn published(&mut self, message: &Message, debt: Debt, on: bool, now: Instant) {
        if on {
            return self.lose_track(debt, message);
        }
        self.debts.deliver_apart(debt, message.id());
        self.settle_branch(debt, message, now);
    }

    /// A message is dropped: its client is told, if it can be.
    pub(crate) fn undeliverable(&mut self, message: Message, debt: Debt, code: Code, text: String, now: Instant) {
        let topic = message.client_topic().clone();
        let message = report(&message, &self.name, "", code, text);
        if self.give(&topic, &message, debt, false, now) {
            return;
        }
        // Its client takes its results elsewhere: whoever asked here is told here. A component before this one can only be
        // told that there is a result; that it never comes is an error too.
        if let (Some(Creditor::Peer(peer)), Some(error)) = (debt.creditor(), message.error()) {
            self.reply_error(peer, message.id(), &error, now);
        }
        self.debts.deliver_apart(debt, message.id());
        self.settle_branch(debt, &message, now);
    }

    fn reply_error(&mut self, peer: LinkId, id: Option<&Id>, error: &RemoteError, now: Instant) {
        let (payload, (_, request)) = (prost::Message::encode_to_vec(error), crate::wire::parts_of(id));
        let reply = Record::Reply { request, last: false, error: true, payload: &payload[..] };
        self.links.write(peer, now, |session| session.push(&reply));
        self.flush_links();
    }

    /// A component has taken the place of one that is gone: it gets what that one had not taken.
    pub(crate) fn succeed(&mut self, id: LinkId, now: Instant) {
        let Some(gone) = self.links.predecessor(id) else { return };
        let mut left = Session::new();
        for mut records in self.links.untaken(gone) {
            while let Some(record) = Record::read(&mut records) {
                match record {
                    Record::Open { stream, client, header } => {
                        // It was written by this component.
                        let _ = left.opened(stream, client, &header);
                    }
                    Record::Reset => left.reset(),
                    Record::Message { stream, request, extra, payload } => {
                        if let Ok(message) = left.message(stream, request, &extra, payload.clone()) {
                            self.debts.moved(message.id(), gone, id);
                            self.links.write(id, now, |session| {
                                let (stream, request) = session.stream(&message);
                                session.push(&Record::Message { stream, request, extra: &extra, payload: &payload });
                            });
                        }
                    }
                    _ => {}
                }
            }
        }
        self.unlink(gone, now);
    }

    /// A linked peer is gone for good. What it held is given to others, and what it alone had is told to be lost.
    pub(crate) fn unlink(&mut self, id: LinkId, now: Instant) -> u64 {
        self.worker_gone(id);
        let lost: Vec<(Id, u32)> = self.debts.lost(id);
        let client = self.links.client(id);
        let Some(removed) = self.links.remove(id) else { return 0 };
        self.debts.release(id);
        if client != 0 {
            self.drop_waiting(now, |of, _| of == client);
        }
        for (request, branches) in lost {
            self.stage_lost(id, &request, branches, now);
        }
        if let Some(publisher) = self.duties.publishes {
            self.resume(publisher);
        }
        removed.replies
    }

    /// A worker on the link is gone, for now at least.
    pub(crate) fn worker_gone(&mut self, id: LinkId) {
        let Some(part) = self.duties.hands_out else { return };
        for given_up in self.dispatch.leave(part, id.worker()) {
            self.give_up(given_up);
        }
        self.resume(part);
    }

    fn stage_lost(&mut self, stage: LinkId, request: &Id, branches: u32, now: Instant) {
        if let Some(Creditor::Peer(peer)) = self.debts.creditor(request) {
            let error = RemoteError {
                code: Code::NoWorkers.into(),
                text: "a component after this one is gone, and had not done with the message".to_owned(),
                component: self.name.to_string(),
                retryable: true,
                ..RemoteError::default()
            };
            for _ in 0..branches {
                self.reply_error(peer, Some(request), &error, now);
            }
        }
        let settlement = self.debts.settled(request, stage, branches, branches);
        self.pay(settlement, now);
    }

    /// Nobody waits for a call any more: what has not begun of it is dropped.
    pub(crate) fn cancel(&mut self, client: u64, call: u32, now: Instant) {
        self.links.cancel(client, call);
        self.flush_links();
        self.drop_waiting(now, |of, request| of == client && request >> 32 == u64::from(call));
    }

    /// Drops what waits for user code or for a worker, of those requests.
    fn drop_waiting(&mut self, now: Instant, wanted: impl Fn(u64, u64) -> bool) {
        let mut dropped = Vec::new();
        for order in self.orders.take_each() {
            let (client, request) = crate::wire::parts_of(order.envelope.message.id());
            if wanted(client, request) {
                self.ordered_bytes -= order.envelope.message.payload().len();
                dropped.push(order.envelope);
            } else {
                self.orders.push(order);
            }
        }
        dropped.extend(self.dispatch.cancel(wanted));
        self.stats.add(Counter::Cancelled, dropped.len() as u64);
        for envelope in dropped {
            self.settle_branch(envelope.debt, &envelope.message, now);
        }
    }
}

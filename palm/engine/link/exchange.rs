//! What linked peers ask, what they get for it, and what they are given to work on.

use std::time::Instant;

use bytes::{Buf, Bytes};

use super::links::{LinkId, Links};
use super::plain::PlainMessage;
use super::record::Record;
use super::session::Violation;
use crate::engine::WorkerId;
use crate::engine::batch::{Batch, Item, no_items};
use crate::engine::debt::{Creditor, Debt};
use crate::engine::freight::Freight;
use crate::wire::{Delivery, Message};

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    Written {
        last: bool,
    },
    /// Its call was cancelled.
    Unwanted {
        last: bool,
    },
    /// The peer is not the client that asked.
    Other,
}

impl Links {
    /// Takes messages off the front of what a peer asks with, up to so many, as long as they are of one stream and have nothing
    /// but a payload of their own; and how many were taken, with those among them that are cancelled, which are left out. `None`
    /// if the first is not such a one.
    pub(crate) fn batch(
        &mut self,
        id: LinkId,
        records: &mut Bytes,
        most: usize,
    ) -> Result<Option<(Batch, usize)>, Violation> {
        let Some(first) = PlainMessage::first(records) else { return Ok(None) };
        let peer = self.peers.get_mut(&id).ok_or(Violation::Stream)?;
        let (header, client) = peer.session.header(first.stream)?.clone();
        if client == 0 {
            return Ok(None);
        }
        let (mut items, mut taken) = (no_items(), 0);
        while taken < most
            && let Some(PlainMessage { stream, request, payload }) = PlainMessage::first(records)
            && stream == first.stream
        {
            let length = payload.end;
            if !peer.is_cancelled(request) {
                items.push(Item { request, payload: records.slice(payload), origin: None });
            }
            records.advance(length);
            taken += 1;
        }
        peer.open += items.len() as u64;
        Ok((taken > 0).then(|| (Batch::new(header, client, Debt::to(Creditor::Peer(id)), items), taken)))
    }

    /// A message that a peer asks with; `None` if it has cancelled it. It is [closed](Self::closed) when it is settled.
    pub(crate) fn asked(
        &mut self,
        id: LinkId,
        stream: u32,
        request: u64,
        extra: &Bytes,
        payload: Bytes,
    ) -> Result<Option<Message>, Violation> {
        let peer = self.peers.get_mut(&id).ok_or(Violation::Stream)?;
        let message = peer.session.message(stream, request, extra, payload)?;
        if peer.is_cancelled(request) {
            return Ok(None);
        }
        peer.open += u64::from(message.id().is_some());
        Ok(Some(message))
    }

    /// Gives a peer the answer to a request, if it is the client that asked. `last`: whether it is the last one; asked only if
    /// it is that client.
    pub(crate) fn answer(
        &mut self,
        id: LinkId,
        (client, request): (u64, u64),
        content: (bool, &Bytes),
        last: impl FnOnce() -> bool,
        now: Instant,
    ) -> Answered {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| client != 0 && peer.client == client) else {
            return Answered::Other;
        };
        let (last, (error, payload)) = (last(), content);
        if peer.is_cancelled(request) {
            return Answered::Unwanted { last };
        }
        peer.session.push_shared(&Record::Reply { request, last, error, payload }, payload);
        self.load.weigh(id, peer, self.limits.bytes, now);
        self.say(id);
        Answered::Written { last }
    }

    /// The same for the last answer to each message of a batch, which are [closed](Self::closed) with that. How many of them
    /// nobody wants; `None` if it is not that client.
    pub(crate) fn answer_batch(&mut self, id: LinkId, batch: &Batch, now: Instant) -> Option<u64> {
        let peer = self.peers.get_mut(&id).filter(|peer| peer.client != 0 && peer.client == batch.way.client)?;
        let mut unwanted = 0;
        for Item { request, payload, .. } in &batch.items {
            if peer.is_cancelled(*request) {
                unwanted += 1;
            } else {
                let reply = Record::Reply { request: *request, last: true, error: false, payload };
                peer.session.push_shared(&reply, payload);
            }
        }
        peer.open = peer.open.saturating_sub(batch.len() as u64);
        self.load.weigh(id, peer, self.limits.bytes, now);
        self.say(id);
        Some(unwanted)
    }

    /// Hands a message to a worker on the link; `false` if there is none of that number.
    pub(crate) fn hand_out(&mut self, worker: WorkerId, delivery: &Delivery, freight: &Freight, now: Instant) -> bool {
        let Some(id) = LinkId::of_worker(worker) else { return false };
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.gone.is_none()) else { return false };
        let Delivery { sequence, attempt, .. } = *delivery;
        let (stream, request, extra, payload) = match freight {
            Freight::Item(way, item) => {
                (peer.session.stream_of(&way.header, way.client), item.request, Bytes::new(), &item.payload)
            }
            Freight::Whole(envelope) => {
                let message = &envelope.message;
                let (stream, request) = peer.session.stream(message);
                (stream, request, message.encoded_extra(now), message.payload())
            }
        };
        let work = Record::Work { stream, request, sequence, attempt, extra: &extra, payload };
        peer.session.push_shared(&work, payload);
        self.load.weigh(id, peer, self.limits.bytes, now);
        self.say(id);
        true
    }
}

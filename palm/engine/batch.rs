//! Messages of one stream that came one behind the other, and go one way: what is done for a stream is done once for all of them.

use std::sync::Arc;

use bytes::Bytes;

use super::debt::Debt;
use super::envelope::{Contents, Envelope, Origin, PartId};
use crate::wire::{Header, Message, id_of, parts_of};

/// What is a message's own in a batch.
#[derive(Debug)]
pub(crate) struct Item {
    /// The second half of its identifier.
    pub(crate) request: u64,
    pub(crate) payload: Bytes,
    pub(crate) origin: Option<Origin>,
}

/// Messages that have nothing but a stream and what an [`Item`] says, in their order. Whatever cannot go on for all of them
/// alike takes it apart, into the [`Envelope`]s that it stands for.
#[derive(Debug)]
pub struct Batch {
    pub(crate) header: Arc<Header>,
    /// The first half of their identifiers; 0 if they have none.
    pub(crate) client: u64,
    pub(crate) debt: Debt,
    pub(crate) items: Vec<Item>,
}

impl Batch {
    pub(crate) const fn new(header: Arc<Header>, client: u64, debt: Debt, items: Vec<Item>) -> Self {
        Self { header, client, debt, items }
    }

    /// A batch of one. The envelope is given back if there is more in it than a batch can hold.
    pub(crate) fn of(envelope: Envelope) -> Result<Self, Envelope> {
        if !envelope.is_plain() {
            return Err(envelope);
        }
        let Contents { message, origin, debt, .. } = envelope.open();
        let (client, request) = parts_of(message.id());
        let (header, payload) = message.into_parts();
        Ok(Self::new(header, client, debt, vec![Item { request, payload, origin }]))
    }

    /// Takes one more in, if it is of the same stream and goes the same way; gives it back if not.
    pub(crate) fn join(&mut self, mut envelope: Envelope) -> Result<(), Envelope> {
        let (client, request) = parts_of(envelope.message.id());
        let alike = envelope.message.is_of(&self.header) && client == self.client && envelope.debt == self.debt;
        if !alike || !envelope.is_plain() {
            return Err(envelope);
        }
        let (payload, origin) = (envelope.message.take_payload(), envelope.origin.take());
        self.items.push(Item { request, payload, origin });
        envelope.close();
        Ok(())
    }

    pub(crate) const fn len(&self) -> usize {
        self.items.len()
    }

    /// Bytes of the payloads.
    pub(crate) fn bytes(&self) -> usize {
        self.items.iter().map(|item| item.payload.len()).sum()
    }

    /// The same way for other messages of the stream.
    pub(crate) fn with(&self, items: Vec<Item>) -> Self {
        Self::new(self.header.clone(), self.client, self.debt, items)
    }

    /// The envelope of one of them.
    pub(crate) fn envelope(&self, item: Item) -> Envelope {
        let Item { request, payload, origin } = item;
        let message = Message::of_parts(self.header.clone(), payload, id_of(self.client, request));
        Envelope::new(message, origin, self.debt)
    }

    /// The blocking part that waits for what comes of all of them, if one does.
    pub(crate) fn waiting(&self) -> Option<PartId> {
        let part = self.items.first()?.origin.as_ref()?.part();
        self.items.iter().all(|item| item.origin.as_ref().is_some_and(|origin| origin.part() == part)).then_some(part)
    }

    /// Takes it apart.
    pub(crate) fn into_envelopes(mut self) -> impl Iterator<Item = Envelope> {
        std::mem::take(&mut self.items).into_iter().map(move |item| self.envelope(item))
    }
}

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::batch::{Item, Way};
use super::debt::Debt;
use super::envelope::Envelope;
use crate::wire::{Delivery, Message, parts_of};

/// A message in flight, in as few bytes as will do: there are thousands, and each is met again when its result comes.
#[derive(Debug)]
pub(crate) enum Freight {
    /// One of a batch.
    Item(Arc<Way>, Item),
    Whole(Envelope),
}

impl Freight {
    pub(crate) fn bytes(&self) -> usize {
        self.payload().len()
    }

    /// Who asked, and the number of the request there.
    pub(crate) fn asked(&self) -> (u64, u64) {
        match self {
            Self::Item(way, item) => (way.client, item.request),
            Self::Whole(envelope) => parts_of(envelope.message.id()),
        }
    }

    /// Whether it has an identifier, be it one that no client of this library would make.
    pub(crate) fn has_id(&self) -> bool {
        match self {
            Self::Item(way, _) => way.client != 0,
            Self::Whole(envelope) => envelope.message.id().is_some(),
        }
    }

    /// Whether the caller's time is over.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        matches!(self, Self::Whole(envelope) if envelope.message.is_late(now))
    }

    /// Drops it; what is owed for it is still owed.
    pub(crate) fn close(self) -> Debt {
        match self {
            Self::Item(way, _) => way.debt,
            Self::Whole(envelope) => envelope.open().debt,
        }
    }

    pub(crate) fn payload(&self) -> &Bytes {
        match self {
            Self::Item(_, item) => &item.payload,
            Self::Whole(envelope) => envelope.message.payload(),
        }
    }

    /// Writes what stands before its payload as it is sent.
    pub(crate) fn put_head(&self, mark: Option<&Delivery>, now: Instant, into: &mut Vec<u8>) {
        match self {
            Self::Item(way, item) => way.put_head(item, mark, into),
            Self::Whole(envelope) => envelope.message.put_head(mark, now, into),
        }
    }

    pub(crate) fn message(&self) -> Cow<'_, Message> {
        match self {
            Self::Item(way, item) => Cow::Owned(way.message(item.request, item.payload.clone())),
            Self::Whole(envelope) => Cow::Borrowed(&envelope.message),
        }
    }

    /// Another message in its place.
    pub(crate) fn with(&self, message: Message) -> Envelope {
        match self {
            Self::Item(way, item) => Envelope::new(message, item.origin.clone(), way.debt),
            Self::Whole(envelope) => envelope.with(message),
        }
    }

    pub(crate) fn into_envelope(self) -> Envelope {
        match self {
            Self::Item(way, item) => way.envelope(item),
            Self::Whole(envelope) => envelope,
        }
    }
}

impl From<Envelope> for Freight {
    fn from(envelope: Envelope) -> Self {
        Self::Whole(envelope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_that_begins_with_zeroes_is_one() {
        let mut message = Message::new("server.foo", "a");
        assert!(!Freight::from(Envelope::from(message.clone())).has_id());
        message.set_id(5_u128.to_be_bytes());
        let freight = Freight::from(Envelope::from(message));
        assert!(freight.has_id() && freight.asked() == (0, 5));
    }
}

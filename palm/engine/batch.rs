//! Messages of one stream that came one behind the other, and go one way: what is done for a stream is done once for all of them.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;

use super::debt::Debt;
use super::envelope::{Envelope, Origin, PartId};
use crate::wire::{Delivery, Header, Message, id_of, put_item_head};

/// What is a message's own in a batch.
#[derive(Debug)]
pub(crate) struct Item {
    /// The second half of its identifier.
    pub(crate) request: u64,
    pub(crate) payload: Bytes,
    pub(crate) origin: Option<Origin>,
}

/// Items of a batch for which there is room to begin with.
const ROOM: usize = 64;
/// Empty lists of items that a thread keeps, each of 3 KiB.
const MAX_SPARE: usize = 16;

thread_local! {
    static SPARE: RefCell<Vec<Vec<Item>>> = const { RefCell::new(Vec::new()) };
}

/// An empty list.
pub(crate) fn no_items() -> Vec<Item> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(ROOM))
}

/// What the messages of a batch share.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) header: Arc<Header>,
    /// The first half of their identifiers; 0 if they have none.
    pub(crate) client: u64,
    pub(crate) debt: Debt,
}

impl Way {
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.header, &other.header) && (self.client, self.debt) == (other.client, other.debt)
    }

    pub(crate) fn message(&self, request: u64, payload: Bytes) -> Message {
        Message::of_parts(self.header.clone(), payload, id_of(self.client, request))
    }

    /// Writes what stands before the payload of one of them as it is sent.
    pub(crate) fn put_head(&self, item: &Item, mark: Option<&Delivery>, into: &mut Vec<u8>) {
        let id = id_of(self.client, item.request);
        put_item_head(&self.header, id.as_ref(), mark, item.payload.len(), into);
    }

    /// The envelope of one of them.
    pub(crate) fn envelope(&self, item: Item) -> Envelope {
        let Item { request, payload, origin } = item;
        Envelope::new(self.message(request, payload), origin, self.debt)
    }
}

/// Messages that have nothing but a stream, a request and a payload, in their order. Whatever cannot go on for all of them
/// alike takes it apart, into the [`Envelope`]s that it stands for.
#[derive(Debug)]
pub struct Batch {
    pub(crate) way: Arc<Way>,
    pub(crate) items: Vec<Item>,
}

impl Batch {
    pub(crate) fn new(header: Arc<Header>, client: u64, debt: Debt, items: Vec<Item>) -> Self {
        Self { way: Arc::new(Way { header, client, debt }), items }
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
        Self { way: self.way.clone(), items }
    }

    /// Whether messages that go that way may be in it.
    pub(crate) fn goes(&self, way: &Arc<Way>) -> bool {
        Arc::ptr_eq(&self.way, way) || self.way.is(way)
    }

    /// The blocking part that waits for what comes of all of them, if one does.
    pub(crate) fn waiting(&self) -> Option<PartId> {
        let part = self.items.first()?.origin.as_ref()?.part();
        self.items.iter().all(|item| item.origin.as_ref().is_some_and(|origin| origin.part() == part)).then_some(part)
    }

    /// Has `with` look at each of its items, which are dropped then.
    pub(crate) fn for_each(mut self, with: impl FnMut(Item)) {
        self.items.drain(..).for_each(with);
        self.close();
    }

    /// Drops what is in it.
    pub(crate) fn close(mut self) {
        self.items.clear();
        if self.items.capacity() >= ROOM {
            SPARE.with_borrow_mut(|spare| {
                if spare.len() < MAX_SPARE {
                    spare.push(self.items);
                }
            });
        }
    }

    /// Takes it apart.
    pub(crate) fn into_envelopes(self) -> impl Iterator<Item = Envelope> {
        let Self { way, items } = self;
        items.into_iter().map(move |item| way.envelope(item))
    }
}

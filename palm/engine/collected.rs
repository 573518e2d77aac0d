//! What has come from outside one behind the other, and can go on in batches.

use std::sync::Arc;

use super::batch::{Batch, Item, no_items};
use super::debt::Debt;
use super::envelope::PartId;
use crate::wire::{Message, parts_of};

/// How far back a message looks for those of its stream: sockets take messages from their peers in turn.
const DEPTH: usize = 16;

/// Plain messages, each with those of its stream that came before it. What a client sends keeps its order; clients are
/// independent of each other.
#[derive(Debug, Default)]
pub(super) struct Collected(Vec<(PartId, Together)>);

/// Messages that go together.
#[derive(Debug)]
pub(super) enum Together {
    /// No other has come so far, and nothing need be shared.
    One(Message),
    Several(Batch),
}

impl Collected {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A message with an identifier that is its client's and a number, and without anything else.
    pub(super) fn add(&mut self, part: PartId, message: Message) {
        let (client, _) = parts_of(message.id());
        for (of, together) in self.0.iter_mut().rev().take(DEPTH) {
            if *of == part && together.is_stream_of(&message, client) {
                return together.push(message, client);
            }
            if together.client() == client {
                break;
            }
        }
        self.0.push((part, Together::One(message)));
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = (PartId, Together)> {
        self.0.drain(..)
    }
}

impl Together {
    fn client(&self) -> u64 {
        match self {
            Self::One(message) => parts_of(message.id()).0,
            Self::Several(batch) => batch.way.client,
        }
    }

    fn is_stream_of(&self, message: &Message, client: u64) -> bool {
        let header = match self {
            Self::One(first) => first.header(),
            Self::Several(batch) => &batch.way.header,
        };
        Arc::ptr_eq(header, message.header()) && self.client() == client
    }

    fn push(&mut self, message: Message, client: u64) {
        if let Self::Several(batch) = self {
            return batch.items.push(item(message));
        }
        let batch = Batch::new(message.header().clone(), client, Debt::NONE, no_items());
        if let Self::One(first) = std::mem::replace(self, Self::Several(batch)) {
            self.push(first, client);
        }
        self.push(message, client);
    }
}

fn item(message: Message) -> Item {
    let (_, request) = parts_of(message.id());
    Item { request, payload: message.into_payload(), origin: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Streams, id_of};

    /// What goes together, in order: the function, and client and number of each.
    fn together(asked: &[(usize, &str, u64, u64)]) -> Vec<(String, Vec<(u64, u64)>)> {
        let (mut streams, mut collected) = (Streams::default(), Collected::default());
        for (part, function, client, request) in asked {
            let mut message = Message::new(function, format!("{client} {request}"));
            id_of(*client, *request).into_iter().for_each(|id| message.set_id(id));
            collected.add(PartId(*part), streams.decode(message.encode().into()).expect("a message"));
        }
        let told = |message: Message| {
            assert_eq!(message.payload(), &format!("{} {}", parts_of(message.id()).0, parts_of(message.id()).1));
            parts_of(message.id())
        };
        let groups = collected.drain().map(|(_, together)| match together {
            Together::One(message) => (message.function().to_owned(), vec![told(message)]),
            Together::Several(batch) => {
                let messages: Vec<_> = batch.into_envelopes().map(|envelope| envelope.open().message).collect();
                (messages[0].function().to_owned(), messages.into_iter().map(told).collect())
            }
        });
        groups.collect()
    }

    #[test]
    fn those_of_a_stream_go_together_whoever_asks_between_them() {
        let asked = [(0, "a", 1, 1), (0, "a", 2, 1), (0, "a", 1, 2), (0, "a", 2, 2), (0, "a", 1, 3)];
        let expected = [vec![(1, 1), (1, 2), (1, 3)], vec![(2, 1), (2, 2)]];
        assert_eq!(together(&asked), expected.map(|group| ("a".to_owned(), group)));
    }

    #[test]
    fn what_a_client_asks_keeps_its_order() {
        let asked = [(0, "a", 1, 1), (0, "b", 1, 2), (0, "a", 1, 3), (0, "a", 1, 4), (1, "a", 1, 5)];
        let expected = [("a", vec![(1, 1)]), ("b", vec![(1, 2)]), ("a", vec![(1, 3), (1, 4)]), ("a", vec![(1, 5)])];
        assert_eq!(together(&asked), expected.map(|(function, group)| (function.to_owned(), group)));
    }
}

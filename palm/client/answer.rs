//! What comes back for a request.

use bytes::Bytes;

use super::id::Ids;
use crate::wire::{Message, RemoteError};

/// One result, or word that there is none or none any more.
#[derive(Debug)]
pub(super) struct Answer {
    /// Which message of the call it belongs to, if it says so.
    pub(super) sequence: Option<u32>,
    pub(super) content: Content,
    pub(super) end: End,
}

#[derive(Debug)]
pub(super) enum Content {
    Result(Bytes),
    Error(Box<RemoteError>),
    Nothing,
}

/// Whether more comes of the same request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A classic answer does not say.
    Unknown,
    More,
    Last,
}

impl Answer {
    /// What a message on the client's topic says.
    pub(super) fn of(message: &Message, ids: Ids) -> Self {
        let content = match message.error() {
            None => Content::Result(message.payload().clone()),
            Some(error) => Content::Error(Box::new(error)),
        };
        let place = message.id().and_then(|id| ids.place(id));
        Self { sequence: place.map(|place| place.sequence), content, end: End::Unknown }
    }

    pub(super) const fn is_result(&self) -> bool {
        !matches!(self.content, Content::Nothing)
    }

    /// Bytes that it keeps alive, about.
    pub(super) fn size(&self) -> usize {
        match &self.content {
            Content::Result(payload) => payload.len(),
            Content::Error(error) => error.text.len(),
            Content::Nothing => 0,
        }
    }
}

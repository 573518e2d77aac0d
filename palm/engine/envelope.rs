use super::debt::Debt;
use crate::service::Topic;
use crate::wire::Message;

/// Number of a part within its component, in order of registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartId(pub(crate) usize);

/// Who waits for the feedback of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The blocking inbound part.
    pub part: PartId,
    /// Its own number for the caller.
    pub token: u64,
}

/// A message on its way through the router, with what the router keeps about it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The message.
    pub message: Message,
    /// The blocking inbound part that waits for its feedback, if one does.
    pub origin: Option<Origin>,
    /// The topic that `handle_stream` chose, if it was asked.
    pub topic: Option<Topic>,
    /// What is owed to whoever sent it in over the link.
    pub(crate) debt: Debt,
}

impl Envelope {
    /// The same way through the router for another message.
    #[must_use]
    pub const fn with(&self, message: Message) -> Self {
        Self { message, origin: self.origin, topic: None, debt: self.debt }
    }
}

impl From<Message> for Envelope {
    fn from(message: Message) -> Self {
        Self { message, origin: None, topic: None, debt: Debt::NONE }
    }
}

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::debt::Debt;
use crate::service::Topic;
use crate::wire::Message;

/// Number of a part within its component, in order of registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartId(pub(crate) usize);

/// Who waits for the feedback of a message: kept with whatever comes of the message, for as long as something may.
///
/// When the last copy is dropped, whoever waits is told that nothing more will come. So nobody waits for ever, whatever
/// becomes of a message: it need not be said.
#[derive(Debug, Clone)]
pub struct Origin(Arc<Waiting>);

impl Origin {
    pub(crate) fn new(part: PartId, token: u64, ended: &Arc<Ended>) -> Self {
        Self(Arc::new(Waiting { part, token, ended: ended.clone(), silent: AtomicBool::new(false) }))
    }

    /// For another message, if it is [silent](Self::silence) and the only one of its kind.
    pub(super) fn used_again(mut self, part: PartId, token: u64) -> Result<Self, Self> {
        match Arc::get_mut(&mut self.0) {
            Some(waiting) if waiting.silent.load(Ordering::Relaxed) => {
                (waiting.part, waiting.token) = (part, token);
                waiting.silent = AtomicBool::new(false);
                Ok(self)
            }
            _ => Err(self),
        }
    }

    /// The blocking inbound part.
    #[must_use]
    pub fn part(&self) -> PartId {
        self.0.part
    }

    /// Its own number for the caller.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.0.token
    }

    /// What tells it from others, without keeping it.
    pub(crate) fn key(&self) -> (PartId, u64) {
        (self.part(), self.token())
    }

    /// Nobody is told of the end: others will do the message.
    pub(crate) fn silence(&self) {
        self.0.silent.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Waiting {
    part: PartId,
    token: u64,
    ended: Arc<Ended>,
    silent: AtomicBool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !*self.silent.get_mut() {
            self.ended.lock().push((self.part, self.token));
        }
    }
}

/// Those who have all the feedback that they will get.
#[derive(Debug, Default)]
pub(crate) struct Ended(Mutex<Vec<(PartId, u64)>>);

impl Ended {
    pub(crate) fn take(&self) -> Vec<(PartId, u64)> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(PartId, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message on its way through the router, with what the router keeps about it.
///
/// It goes from queue to queue, so what it holds stays in one place meanwhile. Dropping it drops the message: whoever waits for
/// its feedback is told, by its [`Origin`], that none comes.
///
/// ```
/// use palm::part::{Contents, Envelope};
/// let envelope = Envelope::from(palm::Message::new("server.foo", "a message"));
/// assert_eq!(envelope.message.payload(), "a message");
/// let Contents { message, origin, .. } = envelope.open();
/// assert!(origin.is_none() && message.function() == "server.foo");
/// ```
#[derive(Debug, Clone)]
pub struct Envelope(Place);

/// Empty only once the envelope is opened.
type Place = Box<Option<Contents>>;

/// Empty places that a thread keeps, each of some 200 bytes. Beyond that they are freed.
const MAX_SPARE: usize = 512;

thread_local! {
    /// To be used again by this thread: with 64 messages inside, making and freeing one for each is 220 instructions of 4,300.
    static SPARE: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// What an [`Envelope`] holds, which reads and changes it as if it were its own; taken apart by [`Envelope::open`].
#[derive(Debug, Clone)]
pub struct Contents {
    /// The message.
    pub message: Message,
    /// The blocking inbound part that waits for its feedback, if one does.
    pub origin: Option<Origin>,
    /// The topic that `handle_stream` chose, if it was asked.
    pub topic: Option<Topic>,
    /// What is owed to whoever sent it in over the link.
    pub(crate) debt: Debt,
}

const NOT_OPENED: &str = "who opens an envelope has it no more";

impl Envelope {
    pub(crate) fn new(message: Message, origin: Option<Origin>, debt: Debt) -> Self {
        let contents = Some(Contents { message, origin, topic: None, debt });
        match SPARE.with_borrow_mut(Vec::pop) {
            Some(mut place) => {
                *place = contents;
                Self(place)
            }
            None => Self(Box::new(contents)),
        }
    }

    /// The same way through the router for another message.
    #[must_use]
    pub fn with(&self, message: Message) -> Self {
        Self::new(message, self.origin.clone(), self.debt)
    }

    /// What it holds, to be taken apart.
    #[must_use]
    pub fn open(mut self) -> Contents {
        let contents = self.0.take().expect(NOT_OPENED);
        keep(self.0);
        contents
    }

    /// Drops what it holds.
    pub(crate) fn close(mut self) {
        *self.0 = None;
        keep(self.0);
    }
}

fn keep(place: Place) {
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < MAX_SPARE {
            spare.push(place);
        }
    });
}

impl Deref for Envelope {
    type Target = Contents;

    fn deref(&self) -> &Contents {
        self.0.as_ref().as_ref().expect(NOT_OPENED)
    }
}

impl DerefMut for Envelope {
    fn deref_mut(&mut self) -> &mut Contents {
        self.0.as_mut().as_mut().expect(NOT_OPENED)
    }
}

impl From<Message> for Envelope {
    fn from(message: Message) -> Self {
        Self::new(message, None, Debt::NONE)
    }
}

//! Requests that wait for their answers, on both sides of the border between HTTP and the component.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::oneshot;

use crate::engine::{Counter, Turn};
use crate::part::{Inlet, NotTaken};
use crate::wire::Message;

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Answer {
    Message(Message),
    /// What hooks have made of the feedback.
    Bytes(Vec<u8>),
    /// Hooks do not take it.
    NotPalm,
    /// It is done, and gave nothing.
    Nothing,
    /// The component has it, and nobody waits for what it gives.
    Taken,
    /// The component ends, and has not done it.
    ShuttingDown,
}

/// Where requests enter a component: the inlet of the part that takes them in, and who waits for what.
#[derive(Default)]
pub(super) struct Lobby {
    inlet: OnceLock<Inlet>,
    last: AtomicU64,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    requests: HashMap<u64, oneshot::Sender<Answer>>,
    closed: bool,
}

impl Lobby {
    /// The inlet of the part that takes the requests in, once.
    pub(super) fn open(&self, inlet: Inlet) -> Result<(), &'static str> {
        self.inlet.set(inlet).map_err(|_| "another part takes in what comes here")
    }

    pub(super) fn inlet(&self) -> Option<&Inlet> {
        self.inlet.get()
    }

    /// A number that no request has.
    pub(super) fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed)
    }

    /// Hands a request to the component, where no more than `limit` wait.
    pub(super) fn enter(self: &Arc<Self>, number: u64, message: Message, limit: usize) -> Result<Ticket, NotTaken> {
        let inlet = self.inlet().ok_or(NotTaken::Closed)?;
        let mut table = self.lock();
        if table.closed {
            return Err(NotTaken::Closed);
        }
        if table.requests.len() >= limit {
            inlet.stats().add(Counter::Refused, 1);
            return Err(NotTaken::Full);
        }
        let (sender, answer) = oneshot::channel();
        table.requests.insert(number, sender);
        drop(table);
        let ticket = Ticket { number, lobby: self.clone(), answer };
        inlet.offer(number, Some(message))?;
        Ok(ticket)
    }

    /// Whether somebody still waits for the answer.
    pub(super) fn waits(&self, number: u64) -> bool {
        self.lock().requests.contains_key(&number)
    }

    /// Gives the answer to whoever waits for it; says whether somebody did.
    pub(super) fn answer(&self, number: u64, answer: Answer) -> bool {
        let Some(request) = self.lock().requests.remove(&number) else { return false };
        request.send(answer).is_ok()
    }

    /// Gives the router's feedback to whoever waits for it. That there is none comes behind the last result too, when nobody
    /// waits any more.
    pub(super) fn feedback(&self, turn: &mut Turn<'_>, number: u64, message: Option<Message>) {
        let is_result = message.is_some();
        if !self.answer(number, message.map_or(Answer::Nothing, Answer::Message)) && is_result {
            turn.count(Counter::Discarded, 1);
        }
    }

    /// Lets everybody go who still waits.
    pub(super) fn close(&self) {
        let mut table = self.lock();
        table.closed = true;
        table.requests.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lobby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lobby").field("waiting", &self.lock().requests.len()).finish_non_exhaustive()
    }
}

/// A place among those who wait. Whoever drops it waits no longer: the request is forgotten.
#[derive(Debug)]
pub(super) struct Ticket {
    number: u64,
    lobby: Arc<Lobby>,
    answer: oneshot::Receiver<Answer>,
}

impl Ticket {
    pub(super) async fn answer(&mut self) -> Answer {
        (&mut self.answer).await.unwrap_or(Answer::ShuttingDown)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.lobby.lock().requests.remove(&self.number);
    }
}

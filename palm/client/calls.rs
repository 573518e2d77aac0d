//! Which calls are open, what has arrived for each, and who waits: decisions without I/O.

use std::collections::VecDeque;
use std::thread::Thread;

use super::id::Ids;
use crate::wire::Message;

/// The calls that are under way. One thread at a time, the leader, reads the socket for all of them.
#[derive(Debug)]
pub(super) struct Calls {
    ids: Ids,
    /// In order of opening, so that the first is the oldest.
    open: Vec<Open>,
    opened: u64,
    leader: Option<u64>,
    /// Answers that belonged to no open call.
    dropped: u64,
}

#[derive(Debug)]
struct Open {
    call: u64,
    arrived: VecDeque<Message>,
    /// The thread to be woken, while it sleeps.
    asleep: Option<Thread>,
    poked: bool,
}

impl Calls {
    pub(super) const fn new(ids: Ids) -> Self {
        Self { ids, open: Vec::new(), opened: 0, leader: None, dropped: 0 }
    }

    pub(super) fn open(&mut self) -> u64 {
        self.opened += 1;
        self.open.push(Open { call: self.opened, arrived: VecDeque::new(), asleep: None, poked: false });
        self.opened
    }

    pub(super) fn close(&mut self, call: u64) {
        if let Ok(at) = self.find(call) {
            self.open.remove(at);
        }
    }

    /// Moves what has arrived for a call to the empty `into`. True if the caller need not wait: something had arrived, or
    /// the call was poked.
    pub(super) fn take(&mut self, call: u64, into: &mut VecDeque<Message>) -> bool {
        let Ok(at) = self.find(call) else { return true };
        let open = &mut self.open[at];
        open.asleep = None;
        std::mem::swap(into, &mut open.arrived);
        std::mem::take(&mut open.poked) || !into.is_empty()
    }

    /// Gives an answer to its call. The thread that is to be woken for it, if one sleeps.
    pub(super) fn deliver(&mut self, message: Message) -> Option<Thread> {
        let at = match message.id() {
            Some(id) => self.ids.place(id).and_then(|place| self.find(place.call).ok()),
            // Some peer on the way does not know identifiers.
            None => (!self.open.is_empty()).then_some(0),
        };
        let Some(open) = at.and_then(|at| self.open.get_mut(at)) else {
            self.dropped += 1;
            tracing::debug!(function = message.function(), dropped = self.dropped, "an answer came for no open call");
            return None;
        };
        open.arrived.push_back(message);
        open.asleep.take()
    }

    /// Lets the thread that waits for a call look again. True if that thread leads, and must be woken from its poll.
    pub(super) fn poke(&mut self, call: u64) -> (Option<Thread>, bool) {
        let Ok(at) = self.find(call) else { return (None, false) };
        self.open[at].poked = true;
        (self.open[at].asleep.take(), self.leader == Some(call))
    }

    /// Makes a call's thread the leader if there is none.
    pub(super) fn lead(&mut self, call: u64) -> bool {
        if self.leader.is_some() {
            return false;
        }
        self.leader = Some(call);
        true
    }

    pub(super) const fn step_down(&mut self) {
        self.leader = None;
    }

    /// Notes that the calling thread goes to sleep until something happens.
    pub(super) fn sleep(&mut self, call: u64) {
        if let Ok(at) = self.find(call) {
            self.open[at].asleep = Some(std::thread::current());
        }
    }

    /// Who is to be woken so that somebody leads. Whoever stops waiting asks this: a wake-up may have gone to one who
    /// leaves without leading.
    pub(super) fn successor(&mut self) -> Option<Thread> {
        if self.leader.is_some() {
            return None;
        }
        self.open.iter_mut().find_map(|open| open.asleep.take())
    }

    #[cfg(test)]
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn find(&self, call: u64) -> Result<usize, usize> {
        self.open.binary_search_by_key(&call, |open| open.call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::id::Place;

    fn answer(ids: Ids, call: u64) -> Message {
        let mut message = Message::new("server.foo", "answer");
        message.set_id(ids.id(Place { call, sequence: 0 }));
        message
    }

    fn arrived(calls: &mut Calls, call: u64) -> usize {
        let mut into = VecDeque::new();
        calls.take(call, &mut into);
        into.len()
    }

    #[test]
    fn answers_go_to_their_call_whatever_their_order() {
        let ids = Ids::new();
        let mut calls = Calls::new(ids);
        let (first, second) = (calls.open(), calls.open());
        calls.deliver(answer(ids, second));
        calls.deliver(answer(ids, first));
        calls.deliver(answer(ids, second));
        assert_eq!((arrived(&mut calls, first), arrived(&mut calls, second)), (1, 2));
    }

    #[test]
    fn an_answer_without_identifier_goes_to_the_oldest_call() {
        let mut calls = Calls::new(Ids::new());
        let (first, second) = (calls.open(), calls.open());
        calls.deliver(Message::new("server.foo", ""));
        assert_eq!((arrived(&mut calls, first), arrived(&mut calls, second)), (1, 0));
        calls.close(first);
        calls.deliver(Message::new("server.foo", ""));
        assert_eq!(arrived(&mut calls, second), 1);
    }

    #[test]
    fn what_nobody_waits_for_is_dropped_and_counted() {
        let ids = Ids::new();
        let mut calls = Calls::new(ids);
        let call = calls.open();
        calls.close(call);
        let other = calls.open();
        calls.deliver(answer(ids, call));
        calls.deliver(answer(Ids::new(), other));
        assert_eq!((calls.dropped(), arrived(&mut calls, other)), (2, 0));
        calls.close(other);
        calls.deliver(Message::new("server.foo", ""));
        assert_eq!(calls.dropped(), 3);
    }

    #[test]
    fn one_leads_at_a_time_and_a_sleeper_follows() {
        let mut calls = Calls::new(Ids::new());
        let (first, second) = (calls.open(), calls.open());
        assert!(calls.lead(first));
        assert!(!calls.lead(second));
        calls.sleep(second);
        assert!(calls.successor().is_none());
        calls.step_down();
        assert!(calls.successor().is_some());
        assert!(calls.successor().is_none(), "it is woken once");
        assert!(calls.lead(second));
        assert!(calls.poke(second).1);
    }
}

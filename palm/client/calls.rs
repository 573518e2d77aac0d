//! Which calls are open, what has arrived for each, and who waits: decisions without I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::thread::Thread;
use std::time::Instant;

use super::answer::{Answer, Content, End};
use super::id::Ids;
use super::ledger::Ledger;
use crate::engine::link::StreamNumber;
use crate::wire::{Header, Message};

/// Stands for the driver where a call's number stands for the thread that waits for it.
pub(super) const DRIVER: u32 = 0;

/// The calls that are under way. One thread at a time, the leader, reads the socket for all of them: one that waits for a
/// call, or the driver if tasks wait.
#[derive(Debug)]
pub(super) struct Calls {
    ids: Ids,
    /// By number, so that the first is the oldest.
    open: BTreeMap<u32, Open>,
    opened: u32,
    /// Calls whose requests have another number than their own, by that.
    renamed: HashMap<u32, u32>,
    leader: Option<u32>,
    waiting: Waiting,
    driver: Driver,
    /// The client is gone; nothing is asked any more.
    retired: bool,
    /// Answers that belonged to no open call, or to a request that was settled.
    dropped: u64,
    /// Bytes of answers that their callers have not taken.
    unread: usize,
}

#[derive(Debug, Default)]
pub(super) struct Open {
    /// What it asks over the link, if it does.
    pub(super) asked: Option<Asked>,
    arrived: VecDeque<Answer>,
    /// Bytes of what has arrived.
    bytes: usize,
    waiter: Option<Waiter>,
    poked: bool,
}

/// What a call asks over the link.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) header: Arc<Header>,
    /// The number that its requests have: the call's own, until they are made anew.
    pub(super) number: u32,
    /// The component's number for that header, as far as is known.
    pub(super) stream: StreamNumber,
    pub(super) ledger: Ledger,
}

impl Open {
    /// Takes a result. False if it belongs to a request that is settled.
    pub(super) fn result(&mut self, mut answer: Answer) -> bool {
        if let (Some(asked), Some(sequence)) = (&mut self.asked, answer.sequence) {
            let Some((wanted, end)) = asked.ledger.result(sequence, answer.end) else { return false };
            answer.end = end;
            if !wanted {
                answer.content = Content::Nothing;
            } else if matches!(&answer.content, Content::Error(error) if error.retryable) {
                asked.ledger.doubt(sequence);
            }
        }
        if answer.is_result() || answer.end == End::Last {
            self.push(answer);
        }
        true
    }

    /// Takes word that a request is settled. False if that is known.
    pub(super) fn settled(&mut self, sequence: u32, results: u32) -> bool {
        let complete = self.asked.as_mut().and_then(|asked| asked.ledger.settled(sequence, results));
        if complete == Some(true) {
            self.push(Answer { sequence: Some(sequence), content: Content::Nothing, end: End::Last });
        }
        complete.is_some()
    }

    pub(super) fn push(&mut self, answer: Answer) {
        self.bytes += answer.size();
        self.arrived.push_back(answer);
    }
}

/// Who waits for a call: to be woken outside of every lock.
#[derive(Debug)]
pub(super) enum Waiter {
    Thread(Thread),
    Task { waker: Waker, until: Option<Instant> },
}

impl Waiter {
    pub(super) fn wake(self) {
        match self {
            Self::Thread(thread) => thread.unpark(),
            Self::Task { waker, .. } => waker.wake(),
        }
    }
}

/// The waiters of all calls, as they are looked for.
#[derive(Debug, Default)]
struct Waiting {
    /// Calls whose thread sleeps.
    threads: BTreeSet<u32>,
    /// How many calls have a task that waits, and when their time is up.
    tasks: usize,
    timers: BTreeSet<(Instant, u32)>,
}

impl Waiting {
    /// Takes out who waits for a call.
    fn take(&mut self, call: u32, open: &mut Open) -> Option<Waiter> {
        let waiter = open.waiter.take()?;
        match &waiter {
            Waiter::Thread(_) => {
                self.threads.remove(&call);
            }
            Waiter::Task { until, .. } => {
                self.tasks -= 1;
                if let Some(until) = until {
                    self.timers.remove(&(*until, call));
                }
            }
        }
        Some(waiter)
    }
}

/// What the driver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Driver {
    /// It has nothing to do, or was not started.
    Parked,
    /// It is about to look at the calls.
    Awake,
    /// It waits, reading if it leads, until then at most.
    Waiting(Option<Instant>),
}

/// How the driver is to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rouse {
    /// It looks at the calls by itself.
    No,
    /// It is parked.
    Unpark,
    /// It polls the sockets.
    Wake,
}

/// Who is to lead next.
#[derive(Debug)]
pub(super) enum Successor {
    Nobody,
    Thread(Waiter),
    Driver(Rouse),
}

impl Calls {
    pub(super) fn new(ids: Ids) -> Self {
        Self {
            ids,
            open: BTreeMap::new(),
            opened: DRIVER,
            renamed: HashMap::new(),
            leader: None,
            waiting: Waiting::default(),
            driver: Driver::Parked,
            retired: false,
            dropped: 0,
            unread: 0,
        }
    }

    pub(super) fn open(&mut self, mut asked: Option<Asked>) -> u32 {
        let call = self.unused();
        if let Some(asked) = &mut asked {
            asked.number = call;
        }
        self.open.insert(call, Open { asked, ..Open::default() });
        call
    }

    fn unused(&mut self) -> u32 {
        loop {
            self.opened = self.opened.wrapping_add(1);
            let number = self.opened;
            if number != DRIVER && !self.open.contains_key(&number) && !self.renamed.contains_key(&number) {
                return number;
            }
        }
    }

    /// The requests of a call are made anew, under a number that tells them from those before; gives the number of those.
    pub(super) fn rename(&mut self, call: u32) -> Option<u32> {
        let number = self.unused();
        let before = std::mem::replace(&mut self.asked(call)?.number, number);
        self.renamed.remove(&before);
        self.renamed.insert(number, call);
        Some(before)
    }

    /// The call whose requests have that number: none if they have been made anew since.
    pub(super) fn of_number(&self, number: u32) -> u32 {
        if self.renamed.is_empty() {
            return number;
        }
        let own =
            || self.open.get(&number)?.asked.as_ref().is_none_or(|asked| asked.number == number).then_some(number);
        self.renamed.get(&number).copied().or_else(own).unwrap_or(DRIVER)
    }

    pub(super) fn asked(&mut self, call: u32) -> Option<&mut Asked> {
        self.open.get_mut(&call)?.asked.as_mut()
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = (u32, &mut Open)> {
        self.open.iter_mut().map(|(call, open)| (*call, open))
    }

    pub(super) const fn unread(&self) -> usize {
        self.unread
    }

    pub(super) fn is_open(&self, call: u32) -> bool {
        self.open.contains_key(&call)
    }

    /// Ends a call. Whether something that it asked is not settled.
    pub(super) fn close(&mut self, call: u32) -> bool {
        let Some(mut open) = self.open.remove(&call) else { return false };
        self.waiting.take(call, &mut open);
        self.unread -= open.bytes;
        if let Some(asked) = &open.asked {
            self.renamed.remove(&asked.number);
        }
        open.asked.is_some_and(|asked| asked.ledger.is_open())
    }

    /// Moves what has arrived for a call to the empty `into`. True if the caller need not wait: something had arrived, or
    /// the call was poked.
    pub(super) fn take(&mut self, call: u32, into: &mut VecDeque<Answer>) -> bool {
        let Some(open) = self.open.get_mut(&call) else { return true };
        if matches!(open.waiter, Some(Waiter::Thread(_))) {
            self.waiting.take(call, open);
        }
        std::mem::swap(into, &mut open.arrived);
        self.unread -= std::mem::take(&mut open.bytes);
        std::mem::take(&mut open.poked) || !into.is_empty()
    }

    /// Gives a message on the client's topic to its call, and appends who is to be woken for it.
    pub(super) fn deliver(&mut self, message: &Message, woken: &mut Vec<Waiter>) {
        let call = match message.id() {
            Some(id) => self.ids.place(id).map(|place| self.of_number(place.call)),
            // Some peer on the way does not know identifiers.
            None => self.open.first_key_value().map(|(call, _)| *call),
        };
        let answer = Answer::of(message, self.ids);
        let wanted = self.give(call.unwrap_or(DRIVER), woken, |open| open.is_some_and(|open| open.result(answer)));
        if !wanted {
            self.drop_one();
        }
    }

    /// Has `give` put answers to an open call, and appends who is to be woken for them.
    pub(super) fn give<T>(
        &mut self,
        call: u32,
        woken: &mut Vec<Waiter>,
        give: impl FnOnce(Option<&mut Open>) -> T,
    ) -> T {
        let Some(open) = self.open.get_mut(&call) else { return give(None) };
        let (bytes, count) = (open.bytes, open.arrived.len());
        let given = give(Some(open));
        self.unread += open.bytes - bytes;
        if open.arrived.len() > count {
            woken.extend(self.waiting.take(call, open));
        }
        given
    }

    /// Notes an answer that nobody wants.
    pub(super) fn drop_one(&mut self) {
        self.dropped += 1;
        tracing::debug!(dropped = self.dropped, "an answer came for no open call");
    }

    /// Lets whoever waits for a call look again. True if a thread that waits for it leads, and must be woken from its poll.
    pub(super) fn poke(&mut self, call: u32) -> (Option<Waiter>, bool) {
        let Some(open) = self.open.get_mut(&call) else { return (None, false) };
        open.poked = true;
        (self.waiting.take(call, open), self.leader == Some(call))
    }

    /// Makes a call's thread, or the driver, the leader if there is none.
    pub(super) fn lead(&mut self, call: u32) -> bool {
        if self.leader.is_some() {
            return false;
        }
        self.leader = Some(call);
        true
    }

    /// Whether somebody reads, or is about to.
    pub(super) const fn is_led(&self) -> bool {
        self.leader.is_some()
    }

    pub(super) const fn step_down(&mut self) {
        self.leader = None;
    }

    /// Notes that the calling thread goes to sleep until something happens. The driver is not to lead for threads alone.
    pub(super) fn sleep(&mut self, call: u32) -> Rouse {
        if let Some(open) = self.open.get_mut(&call) {
            self.waiting.take(call, open);
            open.waiter = Some(Waiter::Thread(std::thread::current()));
            self.waiting.threads.insert(call);
        }
        if self.leader == Some(DRIVER) && self.waiting.tasks == 0 && matches!(self.driver, Driver::Waiting(_)) {
            self.driver = Driver::Awake;
            return Rouse::Wake;
        }
        Rouse::No
    }

    /// Notes that a task waits until something happens, or the time is up.
    pub(super) fn wait(&mut self, call: u32, waker: &Waker, until: Option<Instant>) -> Rouse {
        if let Some(open) = self.open.get_mut(&call) {
            if let Some(Waiter::Task { waker: known, until: same }) = &mut open.waiter
                && *same == until
            {
                known.clone_from(waker);
                return Rouse::No;
            }
            self.waiting.take(call, open);
            open.waiter = Some(Waiter::Task { waker: waker.clone(), until });
            self.waiting.tasks += 1;
            self.waiting.timers.extend(until.map(|until| (until, call)));
        }
        self.rouse(until)
    }

    /// How the driver is to be reached so that it leads if nobody does, and looks again at that time.
    pub(super) fn rouse(&mut self, by: Option<Instant>) -> Rouse {
        let rouse = match self.driver {
            Driver::Parked => Rouse::Unpark,
            Driver::Awake => Rouse::No,
            Driver::Waiting(until) => {
                let earlier = by.is_some_and(|by| until.is_none_or(|until| by < until));
                match self.leader {
                    Some(DRIVER) if earlier => Rouse::Wake,
                    None => Rouse::Unpark,
                    Some(leader) if earlier && leader != DRIVER => Rouse::Unpark,
                    Some(_) => Rouse::No,
                }
            }
        };
        if rouse != Rouse::No {
            self.driver = Driver::Awake;
        }
        rouse
    }

    /// Takes out the tasks whose time is up.
    pub(super) fn due(&mut self, now: Instant, woken: &mut Vec<Waiter>) {
        while let Some((until, call)) = self.waiting.timers.first().copied()
            && until <= now
        {
            self.waiting.timers.pop_first();
            let waiter = self.open.get_mut(&call).and_then(|open| self.waiting.take(call, open));
            woken.extend(waiter);
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.timers.first().map(|(until, _)| *until)
    }

    pub(super) const fn has_tasks(&self) -> bool {
        self.waiting.tasks > 0
    }

    /// Whether the driver is to let threads lead, or to end.
    pub(super) fn driver_is_in_the_way(&self) -> bool {
        self.waiting.tasks == 0 && (self.retired || !self.waiting.threads.is_empty())
    }

    pub(super) const fn driver_waits(&mut self, until: Option<Instant>) {
        self.driver = Driver::Waiting(until);
    }

    pub(super) const fn driver_looks(&mut self) {
        self.driver = Driver::Awake;
    }

    pub(super) const fn driver_parks(&mut self) {
        self.driver = Driver::Parked;
    }

    /// The client is gone: the driver keeps the sockets open no longer.
    pub(super) fn retire(&mut self) -> Rouse {
        self.retired = true;
        match (self.driver, self.leader) {
            (Driver::Waiting(_), Some(DRIVER)) => Rouse::Wake,
            (Driver::Waiting(_), _) => Rouse::Unpark,
            _ => Rouse::No,
        }
    }

    /// Who is to be woken so that somebody leads. Whoever stops waiting asks this: a wake-up may have gone to one who
    /// leaves without leading.
    pub(super) fn successor(&mut self) -> Successor {
        if self.leader.is_some() {
            return Successor::Nobody;
        }
        if let Some(call) = self.waiting.threads.first().copied()
            && let Some(open) = self.open.get_mut(&call)
            && let Some(waiter) = self.waiting.take(call, open)
        {
            return Successor::Thread(waiter);
        }
        if self.has_tasks() { Successor::Driver(self.rouse(None)) } else { Successor::Nobody }
    }

    #[cfg(test)]
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::id::Place;

    fn answer(ids: Ids, call: u32) -> Message {
        let mut message = Message::new("server.foo", "answer");
        message.set_id(ids.id(Place { call, sequence: 0 }));
        message
    }

    fn deliver(calls: &mut Calls, message: Message) {
        calls.deliver(&message, &mut Vec::new());
    }

    fn arrived(calls: &mut Calls, call: u32) -> usize {
        let mut into = VecDeque::new();
        calls.take(call, &mut into);
        into.len()
    }

    #[test]
    fn answers_go_to_their_call_whatever_their_order() {
        let ids = Ids::new();
        let mut calls = Calls::new(ids);
        let (first, second) = (calls.open(None), calls.open(None));
        deliver(&mut calls, answer(ids, second));
        deliver(&mut calls, answer(ids, first));
        deliver(&mut calls, answer(ids, second));
        assert_eq!((arrived(&mut calls, first), arrived(&mut calls, second)), (1, 2));
    }

    #[test]
    fn an_answer_without_identifier_goes_to_the_oldest_call() {
        let mut calls = Calls::new(Ids::new());
        let (first, second) = (calls.open(None), calls.open(None));
        deliver(&mut calls, Message::new("server.foo", ""));
        assert_eq!((arrived(&mut calls, first), arrived(&mut calls, second)), (1, 0));
        calls.close(first);
        deliver(&mut calls, Message::new("server.foo", ""));
        assert_eq!(arrived(&mut calls, second), 1);
    }

    #[test]
    fn what_nobody_waits_for_is_dropped_and_counted() {
        let ids = Ids::new();
        let mut calls = Calls::new(ids);
        let call = calls.open(None);
        calls.close(call);
        let other = calls.open(None);
        deliver(&mut calls, answer(ids, call));
        deliver(&mut calls, answer(Ids::new(), other));
        assert_eq!((calls.dropped(), arrived(&mut calls, other)), (2, 0));
        calls.close(other);
        deliver(&mut calls, Message::new("server.foo", ""));
        assert_eq!(calls.dropped(), 3);
    }

    #[test]
    fn one_leads_at_a_time_and_a_sleeper_follows() {
        let mut calls = Calls::new(Ids::new());
        let (first, second) = (calls.open(None), calls.open(None));
        assert!(calls.lead(first));
        assert!(!calls.lead(second));
        calls.sleep(second);
        assert!(matches!(calls.successor(), Successor::Nobody));
        calls.step_down();
        assert!(matches!(calls.successor(), Successor::Thread(_)));
        assert!(matches!(calls.successor(), Successor::Nobody), "it is woken once");
        assert!(calls.lead(second));
        assert!(calls.poke(second).1);
    }

    #[test]
    fn the_driver_leads_for_tasks_and_not_for_threads() {
        let mut calls = Calls::new(Ids::new());
        let (task, thread) = (calls.open(None), calls.open(None));
        assert_eq!(calls.wait(task, Waker::noop(), None), Rouse::Unpark);
        assert_eq!(calls.wait(task, Waker::noop(), None), Rouse::No, "it is on its way");
        assert!(calls.lead(DRIVER));
        calls.driver_waits(None);
        assert_eq!(calls.sleep(thread), Rouse::No);
        assert!(!calls.driver_is_in_the_way());
        calls.close(task);
        assert!(calls.driver_is_in_the_way());
        assert_eq!(calls.sleep(thread), Rouse::Wake);
        calls.step_down();
        assert!(matches!(calls.successor(), Successor::Thread(_)));
    }

    #[test]
    fn tasks_whose_time_is_up_are_woken_once() {
        let mut calls = Calls::new(Ids::new());
        let now = Instant::now();
        let later = now + std::time::Duration::from_secs(1);
        let (first, second) = (calls.open(None), calls.open(None));
        calls.wait(first, Waker::noop(), Some(later));
        calls.lead(DRIVER);
        calls.driver_waits(calls.next_due());
        assert_eq!(calls.wait(second, Waker::noop(), Some(now)), Rouse::Wake);
        assert_eq!(calls.next_due(), Some(now));
        let mut woken = Vec::new();
        calls.due(now, &mut woken);
        assert_eq!((woken.len(), calls.next_due()), (1, Some(later)));
        calls.close(first);
        calls.due(later, &mut woken);
        assert_eq!((woken.len(), calls.has_tasks()), (1, false));
    }
}

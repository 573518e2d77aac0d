//! The workers of a master, and who gets the next message.
//!
//! A worker is a peer with a credit: how much it may hold unanswered. Work goes to whoever has credit left, in turn. What a
//! worker held when it died is handed out again, to workers that hold nothing else, so that a message which kills its worker
//! is found without taking others with it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::engine::flight::Sequence;

/// Number of a worker within its crew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WorkerId(pub(crate) usize);

/// Bounds of what workers may hold, and of how long and how often a message is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CrewLimits {
    /// How much work, in time, a worker may hold.
    pub(crate) hold: Duration,
    /// How many messages.
    pub(crate) messages: usize,
    /// How many messages on the link, where nothing is lost for want of room.
    pub(crate) linked_messages: usize,
    /// How many bytes of payload; one message that is larger passes alone.
    pub(crate) bytes: usize,
    /// After this long without a result a method hangs.
    pub(crate) work_timeout: Option<Duration>,
    /// How often a message is handed out.
    pub(crate) attempts: u32,
    /// How long a message with an `id` waits while there is no worker; and any for the workers that are expected.
    pub(crate) no_workers: Duration,
    /// Nothing is handed out before there were so many workers.
    pub(crate) expected: usize,
    /// Off only in controls of the fault tests.
    pub(crate) redelivery: bool,
    pub(crate) deduplication: bool,
}

impl Default for CrewLimits {
    fn default() -> Self {
        Self {
            hold: Duration::from_millis(50),
            // A worker of the original implementation keeps 1,000 in its socket before it loses any.
            messages: 500,
            linked_messages: 4096,
            bytes: 4 << 20,
            work_timeout: Some(Duration::from_secs(1800)),
            attempts: 3,
            no_workers: Duration::from_secs(30),
            expected: 1,
            redelivery: true,
            deduplication: true,
        }
    }
}

/// What a worker may hold before its pace is known.
const FIRST_WINDOW: usize = 16;

/// What a worker is given before the next one has its turn. A message that does not go in a row with others is all of it. It is
/// what each of 64 workers has of the messages that one job has under way.
pub(crate) const ROW: u32 = 128;

/// How a worker's credit is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credit {
    /// From its pace, so many messages at the most.
    Paced(usize),
    /// From its pace, at least so many messages, which it does at a time, and so many at the most.
    Shared { threads: usize, most: usize },
    /// As it is said: it stands for a number of workers that cannot be told apart.
    Fixed(usize),
}

#[derive(Debug)]
struct Worker {
    held: usize,
    /// What it holds, in the order it got it.
    order: VecDeque<Sequence>,
    bytes: usize,
    credit: Credit,
    window: usize,
    /// It has a message whose last worker died, and gets no other one.
    alone: bool,
    /// The transport can take nothing for it now.
    blocked: bool,
    /// It has kept a message for too long, and gets no other one until it answers.
    hung: bool,
    /// It stands in the line of those that may have credit.
    in_line: bool,
    /// Mean time between results while it had work.
    pace: Duration,
    last: Instant,
    /// Results that came at that time, in one frame or one read, and what they took: all of the time since then.
    burst: u32,
    since: Instant,
}

/// The workers of one part, and the messages that wait for them.
#[derive(Debug, Default)]
pub(crate) struct Crew {
    pub(crate) limits: CrewLimits,
    workers: BTreeMap<WorkerId, Worker>,
    line: VecDeque<WorkerId>,
    /// How much of its row the first of them has.
    given: u32,
    waiting: VecDeque<(Sequence, usize)>,
    /// Messages whose worker died.
    retries: VecDeque<(Sequence, usize)>,
    waiting_bytes: usize,
    /// A worker that gets nothing new, so that it can take a retry.
    reserved: Option<WorkerId>,
    /// The workers that are expected were there, or were waited for long enough.
    complete: bool,
    /// When a message was last given up for want of a worker.
    pub(super) refusing_since: Option<Instant>,
}

impl Crew {
    /// Before any worker of the classic sockets is there; workers on the link may have joined.
    pub(crate) fn set_limits(&mut self, limits: CrewLimits) {
        self.limits = limits;
        for worker in self.workers.values_mut() {
            if let Credit::Paced(most) | Credit::Shared { most, .. } = &mut worker.credit {
                *most = limits.linked_messages;
            }
            worker.window = worker.window.min(limits.linked_messages);
        }
    }

    /// Messages that wait for a worker, and the bytes of their payloads.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.waiting.len() + self.retries.len(), self.waiting_bytes)
    }

    /// Whether there is nobody who works.
    pub(crate) fn is_empty(&self) -> bool {
        self.workers.values().all(|worker| worker.hung)
    }

    /// How many messages a worker has.
    pub(crate) fn held(&self, id: WorkerId) -> usize {
        self.workers.get(&id).map_or(0, |worker| worker.held)
    }

    /// When a worker last gave a result or began to work; `None` where it stands for several.
    pub(crate) fn last_sign(&self, id: WorkerId) -> Option<Instant> {
        self.workers.get(&id).filter(|worker| matches!(worker.credit, Credit::Paced(_))).map(|worker| worker.last)
    }

    /// A worker hangs: it gets nothing until it answers.
    pub(crate) fn hung(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&id)
            && matches!(worker.credit, Credit::Paced(_))
        {
            worker.hung = true;
            if self.reserved == Some(id) {
                self.reserved = None;
            }
        }
    }

    /// A worker is there, or its credit changed.
    pub(crate) fn join(&mut self, id: WorkerId, credit: Credit, now: Instant) {
        let window = match credit {
            Credit::Paced(most) => FIRST_WINDOW.min(most),
            Credit::Shared { threads, most } => FIRST_WINDOW.max(threads).min(most),
            Credit::Fixed(window) => window,
        };
        let worker = self.workers.entry(id).or_insert(Worker {
            held: 0,
            order: VecDeque::new(),
            bytes: 0,
            credit,
            window,
            alone: false,
            blocked: false,
            hung: false,
            in_line: false,
            pace: Duration::ZERO,
            last: now,
            burst: 0,
            since: now,
        });
        (worker.credit, worker.window) = (credit, window);
        self.complete |= self.hands() >= self.limits.expected;
        self.line_up(id);
    }

    /// Workers that are there. One that stands for several has the credit of each of them.
    fn hands(&self) -> usize {
        let hands = |worker: &Worker| match worker.credit {
            Credit::Paced(_) | Credit::Shared { .. } => 1,
            Credit::Fixed(window) => window.div_ceil(self.limits.messages.max(1)),
        };
        self.workers.values().map(hands).sum()
    }

    /// Whether workers that are expected are still to come.
    pub(crate) const fn is_gathering(&self) -> bool {
        !self.complete && self.limits.expected > 1
    }

    /// Goes on with the workers that are there; says how many.
    pub(crate) fn stop_gathering(&mut self) -> usize {
        self.complete = true;
        self.hands()
    }

    /// A worker is gone; what it held has to be offered again.
    pub(crate) fn leave(&mut self, id: WorkerId) {
        self.workers.remove(&id);
        if self.line.front() == Some(&id) {
            self.given = 0;
        }
        // It may come back, and has one place then.
        self.line.retain(|waiting| *waiting != id);
        if self.reserved == Some(id) {
            self.reserved = None;
        }
    }

    /// A message wants a worker.
    pub(crate) fn offer(&mut self, sequence: Sequence, bytes: usize) {
        self.waiting_bytes += bytes;
        self.waiting.push_back((sequence, bytes));
    }

    /// A message wants another worker, and has that one to itself.
    pub(crate) fn offer_again(&mut self, sequence: Sequence, bytes: usize) {
        self.waiting_bytes += bytes;
        self.retries.push_back((sequence, bytes));
    }

    /// A message that waits is wanted no more.
    pub(crate) fn withdraw(&mut self, sequence: Sequence) {
        for list in [&mut self.waiting, &mut self.retries] {
            if let Some(place) = list.iter().position(|waiting| waiting.0 == sequence)
                && let Some((_, bytes)) = list.remove(place)
            {
                self.waiting_bytes -= bytes;
            }
        }
    }

    /// Who is to get which message now.
    pub(crate) fn next(&mut self) -> Option<(WorkerId, Sequence)> {
        if self.is_gathering() {
            return None;
        }
        if let Some((sequence, _)) = self.retries.front().copied()
            && let Some(id) = self.for_retry()
        {
            return Some((id, sequence));
        }
        // Somebody else took the last retry, or it was settled meanwhile: nobody need be kept free any more.
        if self.retries.is_empty()
            && let Some(id) = self.reserved.take()
        {
            self.line_up(id);
        }
        let (sequence, bytes) = self.waiting.front().copied()?;
        while let Some(id) = self.line.front().copied() {
            let reserved = self.reserved == Some(id);
            match self.workers.get_mut(&id) {
                Some(worker) if !reserved && worker.has_room(bytes, self.limits.bytes) => return Some((id, sequence)),
                Some(worker) => worker.in_line = false,
                None => {}
            }
            self.line.pop_front();
            self.given = 0;
        }
        None
    }

    /// A worker that holds nothing; if there is none, one is kept from new work until it does.
    fn for_retry(&mut self) -> Option<WorkerId> {
        let idle = |worker: &Worker| worker.held == 0 && !worker.blocked;
        if let Some((id, _)) = self.workers.iter().find(|(_, worker)| idle(worker)) {
            return Some(*id);
        }
        if self.reserved.is_none() {
            let free = self.workers.iter().filter(|(_, worker)| !worker.alone && !worker.blocked && !worker.hung);
            self.reserved = free.min_by_key(|(_, worker)| worker.held).map(|(id, _)| *id);
        }
        None
    }

    /// What [`Crew::next`] gave was handed out, and is so much of its worker's [`ROW`].
    pub(crate) fn handed(&mut self, id: WorkerId, sequence: Sequence, share: u32, now: Instant) {
        let retried = self.retries.front().is_some_and(|retry| retry.0 == sequence);
        let list = if retried { &mut self.retries } else { &mut self.waiting };
        let Some((_, bytes)) = list.pop_front() else { return };
        self.waiting_bytes -= bytes;
        if retried && self.reserved == Some(id) {
            self.reserved = None;
        }
        if let Some(worker) = self.workers.get_mut(&id) {
            if worker.held == 0 {
                worker.take_pace(&self.limits);
                (worker.last, worker.since) = (now, now);
            }
            worker.alone = retried;
            worker.held += 1;
            worker.order.push_back(sequence);
            worker.bytes += bytes;
        }
        if self.line.front() == Some(&id) {
            self.given += share;
            if self.given >= ROW {
                self.given = 0;
                self.line.rotate_left(1);
            }
        }
    }

    /// The transport can take nothing for that worker now.
    pub(crate) fn blocked(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.blocked = true;
        }
    }

    /// The transport can take messages for that worker again.
    pub(crate) fn unblocked(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.blocked = false;
        }
        self.line_up(id);
    }

    /// What `id` got before `sequence` and still holds: a worker that does one after the other has given nothing for it.
    pub(crate) fn passed_over(&mut self, id: WorkerId, sequence: Sequence) -> Vec<Sequence> {
        let Some(worker) = self.workers.get_mut(&id).filter(|worker| !matches!(worker.credit, Credit::Fixed(_))) else {
            return Vec::new();
        };
        match worker.order.iter().position(|held| *held == sequence) {
            Some(place) => worker.order.drain(..place).collect(),
            None => Vec::new(),
        }
    }

    /// `id` does so many messages at a time: what it got before may still be under way.
    pub(crate) fn shares(&mut self, id: WorkerId, threads: u32) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        if let Credit::Paced(most) = worker.credit {
            worker.credit = Credit::Shared { threads: usize::try_from(threads).unwrap_or(usize::MAX), most };
        }
    }

    /// A message that `id` held is settled, or was taken from it.
    pub(crate) fn settled(&mut self, id: WorkerId, sequence: Sequence, bytes: usize, now: Instant) {
        if let Some(worker) = self.workers.get_mut(&id) {
            // Nearly always at the front.
            if let Some(place) = worker.order.iter().position(|held| *held == sequence) {
                worker.order.remove(place);
            }
            worker.held = worker.held.saturating_sub(1);
            worker.bytes = worker.bytes.saturating_sub(bytes);
            worker.alone &= worker.held > 0;
            worker.hung = false;
            worker.learn(now, &self.limits);
        }
        self.line_up(id);
    }

    fn line_up(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&id)
            && !worker.in_line
        {
            worker.in_line = true;
            self.line.push_back(id);
        }
    }
}

impl Worker {
    const fn has_room(&self, bytes: usize, limit: usize) -> bool {
        !self.alone
            && !self.blocked
            && !self.hung
            && self.held < self.window
            && (self.held == 0 || self.bytes + bytes <= limit)
    }

    /// Results tell the worker's pace, and its pace how much it may hold.
    fn learn(&mut self, now: Instant, limits: &CrewLimits) {
        if now > self.last {
            self.take_pace(limits);
            (self.since, self.last) = (self.last, now);
        }
        self.burst += 1;
    }

    /// The results of the last burst are all there.
    fn take_pace(&mut self, limits: &CrewLimits) {
        let taken = self.last.saturating_duration_since(self.since);
        if self.burst == 0 || taken.is_zero() {
            return;
        }
        let taken = taken / std::mem::take(&mut self.burst);
        self.pace = if self.pace.is_zero() { taken } else { (self.pace * 7 + taken) / 8 };
        let (least, most) = match self.credit {
            Credit::Paced(most) => (1, most),
            // One that is idle would tell nothing of its pace.
            Credit::Shared { threads, most } => (threads.clamp(1, most), most),
            Credit::Fixed(_) => return,
        };
        let fitting = limits.hold.as_nanos() / self.pace.as_nanos().max(1);
        self.window = usize::try_from(fitting).unwrap_or(usize::MAX).clamp(least, most);
    }
}

#[cfg(test)]
mod tests;

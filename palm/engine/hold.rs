//! Who subscribed to what, and what waits for its subscriber.
//!
//! An answer whose topic nobody has subscribed to is held, and goes out when the subscription arrives. A classic client
//! makes this subtle: it opens a new subscription for each call, and the one of its last call lingers. So the first answer
//! of a call goes out on a subscription that arrived after the last answer of the earlier calls; if there is only an older
//! one, a newer one is waited for, for a moment.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::calls::CallNumber;
use super::debt::Debt;
use super::topics::Topics;
use crate::socket::Sent;
use crate::wire::Message;

/// How long and how much is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long an answer waits for its subscriber.
    pub(crate) time: Duration,
    /// Bytes of messages that may wait for one subscriber, and for all of them; beyond it the intake pauses.
    pub(crate) bytes: usize,
    pub(crate) total: usize,
    /// Subscribers that a stage's topic waits for.
    pub(crate) subscribers: u32,
    /// How long a subscriber may take nothing before what waits for it is dropped.
    pub(crate) stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            bytes: 16 << 20,
            total: 256 << 20,
            subscribers: 1,
            stall: Duration::from_secs(600),
        }
    }
}

/// How long the first answer of a classic call waits for a newer subscription than the one that is there.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long the first message for a stage waits for a subscription of its own, while others take it in passing.
const IN_PASSING: Duration = Duration::from_secs(2);

/// How long a component that has subscribed may take to be linked in place of that.
const LINK_PATIENCE: Duration = Duration::from_millis(500);

/// How long after its link the subscription that it replaces may still come: both find a publisher that was restarted.
const REPLACED: Duration = Duration::from_secs(2);
/// When to try again where the transport was full: it does not tell of topics.
const RETRY: Duration = Duration::from_millis(1);
/// When to look for topics that nobody uses any more.
const SWEEP: Duration = Duration::from_secs(30);

/// Whom an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addressee {
    /// A client that keeps one subscription and marks its messages.
    Client,
    /// A classic client, in this call; `seen` if the call was told by its connection.
    Classic { call: CallNumber, seen: bool },
    /// The next stage of a pipeline.
    Stage,
}

/// An answer, and what it owes.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) message: Message,
    pub(crate) addressee: Addressee,
    pub(crate) debt: Debt,
}

/// Hands an answer over to those who listen to its topic: on the link, and, if somebody has subscribed, published.
pub(crate) type Send<'a> = dyn FnMut(&Bytes, &Answer, bool) -> Sent + 'a;

#[derive(Debug)]
struct Held {
    answer: Answer,
    since: Instant,
}

impl Held {
    /// What it takes: a message without a payload is not free.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.answer.message.encoded_len()
    }
}

/// One topic: who listens, and what waits.
#[derive(Debug)]
struct Audience {
    subscribers: u32,
    /// Those who listen over the link.
    linked: u32,
    /// Those of them whose subscription, which it replaces, has not arrived, and when that was last noted.
    ahead: u32,
    ahead_since: Instant,
    /// When the last subscription arrived and the last answer went out, on the clock of events; when it arrived.
    subscribed: u64,
    answered: u64,
    joined: Instant,
    /// The classic call under way: its number, what was answered before it, whether its subscription is known to be there.
    call: CallNumber,
    answered_before: u64,
    proven: bool,
    /// Boxed, so that a queue that grows is not copied with all that it has: that would be the component's peak.
    queue: VecDeque<Box<Held>>,
    bytes: usize,
    full: bool,
    /// When something of it was last handed over, and whether too long ago.
    taken: Instant,
    stalled: bool,
    used: Instant,
}

/// What may be done with the first answer of a queue.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Send,
    /// Send it then, unless something changes before.
    SendAt(Instant),
    DropAt(Instant),
}

/// What became of held answers.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    pub(crate) held: u64,
    pub(crate) expired: u64,
    /// Dropped because their client makes a new call.
    pub(crate) superseded: u64,
    /// Dropped because their subscriber takes nothing.
    pub(crate) stalled: u64,
    /// What was dropped and owes something.
    pub(crate) dropped: Vec<(Bytes, Answer)>,
}

/// The topics of one publisher.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    topics: Topics<Audience>,
    /// Topics with something in their queue.
    waiting: HashSet<Bytes>,
    /// How many live subscriptions there are of each length: what prefixes are looked up by.
    lengths: HashMap<usize, usize>,
    /// Topics over their bytes.
    full: usize,
    /// Bytes of all topics.
    bytes: usize,
    events: u64,
    limits: Limits,
    swept: Option<Instant>,
}

impl Hold {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full > 0 || self.bytes >= self.limits.total.max(self.limits.bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    #[cfg(test)]
    pub(crate) fn topics(&self) -> usize {
        self.topics.len()
    }

    /// A subscription arrived.
    pub(crate) fn subscribed(&mut self, topic: &Bytes, now: Instant, send: &mut Send<'_>) -> Outcome {
        self.sweep(now);
        self.events += 1;
        let events = self.events;
        let audience = self.audience(topic, now);
        audience.used = now;
        if audience.ahead > 0 && now < audience.ahead_since + REPLACED {
            audience.ahead -= 1;
            return self.flush_matched(topic, now, send);
        }
        audience.subscribers += 1;
        (audience.subscribed, audience.joined) = (events, now);
        if audience.subscribers == 1 {
            *self.lengths.entry(topic.len()).or_default() += 1;
        }
        self.flush_matched(topic, now, send)
    }

    /// Somebody listens over the link. `replaces`: its subscription counts no more.
    pub(crate) fn linked(&mut self, topic: &Bytes, replaces: bool, now: Instant, send: &mut Send<'_>) -> Outcome {
        self.sweep(now);
        let audience = self.audience(topic, now);
        audience.used = now;
        audience.linked += 1;
        if replaces && audience.subscribers == 1 {
            self.unsubscribed(topic);
        } else if replaces && audience.subscribers > 1 {
            audience.subscribers -= 1;
        } else if replaces {
            let ahead = if now < audience.ahead_since + REPLACED { audience.ahead } else { 0 };
            (audience.ahead, audience.ahead_since) = (ahead + 1, now);
        }
        self.flush_matched(topic, now, send)
    }

    /// Somebody listens no more.
    pub(crate) fn unlinked(&mut self, topic: &[u8]) {
        if let Some(audience) = self.topics.get_mut(topic) {
            audience.linked = audience.linked.saturating_sub(1);
        }
    }

    fn flush_matched(&mut self, topic: &Bytes, now: Instant, send: &mut Send<'_>) -> Outcome {
        // A subscription matches every topic that begins with it.
        let matched: Vec<Bytes> = self.waiting.iter().filter(|waiting| waiting.starts_with(topic)).cloned().collect();
        let mut outcome = Outcome::default();
        for topic in matched {
            self.flush(&topic, now, send, &mut outcome);
        }
        outcome
    }

    /// The last subscription of a topic ended.
    pub(crate) fn unsubscribed(&mut self, topic: &[u8]) {
        if let Some(audience) = self.topics.get_mut(topic)
            && audience.subscribers > 0
        {
            audience.subscribers = 0;
            if let Some(count) = self.lengths.get_mut(&topic.len()) {
                *count -= 1;
                if *count == 0 {
                    self.lengths.remove(&topic.len());
                }
            }
        }
    }

    /// Whether an answer to a client goes over the link at once: nothing waits before it, and nobody has subscribed to
    /// anything. Nearly all of them do. It counts as answered then.
    pub(crate) fn passes(&mut self, topic: &Bytes, now: Instant) -> bool {
        if !self.lengths.is_empty() {
            return false;
        }
        self.sweep(now);
        let Some(audience) = self.topics.find(topic).filter(|audience| audience.linked > 0) else { return false };
        if !audience.queue.is_empty() {
            return false;
        }
        self.events += 1;
        audience.used = now;
        audience.note_answer(self.events, now);
        true
    }

    /// Whether answers to a client that has told its identifier can be published at once: it has subscribed, does not listen
    /// over the link, and nothing waits before them. What is sent is [answered](Self::answered).
    pub(crate) fn is_heard(&mut self, topic: &Bytes) -> bool {
        let audience = self.topics.find(topic);
        audience.is_some_and(|audience| audience.subscribers > 0 && audience.linked == 0 && audience.queue.is_empty())
    }

    /// Sends an answer, or holds it.
    pub(crate) fn offer(&mut self, topic: &Bytes, answer: Answer, now: Instant, send: &mut Send<'_>) -> Outcome {
        self.sweep(now);
        let mut outcome = Outcome::default();
        let audience = self.topics.entry(topic, || Audience::new(now));
        audience.used = now;
        if let Addressee::Classic { call, seen } = answer.addressee
            && call > audience.call
        {
            let (messages, bytes) = audience.begin(call, seen);
            outcome.superseded += messages;
            self.bytes -= bytes;
            self.recount(topic);
        }
        let mut held = Held { answer, since: now };
        if self.is_due(topic, &held, now) && send(topic, &held.answer, self.listeners(topic) > 0) != Sent::Full {
            outcome.sent += 1;
            self.answered(topic, now);
            return outcome;
        }
        held.answer.message.compact();
        outcome.held += 1;
        self.bytes += held.bytes();
        let audience = self.audience(topic, now);
        audience.bytes += held.bytes();
        audience.queue.push_back(Box::new(held));
        self.flush(topic, now, send, &mut outcome);
        outcome
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Instant, send: &mut Send<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        let waiting: Vec<Bytes> = self.waiting.iter().cloned().collect();
        for topic in waiting {
            self.flush(&topic, now, send, &mut outcome);
        }
        outcome
    }

    /// Forgets topics that nobody uses any more.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| now >= swept + SWEEP) {
            self.swept = Some(now);
            self.topics.retain(|audience| {
                audience.subscribers > 0
                    || audience.linked > 0
                    || !audience.queue.is_empty()
                    || now < audience.used + 2 * SWEEP
            });
        }
    }

    /// When [`Hold::tick`] has something to do.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        self.waiting
            .iter()
            .filter_map(|topic| {
                let first = self.topics.get(topic)?.queue.front()?;
                Some(match self.verdict(topic, first, now) {
                    Verdict::Send => now + RETRY,
                    Verdict::SendAt(time) | Verdict::DropAt(time) => time,
                })
            })
            .min()
    }

    fn audience(&mut self, topic: &Bytes, now: Instant) -> &mut Audience {
        self.topics.entry(topic, || Audience::new(now))
    }

    /// Subscribers of a topic, prefixes included.
    fn listeners(&self, topic: &[u8]) -> u32 {
        if self.lengths.is_empty() {
            return 0;
        }
        self.lengths
            .keys()
            .filter_map(|length| self.topics.get(topic.get(..*length)?))
            .map(|audience| audience.subscribers)
            .sum()
    }

    /// Whether the only subscriptions that match a stage's topic are to the beginning of it, for what anybody knows those of
    /// other stages: its own may still come.
    fn is_heard_in_passing(&self, topic: &[u8], audience: &Audience) -> bool {
        let to_all = self.topics.get(b"").map_or(0, |all| all.subscribers);
        let own = audience.subscribers + audience.linked;
        own == 0 && to_all == 0 && !audience.proven && self.listeners(topic) > 0
    }

    /// Whether an answer that is new goes out at once.
    fn is_due(&self, topic: &Bytes, held: &Held, now: Instant) -> bool {
        self.topics.get(topic).is_some_and(|audience| {
            audience.queue.is_empty() && self.verdict_among(topic, audience, held, now) == Verdict::Send
        })
    }

    fn verdict(&self, topic: &Bytes, held: &Held, now: Instant) -> Verdict {
        self.topics.get(topic).map_or(Verdict::DropAt(now), |audience| self.verdict_among(topic, audience, held, now))
    }

    fn verdict_among(&self, topic: &Bytes, audience: &Audience, held: &Held, now: Instant) -> Verdict {
        let expiry = Verdict::DropAt(held.since + self.limits.time);
        match held.answer.addressee {
            Addressee::Stage if now < held.since + IN_PASSING && self.is_heard_in_passing(topic, audience) => {
                Verdict::SendAt(held.since + IN_PASSING)
            }
            Addressee::Stage if self.listeners(topic) + audience.linked >= self.limits.subscribers => {
                let time = audience.joined + LINK_PATIENCE;
                if audience.may_be_linked(held) && now < time { Verdict::SendAt(time) } else { Verdict::Send }
            }
            Addressee::Stage => expiry,
            _ if audience.linked > 0 => Verdict::Send,
            _ if audience.subscribers == 0 => expiry,
            Addressee::Client => Verdict::Send,
            Addressee::Classic { .. } if audience.proven || audience.subscribed > audience.answered_before => {
                Verdict::Send
            }
            Addressee::Classic { .. } => {
                let time = held.since + PATIENCE;
                if now >= time { Verdict::Send } else { Verdict::SendAt(time) }
            }
        }
    }

    fn flush(&mut self, topic: &Bytes, now: Instant, send: &mut Send<'_>, outcome: &mut Outcome) {
        while let Some(first) = self.topics.get(topic).and_then(|audience| audience.queue.front()) {
            match self.verdict(topic, first, now) {
                Verdict::Send => {
                    if send(topic, &first.answer, self.listeners(topic) > 0) != Sent::Full {
                        outcome.sent += 1;
                        self.answered(topic, now);
                        self.pop(topic);
                    } else if self.is_stalled(topic, now) {
                        outcome.stalled += 1;
                        self.drop_first(topic, outcome);
                    } else {
                        break;
                    }
                }
                Verdict::DropAt(time) if now >= time => {
                    outcome.expired += 1;
                    self.drop_first(topic, outcome);
                }
                Verdict::SendAt(_) | Verdict::DropAt(_) => break,
            }
        }
        self.recount(topic);
    }

    /// Whether the subscribers of a topic have taken nothing for too long. From then on nothing waits for them, until they
    /// take something.
    fn is_stalled(&mut self, topic: &Bytes, now: Instant) -> bool {
        let Some(audience) = self.topics.get_mut(topic) else { return false };
        let since = audience.queue.front().map_or(now, |first| first.since.max(audience.taken));
        audience.stalled |= now >= since + self.limits.stall;
        audience.stalled
    }

    /// An answer was sent.
    pub(crate) fn answered(&mut self, topic: &Bytes, now: Instant) {
        self.events += 1;
        if let Some(audience) = self.topics.get_mut(topic) {
            audience.used = now;
            audience.note_answer(self.events, now);
        }
    }

    fn pop(&mut self, topic: &Bytes) -> Option<Answer> {
        let audience = self.topics.get_mut(topic)?;
        let held = audience.queue.pop_front()?;
        audience.bytes -= held.bytes();
        self.bytes -= held.bytes();
        Some(held.answer)
    }

    fn drop_first(&mut self, topic: &Bytes, outcome: &mut Outcome) {
        if let Some(answer) = self.pop(topic).filter(|answer| answer.debt != Debt::NONE) {
            outcome.dropped.push((topic.clone(), answer));
        }
    }

    /// Brings the lists of waiting and of full topics up to date.
    fn recount(&mut self, topic: &Bytes) {
        let Some(audience) = self.topics.get_mut(topic) else { return };
        let full = audience.bytes >= self.limits.bytes;
        match (full, audience.full) {
            (true, false) => self.full += 1,
            (false, true) => self.full -= 1,
            _ => {}
        }
        audience.full = full;
        if audience.queue.is_empty() {
            self.waiting.remove(topic);
        } else {
            self.waiting.insert(topic.clone());
        }
    }
}

impl Audience {
    const fn note_answer(&mut self, event: u64, now: Instant) {
        self.taken = now;
        self.stalled = false;
        self.answered = event;
        self.proven = true;
    }

    /// Whether the link may be about to take a subscription's place, and what is published before that would not be followed
    /// any more, or come twice.
    fn may_be_linked(&self, held: &Held) -> bool {
        self.subscribers > 0 && (self.linked > 0 || held.answer.debt != Debt::NONE)
    }

    const fn new(now: Instant) -> Self {
        Self {
            subscribers: 0,
            linked: 0,
            ahead: 0,
            ahead_since: now,
            subscribed: 0,
            answered: 0,
            joined: now,
            call: 0,
            answered_before: 0,
            proven: false,
            queue: VecDeque::new(),
            bytes: 0,
            full: false,
            taken: now,
            stalled: false,
            used: now,
        }
    }

    /// A new call of the client begins. What is left of the earlier ones has nobody who wants it; how many that were, and
    /// how many bytes.
    ///
    /// Where connections are not seen, a call seems to be over as soon as its last answer is here: with one still waiting,
    /// it is not.
    fn begin(&mut self, call: CallNumber, seen: bool) -> (u64, usize) {
        self.call = call;
        let is_classic = |held: &Held| matches!(held.answer.addressee, Addressee::Classic { .. });
        if !seen && self.queue.iter().any(|held| is_classic(held)) {
            return (0, 0);
        }
        self.answered_before = self.answered;
        self.proven = false;
        let (messages, bytes) = (self.queue.len(), self.bytes);
        self.queue.retain(|held| !is_classic(held));
        self.bytes = self.queue.iter().map(|held| held.bytes()).sum();
        ((messages - self.queue.len()) as u64, bytes - self.bytes)
    }
}

//! How long the user's methods take.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::batch::Item;
use super::envelope::{Origin, PartId};
use super::job::{Task, hex};
use super::orders::{Order, Series};
use crate::wire::{Id, id_of};

/// What tells a call from others. To keep its message would cost each call more.
#[derive(Debug, Clone)]
pub(super) struct Name {
    method: usize,
    part: PartId,
    origin: Option<(PartId, u64)>,
    /// What its message is called in log lines: by its identifier, or by what its `cache` says.
    id: Option<Id>,
    cache: Bytes,
}

impl Name {
    /// Of an order that is a call.
    pub(super) fn of(order: &Order) -> Option<Self> {
        let Task::Call(method) = order.task else { return None };
        let message = &order.envelope.message;
        Some(Self {
            method,
            part: order.part,
            origin: order.envelope.origin.as_ref().map(Origin::key),
            id: message.id().copied(),
            cache: message.cache_bytes(),
        })
    }

    /// Of one of a series.
    pub(super) fn of_item(series: &Series, item: &Item) -> Self {
        Self {
            method: series.method,
            part: series.part,
            origin: item.origin.as_ref().map(Origin::key),
            id: id_of(series.batch.way.client, item.request),
            cache: Bytes::new(),
        }
    }

    fn message(&self) -> String {
        self.id.map_or_else(|| String::from_utf8_lossy(&self.cache).into_owned(), |id| hex(&id))
    }
}

/// A call that is under way.
#[derive(Debug)]
struct Running {
    call: u64,
    name: Name,
    /// When it began, or last gave a result.
    since: Instant,
}

/// A call that has given nothing for too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hung {
    pub(super) method: usize,
    /// What its message is called in log lines.
    pub(super) message: String,
    pub(super) limit: Duration,
}

/// The calls under way, where there is a limit for them.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// The component's own limit, and its master's.
    own: Option<Duration>,
    masters: Option<Duration>,
    running: Vec<Running>,
    last: u64,
}

impl Watch {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { own: limit, ..Self::default() }
    }

    /// The master says how long a method may take; the component's own limit stands before it.
    pub(crate) const fn told(&mut self, limit: Option<Duration>) {
        self.masters = limit;
    }

    fn limit(&self) -> Option<Duration> {
        self.own.or(self.masters)
    }

    /// Whether calls are watched.
    pub(super) fn is_on(&self) -> bool {
        self.limit().is_some()
    }

    /// A call begins; gives its number.
    pub(super) fn begin(&mut self, name: impl FnOnce() -> Option<Name>, now: Instant) -> u64 {
        if !self.is_on() {
            return 0;
        }
        let Some(name) = name() else { return 0 };
        self.last += 1;
        self.running.push(Running { call: self.last, name, since: now });
        self.last
    }

    /// Who has the object for itself has gone on to another call: no other one is under way then.
    pub(super) fn goes_on(&mut self, name: Name, now: Instant) {
        if let [running] = &mut self.running[..] {
            (running.name, running.since) = (name, now);
        }
    }

    pub(super) fn end(&mut self, call: u64) {
        self.running.retain(|running| running.call != call);
    }

    /// A call has given results, and goes on. Where origins are not known, it may be any of those under way.
    pub(super) fn heard(&mut self, origin: Option<&Origin>, now: Instant) {
        let origin = origin.map(Origin::key);
        for running in self.running.iter_mut().filter(|running| running.name.origin == origin) {
            running.since = now;
        }
    }

    /// When [`Watch::hung`] is to be asked.
    pub(super) fn next(&self) -> Option<Instant> {
        let limit = self.limit()?;
        self.running.iter().map(|running| running.since + limit).min()
    }

    /// A call that hangs. The time of one whose results cannot leave stands still.
    pub(super) fn hung(&mut self, now: Instant, is_blocked: impl Fn(PartId) -> bool) -> Option<Hung> {
        let limit = self.limit()?;
        for running in self.running.iter_mut().filter(|running| now >= running.since + limit) {
            if is_blocked(running.name.part) {
                running.since = now;
                continue;
            }
            return Some(Hung { method: running.name.method, message: running.name.message(), limit });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::Envelope;
    use crate::wire::Message;

    const SECOND: Duration = Duration::from_secs(1);

    fn order(token: u64) -> Order {
        let mut envelope = Envelope::from(Message::new("w.foo", "a"));
        envelope.origin = Some(Origin::new(PartId(0), token, &Arc::default()));
        Order { task: Task::Call(3), part: PartId(1), envelope }
    }

    #[test]
    fn a_call_that_gives_nothing_hangs() {
        let (mut watch, now) = (Watch::default(), Instant::now());
        assert_eq!(watch.begin(|| Name::of(&order(1)), now), 0, "nobody has set a limit");
        watch.told(Some(2 * SECOND));
        let first = watch.begin(|| Name::of(&order(1)), now);
        watch.begin(|| Name::of(&order(2)), now + SECOND);
        watch.end(first);
        assert_eq!(watch.next(), Some(now + 3 * SECOND));
        assert_eq!(watch.hung(now + 2 * SECOND, |_| false), None);
        let hung = watch.hung(now + 3 * SECOND, |_| false);
        assert_eq!(hung.map(|hung| (hung.method, hung.limit)), Some((3, 2 * SECOND)));
    }

    #[test]
    fn one_that_goes_on_giving_or_cannot_give_does_not() {
        let (mut watch, now) = (Watch::new(Some(2 * SECOND)), Instant::now());
        watch.told(Some(SECOND));
        watch.begin(|| Name::of(&order(1)), now);
        watch.heard(order(1).envelope.origin.as_ref(), now + SECOND);
        watch.heard(order(2).envelope.origin.as_ref(), now + 2 * SECOND);
        assert_eq!(watch.hung(now + 2 * SECOND, |_| false), None, "its own limit, from its last result");
        assert_eq!(watch.hung(now + 3 * SECOND, |part| part == PartId(1)), None);
        assert_eq!(watch.next(), Some(now + 5 * SECOND));
        assert!(watch.hung(now + 5 * SECOND, |_| false).is_some());
    }
}

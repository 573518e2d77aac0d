//! What is owed to those who sent messages in over the link: word that a message is settled.
//!
//! A message becomes one result, several, or none; it is scattered, or goes on to other components. Its sender is told once
//! all that came of it is done with. As long as one follows from one, nothing is kept for that: the mark that what comes is
//! the last travels with the message. Where a message forks, its branches are counted here.

use std::collections::HashMap;

use super::envelope::PartId;
use super::link::LinkId;
use crate::wire::{Id, Message, parts_of};

/// Who is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Creditor {
    /// A peer that is linked here: a client.
    Peer(LinkId),
    /// The component before this one, over the link of that part.
    Upstream(PartId),
}

/// What a message on its way owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Debt {
    creditor: Option<Creditor>,
    /// Nothing else comes of its branch.
    ends: bool,
}

impl Debt {
    pub(crate) const NONE: Self = Self { creditor: None, ends: false };

    pub(crate) const fn to(creditor: Creditor) -> Self {
        Self { creditor: Some(creditor), ends: true }
    }

    /// More of the same branch comes behind it.
    pub(crate) const fn not_last(self) -> Self {
        Self { ends: false, ..self }
    }

    pub(crate) const fn creditor(self) -> Option<Creditor> {
        self.creditor
    }
}

/// In place of a number of results: what became of a message cannot be told.
pub(crate) const UNKNOWN: u32 = u32::MAX;

/// A request that is settled, and what its client was given for it as far as it was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settlement {
    pub(crate) creditor: Creditor,
    pub(crate) client: u64,
    pub(crate) request: u64,
    pub(crate) branches: u32,
    pub(crate) results: u32,
}

/// A request that has forked.
#[derive(Debug)]
struct Fork {
    creditor: Creditor,
    /// Branches that are not done with.
    left: u32,
    /// Messages with this identifier that came in.
    branches: u32,
    results: u32,
    /// Those among the linked components after this one that have branches of it, once for each.
    stages: Vec<LinkId>,
}

/// The requests that have forked.
#[derive(Debug, Default)]
pub(crate) struct Debts {
    forks: HashMap<Id, Fork>,
}

impl Debts {
    fn fork_of(&mut self, id: Option<&Id>) -> Option<&mut Fork> {
        if self.forks.is_empty() {
            return None;
        }
        self.forks.get_mut(id?)
    }

    /// A message came in from the component before this one: its results are counted, since they leave by other ways than
    /// the word of their number.
    pub(crate) fn enter(&mut self, id: Option<&Id>, part: PartId) -> Debt {
        let Some(id) = id else { return Debt::NONE };
        let creditor = Creditor::Upstream(part);
        let fork = self.forks.entry(*id).or_insert_with(|| Fork::new(creditor, 0, 0));
        fork.left += 1;
        fork.branches += 1;
        Debt::to(creditor)
    }

    /// So many branches more come of a message.
    pub(crate) fn fork(&mut self, debt: Debt, id: Option<&Id>, more: usize) {
        let (Some(creditor), true, Some(id)) = (debt.creditor, debt.ends, id) else { return };
        if more > 0 {
            let fork = self.forks.entry(*id).or_insert_with(|| Fork::new(creditor, 1, 1));
            fork.left = fork.left.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        }
    }

    /// A result goes to its client: whether that is told by this that it is the last one.
    pub(crate) fn deliver(&mut self, debt: Debt, id: Option<&Id>) -> bool {
        match self.fork_of(id) {
            Some(fork) => {
                fork.results += 1;
                false
            }
            None => debt.ends && matches!(debt.creditor, Some(Creditor::Peer(_))),
        }
    }

    /// Whom the results of several messages go to, if each is told by that to be the last one.
    pub(crate) fn last_for_all(&self, debt: Debt) -> Option<LinkId> {
        match debt.creditor {
            Some(Creditor::Peer(peer)) if debt.ends && self.forks.is_empty() => Some(peer),
            _ => None,
        }
    }

    /// A result goes to its client by another way than the word that it is settled will take: it has to be counted.
    pub(crate) fn deliver_apart(&mut self, debt: Debt, id: Option<&Id>) {
        if let (Some(creditor), Some(id)) = (debt.creditor, id) {
            self.forks.entry(*id).or_insert_with(|| Fork::new(creditor, 1, 1)).results += 1;
        }
    }

    /// A branch goes on to linked components.
    pub(crate) fn forward(&mut self, debt: Debt, id: Option<&Id>, stages: &[LinkId]) {
        let (Some(creditor), Some(id)) = (debt.creditor, id) else { return };
        let fork = self.forks.entry(*id).or_insert_with(|| Fork::new(creditor, 1, 1));
        fork.left = fork.left.saturating_add(u32::try_from(stages.len()).unwrap_or(u32::MAX));
        fork.stages.extend_from_slice(stages);
    }

    /// A branch is done with.
    pub(crate) fn end(&mut self, debt: Debt, message: &Message) -> Option<Settlement> {
        let creditor = debt.creditor.filter(|_| debt.ends)?;
        if self.fork_of(message.id()).is_none() {
            let (client, request) = parts_of(message.id());
            return Some(Settlement { creditor, client, request, branches: 1, results: 0 });
        }
        self.reduce(message.id()?, 1)
    }

    /// A linked component has done with branches that it was given.
    pub(crate) fn settled(&mut self, id: &Id, stage: LinkId, branches: u32, results: u32) -> Option<Settlement> {
        let fork = self.forks.get_mut(id)?;
        for _ in 0..branches {
            // More than it was given are not its to settle.
            let place = fork.stages.iter().position(|waited| *waited == stage)?;
            fork.stages.swap_remove(place);
            fork.left = fork.left.saturating_sub(1);
        }
        fork.results = fork.results.saturating_add(results);
        self.reduce(id, 0)
    }

    fn reduce(&mut self, id: &Id, by: u32) -> Option<Settlement> {
        let fork = self.forks.get_mut(id)?;
        fork.left = fork.left.saturating_sub(by);
        if fork.left > 0 {
            return None;
        }
        let Fork { creditor, branches, results, .. } = self.forks.remove(id)?;
        let (client, request) = parts_of(Some(id));
        Some(Settlement { creditor, client, request, branches, results })
    }

    /// What becomes of a message can no longer be told: it went to a peer that does not report. Who is to know that, if it
    /// had forked.
    pub(crate) fn forget(&mut self, id: Option<&Id>) -> Option<Creditor> {
        if self.forks.is_empty() {
            return None;
        }
        self.forks.remove(id?).map(|fork| fork.creditor)
    }

    /// A peer is gone for good: nobody is to be told of its requests.
    pub(crate) fn release(&mut self, peer: LinkId) {
        self.forks.retain(|_, fork| fork.creditor != Creditor::Peer(peer));
    }

    /// Another component has taken over a branch.
    pub(crate) fn moved(&mut self, id: Option<&Id>, from: LinkId, to: LinkId) {
        if let Some(fork) = self.fork_of(id)
            && let Some(place) = fork.stages.iter().position(|waited| *waited == from)
        {
            fork.stages[place] = to;
        }
    }

    /// A linked component is lost: the requests that it had branches of, and how many. They are still to be
    /// [settled](Self::settled) for it.
    pub(crate) fn lost(&self, stage: LinkId) -> Vec<(Id, u32)> {
        let branches = |fork: &Fork| fork.stages.iter().filter(|waited| **waited == stage).count();
        let held = self.forks.iter().map(|(id, fork)| (*id, u32::try_from(branches(fork)).unwrap_or(u32::MAX)));
        held.filter(|(_, branches)| *branches > 0).collect()
    }

    /// Who is to be told of a request that has forked.
    pub(crate) fn creditor(&self, id: &Id) -> Option<Creditor> {
        self.forks.get(id).map(|fork| fork.creditor)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.forks.len()
    }
}

impl Fork {
    const fn new(creditor: Creditor, left: u32, branches: u32) -> Self {
        Self { creditor, left, branches, results: 0, stages: Vec::new() }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;
    use crate::wire::id_of;

    fn message() -> Message {
        let mut message = Message::new("server.foo", "");
        message.set_id(id_of(1, 2).unwrap());
        message
    }

    fn settlement(creditor: Creditor, branches: u32, results: u32) -> Option<Settlement> {
        Some(Settlement { creditor, client: 1, request: 2, branches, results })
    }

    #[test]
    fn one_that_follows_from_one_is_the_last() {
        let mut debts = Debts::default();
        let (message, peer) = (message(), Creditor::Peer(LinkId::test(1)));
        let debt = Debt::to(peer);
        assert!(!debts.deliver(debt.not_last(), message.id()));
        assert!(debts.deliver(debt, message.id()));
        assert_eq!(debts.end(debt.not_last(), &message), None);
        assert_eq!(debts.end(debt, &message), settlement(peer, 1, 0));
        assert_eq!(debts.end(Debt::NONE, &message), None);
    }

    #[test]
    fn branches_are_counted_and_their_results() {
        let mut debts = Debts::default();
        let (message, peer) = (message(), Creditor::Peer(LinkId::test(1)));
        let debt = Debt::to(peer);
        debts.fork(debt, message.id(), 3);
        assert_eq!(debts.end(debt, &message), None, "the one that they come of");
        for _ in 0..2 {
            assert!(!debts.deliver(debt, message.id()));
            assert_eq!(debts.end(debt, &message), None);
        }
        assert_eq!(debts.end(debt, &message), settlement(peer, 1, 2));
        assert_eq!(debts.len(), 0);
    }

    #[test]
    fn what_goes_on_is_settled_by_those_it_went_to() {
        let mut debts = Debts::default();
        let (message, peer) = (message(), Creditor::Peer(LinkId::test(1)));
        let (first, second) = (LinkId::test(2), LinkId::test(3));
        let debt = Debt::to(peer);
        debts.forward(debt, message.id(), &[first, second]);
        assert_eq!(debts.end(debt, &message), None);
        let id = *message.id().unwrap();
        assert_eq!(debts.settled(&id, first, 1, 5), None);
        assert_eq!(debts.settled(&id, first, 1, 5), None, "it had one branch");
        assert_eq!(debts.lost(second), [(id, 1)]);
        assert_eq!(debts.settled(&id, second, 1, 2), settlement(peer, 1, 7));
    }

    #[test]
    fn two_of_one_identifier_are_told_together_or_one_by_one() {
        let mut debts = Debts::default();
        let upstream = Creditor::Upstream(PartId(0));
        let message = message();
        let first = debts.enter(message.id(), PartId(0));
        let second = debts.enter(message.id(), PartId(0));
        assert!(!debts.deliver(first, message.id()));
        assert_eq!(debts.end(first, &message), None);
        assert_eq!(debts.end(second, &message), settlement(upstream, 2, 1));
        let third = debts.enter(message.id(), PartId(0));
        assert_eq!(debts.end(third, &message), settlement(upstream, 1, 0));
    }
}

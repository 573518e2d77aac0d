//! Which call of a classic client is under way.
//!
//! A client that marks its messages with `id` needs none of this. One that does not opens new sockets for each call, under
//! the same client id: the call is then told by the connection its messages come on, or, where that cannot be seen, by
//! whether anything of the client is under way.

use std::collections::{HashMap, HashSet, VecDeque};

use super::hold::Addressee;
use crate::socket::Peer;

/// Number of a call; rises with time, 0 is none.
pub(crate) type CallNumber = u64;

/// Clients that are known at a time. Beyond it all are forgotten: a call that is under way then looks new, and its next
/// answer may wait for a moment.
const MAX_CLIENTS: usize = 65_536;

#[derive(Debug)]
struct Current {
    peer: Option<Peer>,
    number: CallNumber,
    under_way: u64,
}

/// Clients whose connection ended that are still known.
const MAX_GONE: usize = 10_000;

/// The current call of each classic client.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    clients: HashMap<Box<str>, Current>,
    by_peer: HashMap<Peer, HashSet<Box<str>>>,
    /// Those whose connection ended, oldest first.
    gone: VecDeque<(Peer, Box<str>)>,
    last: CallNumber,
}

impl Calls {
    /// A message of `client` came in, on the connection of `peer` if that is known.
    pub(crate) fn asked(&mut self, client: &str, peer: Option<Peer>) {
        if let Some(current) = self.clients.get_mut(client)
            && current.peer == peer
        {
            current.under_way += 1;
            return;
        }
        if self.clients.len() >= MAX_CLIENTS {
            self.clients.clear();
            self.by_peer.clear();
            self.gone.clear();
        }
        self.last += 1;
        let current = Current { peer, number: self.last, under_way: 1 };
        self.clients.insert(client.into(), current);
        if let Some(peer) = peer {
            // A set: a client that uses two connections in turn must not grow it.
            self.by_peer.entry(peer).or_default().insert(client.into());
        }
    }

    /// The call that an answer for `client` belongs to.
    pub(crate) fn current(&self, client: &str) -> Addressee {
        let current = self.clients.get(client);
        Addressee::Classic {
            call: current.map_or(0, |current| current.number),
            seen: current.is_some_and(|current| current.peer.is_some()),
        }
    }

    /// A message of `client` has its answer, or will have none.
    pub(crate) fn settled(&mut self, client: &str) {
        if let Some(current) = self.clients.get_mut(client) {
            current.under_way = current.under_way.saturating_sub(1);
            if current.under_way == 0 && current.peer.is_none() {
                self.clients.remove(client);
            }
        }
    }

    /// The connection of `peer` ended. What it brought may still be unread, and is of the same call: a client that has sent
    /// everything may close at once, and take its answers for as long as it likes.
    pub(crate) fn gone(&mut self, peer: Peer) {
        for client in self.by_peer.remove(&peer).unwrap_or_default() {
            if self.is_of(&client, peer) {
                self.gone.push_back((peer, client));
            }
        }
        while self.gone.len() > MAX_GONE
            && let Some((peer, client)) = self.gone.pop_front()
        {
            if self.is_of(&client, peer) {
                self.clients.remove(&client);
            }
        }
    }

    fn is_of(&self, client: &str, peer: Peer) -> bool {
        self.clients.get(client).is_some_and(|current| current.peer == Some(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(calls: &Calls) -> CallNumber {
        match calls.current("a") {
            Addressee::Classic { call, .. } => call,
            _ => 0,
        }
    }

    #[test]
    fn a_new_connection_is_a_new_call() {
        let mut calls = Calls::default();
        calls.asked("a", Some(Peer::new(1)));
        let first = call(&calls);
        calls.asked("a", Some(Peer::new(1)));
        assert_eq!(call(&calls), first);
        calls.asked("a", Some(Peer::new(2)));
        assert!(call(&calls) > first);
        calls.gone(Peer::new(1));
        assert_ne!(call(&calls), 0, "the end of the old connection does not end the new call");
    }

    #[test]
    fn what_is_read_after_the_connection_ended_is_of_the_same_call() {
        let mut calls = Calls::default();
        calls.asked("a", Some(Peer::new(1)));
        let first = call(&calls);
        calls.gone(Peer::new(1));
        calls.asked("a", Some(Peer::new(1)));
        assert_eq!(call(&calls), first);
        calls.asked("a", Some(Peer::new(2)));
        assert!(call(&calls) > first);
    }

    #[test]
    fn clients_that_are_gone_are_forgotten_at_last() {
        let mut calls = Calls::default();
        for number in 0..2 * MAX_GONE as u64 {
            calls.asked(&format!("client {number}"), Some(Peer::new(number)));
            calls.gone(Peer::new(number));
        }
        assert_eq!((calls.clients.len(), calls.gone.len(), calls.by_peer.len()), (MAX_GONE, MAX_GONE, 0));
    }

    #[test]
    fn without_connections_a_call_lasts_while_something_is_under_way() {
        let mut calls = Calls::default();
        calls.asked("a", None);
        calls.asked("a", None);
        let first = call(&calls);
        calls.settled("a");
        assert_eq!(call(&calls), first);
        calls.settled("a");
        calls.asked("a", None);
        assert!(call(&calls) > first);
    }

    #[test]
    fn a_connection_with_a_client_of_its_own_for_each_message_is_bounded() {
        let mut calls = Calls::default();
        for number in 0..200_000 {
            calls.asked(&number.to_string(), Some(Peer::new(1)));
            assert!(calls.clients.len() <= MAX_CLIENTS);
        }
        assert!(calls.by_peer.values().map(HashSet::len).sum::<usize>() <= MAX_CLIENTS);
        for number in 0..200_000 {
            calls.asked("a", Some(Peer::new(number % 2)));
        }
        assert!(calls.by_peer.values().map(HashSet::len).sum::<usize>() <= MAX_CLIENTS + 2);
    }
}

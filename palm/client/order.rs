//! Puts results back into the order in which their requests were sent.

use std::collections::VecDeque;

use super::feeder::WINDOW_MESSAGES;
use crate::wire::Message;

/// Results that came before their turn. One result settles a request; more of the same one are given as they come.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The request whose turn it is. It wraps as the sequence does.
    turn: u32,
    /// What came for it and for those behind it.
    early: VecDeque<Vec<Message>>,
}

impl Order {
    /// Takes a result in, and appends to `ready` what may be given now. False for one of a request that was never sent.
    pub(super) fn take(&mut self, sequence: u32, message: Message, ready: &mut VecDeque<Message>) -> bool {
        let Ok(ahead) = usize::try_from(sequence.wrapping_sub(self.turn).cast_signed()) else {
            ready.push_back(message);
            return true;
        };
        if ahead as u64 > WINDOW_MESSAGES {
            return false;
        }
        if ahead > 0 {
            if self.early.len() <= ahead {
                self.early.resize_with(ahead + 1, Vec::new);
            }
            self.early[ahead].push(message);
            return true;
        }
        ready.push_back(message);
        self.turn = self.turn.wrapping_add(1);
        self.early.pop_front();
        while let Some(early) = self.early.pop_front_if(|early| !early.is_empty()) {
            ready.extend(early);
            self.turn = self.turn.wrapping_add(1);
        }
        true
    }

    /// Passes over what has not come, and appends what was kept to `ready`. False if nothing was.
    pub(super) fn pass_over(&mut self, ready: &mut VecDeque<Message>) -> bool {
        let kept = !self.early.is_empty();
        for early in self.early.drain(..) {
            ready.extend(early);
            self.turn = self.turn.wrapping_add(1);
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers in the order in which they are given.
    fn given(from: u32, sequences: &[u32]) -> Vec<u32> {
        let mut order = Order { turn: from, ..Order::default() };
        let mut ready = VecDeque::new();
        for sequence in sequences {
            order.take(*sequence, Message::new("", sequence.to_be_bytes().to_vec()), &mut ready);
        }
        ready.iter().map(|message| u32::from_be_bytes(message.payload()[..].try_into().expect("4 bytes"))).collect()
    }

    #[test]
    fn results_wait_for_their_turn() {
        assert_eq!(given(0, &[2, 1, 0, 3]), [0, 1, 2, 3]);
        assert_eq!(given(0, &[2, 1, 3]), [0; 0]);
        assert_eq!(given(u32::MAX, &[1, 0, u32::MAX]), [u32::MAX, 0, 1]);
    }

    #[test]
    fn several_results_of_a_request_come_when_they_can() {
        assert_eq!(given(0, &[1, 1, 0, 0, 2, 1]), [0, 1, 1, 0, 2, 1]);
    }

    #[test]
    fn what_does_not_come_is_passed_over() {
        let (mut order, mut ready) = (Order::default(), VecDeque::new());
        for sequence in [1, 3] {
            order.take(sequence, Message::new("", sequence.to_string()), &mut ready);
        }
        assert!(ready.is_empty());
        assert!(order.pass_over(&mut ready));
        assert!(!order.pass_over(&mut ready));
        for sequence in [4, 0] {
            order.take(sequence, Message::new("", sequence.to_string()), &mut ready);
        }
        let given: Vec<_> = ready.iter().map(|message| message.payload().clone()).collect();
        assert_eq!(given, ["1", "3", "4", "0"]);
    }

    #[test]
    fn what_was_never_sent_fills_no_memory() {
        assert_eq!(given(0, &[1 << 20, 0]), [0]);
        let mut order = Order::default();
        assert!(!order.take(1 << 30, Message::new("", ""), &mut VecDeque::new()));
        assert!(order.early.is_empty());
    }
}

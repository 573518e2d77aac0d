//! Puts results back into the order in which their requests were sent.

use std::collections::VecDeque;

use super::answer::{Answer, End};
use super::window::WINDOW_MESSAGES;

/// Results that came before their turn. Where it is not said which result of a request is the last one, the first is taken for
/// it, and more of the same one are given as they come.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The request whose turn it is. It wraps as the sequence does.
    turn: u32,
    /// What came for those behind it, the next one first.
    early: VecDeque<Early>,
}

#[derive(Debug, Default)]
struct Early {
    answers: Vec<Answer>,
    over: bool,
}

impl Order {
    /// Takes a result in, and appends to `ready` what may be given now. False for one of a request that was never sent.
    pub(super) fn take(&mut self, sequence: u32, answer: Answer, ready: &mut VecDeque<Answer>) -> bool {
        let Ok(ahead) = usize::try_from(sequence.wrapping_sub(self.turn).cast_signed()) else {
            ready.push_back(answer);
            return true;
        };
        if ahead as u64 > WINDOW_MESSAGES {
            return false;
        }
        let over = answer.end != End::More;
        if ahead > 0 {
            if self.early.len() < ahead {
                self.early.resize_with(ahead, Early::default);
            }
            let early = &mut self.early[ahead - 1];
            early.answers.push(answer);
            early.over |= over;
            return true;
        }
        ready.push_back(answer);
        let mut over = over;
        while over {
            self.turn = self.turn.wrapping_add(1);
            let Some(early) = self.early.pop_front() else { break };
            ready.extend(early.answers);
            over = early.over;
        }
        true
    }

    /// Passes over what has not come, and appends what was kept to `ready`. False if nothing was.
    pub(super) fn pass_over(&mut self, ready: &mut VecDeque<Answer>) -> bool {
        let kept = !self.early.is_empty();
        for early in self.early.drain(..) {
            ready.extend(early.answers);
            self.turn = self.turn.wrapping_add(1);
        }
        if kept {
            self.turn = self.turn.wrapping_add(1);
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Content;
    use super::*;

    fn answer(sequence: u32, end: End) -> Answer {
        Answer { sequence: Some(sequence), content: Content::Nothing, end }
    }

    fn numbers(ready: &VecDeque<Answer>) -> Vec<u32> {
        ready.iter().filter_map(|answer| answer.sequence).collect()
    }

    /// The numbers in the order in which they are given.
    fn given(from: u32, answers: &[(u32, End)]) -> Vec<u32> {
        let mut order = Order { turn: from, ..Order::default() };
        let mut ready = VecDeque::new();
        for (sequence, end) in answers {
            order.take(*sequence, answer(*sequence, *end), &mut ready);
        }
        numbers(&ready)
    }

    fn unknown<const N: usize>(sequences: [u32; N]) -> [(u32, End); N] {
        sequences.map(|sequence| (sequence, End::Unknown))
    }

    #[test]
    fn results_wait_for_their_turn() {
        assert_eq!(given(0, &unknown([2, 1, 0, 3])), [0, 1, 2, 3]);
        assert_eq!(given(0, &unknown([2, 1, 3])), [0; 0]);
        assert_eq!(given(u32::MAX, &unknown([1, 0, u32::MAX])), [u32::MAX, 0, 1]);
    }

    #[test]
    fn several_results_of_a_request_come_when_they_can() {
        assert_eq!(given(0, &unknown([1, 1, 0, 0, 2, 1])), [0, 1, 1, 0, 2, 1]);
    }

    #[test]
    fn where_the_last_result_is_known_all_come_in_their_place() {
        use End::{Last, More};
        let answers = [(1, More), (0, More), (2, Last), (0, More), (0, Last), (1, More), (3, Last), (1, Last)];
        assert_eq!(given(0, &answers), [0, 0, 0, 1, 1, 1, 2, 3]);
    }

    #[test]
    fn what_does_not_come_is_passed_over() {
        let (mut order, mut ready) = (Order::default(), VecDeque::new());
        for sequence in [1, 3] {
            order.take(sequence, answer(sequence, End::Unknown), &mut ready);
        }
        assert!(ready.is_empty());
        assert!(order.pass_over(&mut ready));
        assert!(!order.pass_over(&mut ready));
        for sequence in [4, 0] {
            order.take(sequence, answer(sequence, End::Unknown), &mut ready);
        }
        assert_eq!(numbers(&ready), [1, 3, 4, 0]);
    }

    #[test]
    fn what_was_never_sent_fills_no_memory() {
        assert_eq!(given(0, &unknown([1 << 20, 0])), [0]);
        let mut order = Order::default();
        assert!(!order.take(1 << 30, answer(1 << 30, End::Unknown), &mut VecDeque::new()));
        assert!(order.early.is_empty());
    }
}

//! What follows when a process has ended: a decision without I/O or clock.

use std::time::Duration;

use palm_registry::api::{RestartPolicy, RestartWhen};

/// The second restart in a row waits so long; each further one twice as long as the one before.
const FIRST: Duration = Duration::from_secs(1);

/// No restart waits longer.
const LONGEST: Duration = Duration::from_secs(60);

/// Who ran so long ran well, and its restarts are counted anew.
const GOOD: Duration = Duration::from_secs(60);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with a code.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// With its guardian, which was killed: nobody knows how.
    Unknown,
}

impl End {
    /// For people to read.
    pub(super) fn reason(self) -> String {
        match self {
            Self::Exited(code) => format!("it ended with exit code {code}"),
            Self::Signalled(number) => match signal_hook::low_level::signal_name(number) {
                Some(name) => format!("{name} ended it"),
                None => format!("signal {number} ended it"),
            },
            Self::Unknown => "its guardian was killed".to_owned(),
        }
    }
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is started again after this time.
    Restart(Duration),
    /// It is not started again, as its policy says.
    Exited,
    /// It ended too often.
    Fatal,
}

/// Restarts in a row of one instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Restarts {
    in_a_row: u32,
}

impl Restarts {
    /// Decides what follows `end`, of a process that ran for `ran`.
    pub(super) fn after(&mut self, policy: &RestartPolicy, end: End, ran: Duration) -> Verdict {
        let again = match policy.when {
            RestartWhen::Always => true,
            RestartWhen::Never => false,
            RestartWhen::Failure => end != End::Exited(0),
        };
        if !again {
            return Verdict::Exited;
        }
        if ran >= GOOD {
            self.in_a_row = 0;
        }
        if policy.attempts.is_some_and(|most| self.in_a_row >= most) {
            return Verdict::Fatal;
        }
        let delay = match self.in_a_row {
            0 => Duration::ZERO,
            before => FIRST.saturating_mul(1 << (before - 1).min(16)).min(LONGEST),
        };
        self.in_a_row = self.in_a_row.saturating_add(1);
        Verdict::Restart(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(policy: &RestartPolicy, count: usize) -> Vec<Verdict> {
        let mut restarts = Restarts::default();
        (0..count).map(|_| restarts.after(policy, End::Exited(1), Duration::from_secs(1))).collect()
    }

    #[test]
    fn the_first_restart_is_at_once_and_the_others_wait_longer_and_longer() {
        let seconds = [0, 1, 2, 4, 8, 16, 32, 60, 60];
        let expected: Vec<_> = seconds.map(|seconds| Verdict::Restart(Duration::from_secs(seconds))).into();
        assert_eq!(delays(&RestartPolicy::default(), expected.len()), expected);
    }

    #[test]
    fn a_thousand_restarts_wait_no_longer_than_the_longest() {
        assert_eq!(delays(&RestartPolicy::default(), 1000).last(), Some(&Verdict::Restart(LONGEST)));
    }

    #[test]
    fn who_ran_well_begins_anew() {
        let (mut restarts, policy) = (Restarts::default(), RestartPolicy::default());
        for _ in 0..5 {
            restarts.after(&policy, End::Signalled(9), GOOD - Duration::from_millis(1));
        }
        assert_eq!(restarts.after(&policy, End::Exited(0), GOOD), Verdict::Restart(Duration::ZERO));
        assert_eq!(restarts.after(&policy, End::Exited(0), Duration::ZERO), Verdict::Restart(FIRST));
    }

    #[test]
    fn attempts_end_in_fatal() {
        let policy = RestartPolicy { attempts: Some(2), ..RestartPolicy::default() };
        let expected = [Verdict::Restart(Duration::ZERO), Verdict::Restart(FIRST), Verdict::Fatal];
        assert_eq!(delays(&policy, 3), expected);
        let none = RestartPolicy { attempts: Some(0), ..RestartPolicy::default() };
        assert_eq!(delays(&none, 1), [Verdict::Fatal]);
    }

    #[test]
    fn after_which_ends() {
        let after = |when, end| {
            Restarts::default().after(&RestartPolicy { when, attempts: None }, end, Duration::ZERO) != Verdict::Exited
        };
        for end in [End::Exited(0), End::Exited(1), End::Signalled(15), End::Unknown] {
            assert!(after(RestartWhen::Always, end));
            assert!(!after(RestartWhen::Never, end));
            assert_eq!(after(RestartWhen::Failure, end), end != End::Exited(0));
        }
    }

    #[test]
    fn reasons_are_for_people() {
        assert_eq!(End::Exited(3).reason(), "it ended with exit code 3");
        assert_eq!(End::Signalled(9).reason(), "SIGKILL ended it");
    }
}

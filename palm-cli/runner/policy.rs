//! What follows when a process has ended: a decision without I/O or clock.

use std::collections::VecDeque;
use std::time::Duration;

use palm_registry::api::{RestartPolicy, RestartWhen};

/// The second restart in a row waits so long; each further one twice as long as the one before.
const FIRST: Duration = Duration::from_secs(1);

/// No restart waits longer.
const LONGEST: Duration = Duration::from_secs(60);

/// Who ran so long ran well, and its delays begin anew. Within so much of running, restarts are counted.
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

/// Restarts of one instance, as far as they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Restarts {
    in_a_row: u32,
    /// How long the last processes ran, one more than there are attempts.
    ran: VecDeque<Duration>,
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
        // Nobody knows whether the program is to blame for another end.
        if end != End::Unknown && policy.attempts.is_some_and(|most| self.is_enough(most, ran)) {
            return Verdict::Fatal;
        }
        let delay = match self.in_a_row {
            0 => Duration::ZERO,
            before => FIRST.saturating_mul(1 << (before - 1).min(16)).min(LONGEST),
        };
        self.in_a_row = self.in_a_row.saturating_add(1);
        Verdict::Restart(delay)
    }

    /// Whether as many restarts as there may be ran for less than [`GOOD`] together. The waits between them do not count: they are
    /// not running well.
    fn is_enough(&mut self, attempts: u32, ran: Duration) -> bool {
        let attempts = usize::try_from(attempts).unwrap_or(usize::MAX);
        self.ran.push_back(ran);
        while self.ran.len() > attempts.saturating_add(1) {
            self.ran.pop_front();
        }
        self.ran.len() > attempts && self.ran.iter().skip(1).sum::<Duration>() < GOOD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(policy: &RestartPolicy, count: usize) -> Vec<Verdict> {
        let mut restarts = Restarts::default();
        (0..count).map(|_| restarts.after(policy, End::Exited(1), Duration::from_secs(1))).collect()
    }

    const UNLIMITED: RestartPolicy = RestartPolicy { when: RestartWhen::Always, attempts: None };

    #[test]
    fn five_restarts_within_a_minute_are_enough() {
        let verdicts = delays(&RestartPolicy::default(), 6);
        assert!(verdicts[..5].iter().all(|verdict| matches!(verdict, Verdict::Restart(_))));
        assert_eq!(verdicts[5], Verdict::Fatal);
    }

    #[test]
    fn only_a_minute_of_running_counts() {
        let ends = |seconds: u64, policy: &RestartPolicy| {
            let mut restarts = Restarts::default();
            let mut after = || restarts.after(policy, End::Exited(1), Duration::from_secs(seconds));
            (1..1000).find(|_| after() == Verdict::Fatal)
        };
        let default = RestartPolicy::default();
        // Five times 11 s are less than a minute, five times 12 s are one.
        assert_eq!((ends(11, &default), ends(12, &default)), (Some(6), None));
        let ten = RestartPolicy { attempts: Some(10), ..default };
        assert_eq!((ends(1, &ten), ends(6, &ten), ends(0, &UNLIMITED)), (Some(11), None, None));
        // A good run long ago excuses nothing.
        let mut restarts = Restarts::default();
        let mut after = |seconds| restarts.after(&default, End::Exited(1), Duration::from_secs(seconds));
        assert!((0..100).all(|_| after(3600) == Verdict::Restart(Duration::ZERO)));
        assert_eq!((1..).find(|_| after(0) == Verdict::Fatal), Some(5));
    }

    #[test]
    fn an_end_without_a_known_cause_is_no_crash() {
        let (mut restarts, policy) = (Restarts::default(), RestartPolicy::default());
        let mut after = || restarts.after(&policy, End::Unknown, Duration::ZERO);
        assert!((0..20).all(|_| matches!(after(), Verdict::Restart(_))));
    }

    #[test]
    fn the_first_restart_is_at_once_and_the_others_wait_longer_and_longer() {
        let seconds = [0, 1, 2, 4, 8, 16, 32, 60, 60];
        let expected: Vec<_> = seconds.map(|seconds| Verdict::Restart(Duration::from_secs(seconds))).into();
        assert_eq!(delays(&UNLIMITED, expected.len()), expected);
    }

    #[test]
    fn a_thousand_restarts_wait_no_longer_than_the_longest() {
        assert_eq!(delays(&UNLIMITED, 1000).last(), Some(&Verdict::Restart(LONGEST)));
    }

    #[test]
    fn who_ran_well_begins_anew() {
        let (mut restarts, policy) = (Restarts::default(), UNLIMITED);
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

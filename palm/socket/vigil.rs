//! A thread looks for news for a while before it sleeps. `vigil.hpp` is the same for libzmq's threads.
//!
//! To wake a thread up that sleeps takes some 10 µs, most of all on a virtual machine whose processor has nothing else to do, and
//! a call wakes six of them on its way. So a thread whose news come soon stays awake for them, and leaves the processor to
//! whoever wants it meanwhile; one whose news do not come soon sleeps at once.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread looks, unless `PALM_SPIN_US` says otherwise.
const DEFAULT: Duration = Duration::from_micros(100);
/// The longest that it can say.
const MAX: Duration = Duration::from_millis(1);
/// From how many short waits on a thread looks. A long one outweighs as many.
const WORTH: u32 = 8;
/// More short waits make no difference.
const MAX_SHORT: u32 = 16;

/// The waits of one thread.
#[derive(Debug)]
pub(super) struct Vigil {
    longest: Duration,
    /// How many short waits there were of late, less those that long ones outweigh.
    short: u32,
}

impl Default for Vigil {
    fn default() -> Self {
        static LONGEST: OnceLock<Duration> = OnceLock::new();
        Self::new(*LONGEST.get_or_init(|| chosen(std::env::var("PALM_SPIN_US").ok().as_deref())))
    }
}

/// What the environment says.
fn chosen(micros: Option<&str>) -> Duration {
    let micros = micros.filter(|micros| !micros.is_empty() && micros.bytes().all(|digit| digit.is_ascii_digit()));
    micros.map_or(DEFAULT, |micros| micros.parse().map_or(MAX, Duration::from_micros)).min(MAX)
}

impl Vigil {
    const fn new(longest: Duration) -> Self {
        Self { longest, short: 0 }
    }

    /// Waits until `look` has found something, which it says, or the time is up (`None`: no limit). `look` sleeps for up to the
    /// time that it is given.
    pub(super) fn wait(&mut self, timeout: Option<Duration>, mut look: impl FnMut(Option<Duration>) -> bool) {
        if timeout == Some(Duration::ZERO) {
            look(timeout);
            return;
        }
        let (began, looks) = (Instant::now(), self.looks());
        let mut found = false;
        let longest = timeout.map_or(self.longest, |timeout| timeout.min(self.longest));
        while looks && !found && began.elapsed() < longest {
            found = look(Some(Duration::ZERO));
            if !found {
                thread::yield_now();
            }
        }
        if !found {
            look(timeout);
        }
        self.ended(looks, began.elapsed());
    }

    fn looks(&self) -> bool {
        self.short >= WORTH && !self.longest.is_zero()
    }

    /// If it slept, the wait would have been shorter, for the news were late by the time that it takes to wake up, and those of
    /// whoever waits on the other side too.
    fn ended(&mut self, looked: bool, waited: Duration) {
        let limit = if looked { self.longest } else { 2 * self.longest };
        self.short = if waited <= limit { (self.short + 1).min(MAX_SHORT) } else { self.short.saturating_sub(WORTH) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_micros(50);
    const SOON: Duration = Duration::from_micros(30);
    const LATE: Duration = Duration::from_millis(3);

    /// How many of so many waits, each of that time, begin with a look.
    fn looks(vigil: &mut Vigil, waits: u32, waited: Duration) -> usize {
        (0..waits)
            .filter(|_| {
                let looks = vigil.looks();
                vigil.ended(looks, waited);
                looks
            })
            .count()
    }

    #[test]
    fn it_looks_while_news_come_soon_and_not_while_they_do_not() {
        let mut vigil = Vigil::new(LONGEST);
        assert_eq!(looks(&mut vigil, 100, SOON), 92);
        // One that was late changes nothing yet.
        assert_eq!(looks(&mut vigil, 1, LATE), 1);
        assert_eq!(looks(&mut vigil, 8, SOON), 8);
        assert_eq!(looks(&mut vigil, 100, LATE), 2);
        for _ in 0..100 {
            assert_eq!(looks(&mut vigil, 1, SOON) + looks(&mut vigil, 1, LATE), 0, "half of its waits are long");
        }
    }

    #[test]
    fn waits_that_would_be_shorter_with_a_look_are_tried() {
        let mut vigil = Vigil::new(LONGEST);
        assert_eq!(looks(&mut vigil, 8, LONGEST + SOON), 0);
        assert_eq!(looks(&mut vigil, 1, SOON), 1);
        // In vain: it is one of nine.
        let mut vigil = Vigil::new(LONGEST);
        assert_eq!(looks(&mut vigil, 90, LONGEST + SOON), 10);
    }

    #[test]
    fn it_looks_again_and_again_or_sleeps_once() {
        let mut vigil = Vigil::new(Duration::from_secs(20));
        let mut asked = Vec::new();
        vigil.wait(Some(LATE), |timeout| {
            asked.push(timeout);
            true
        });
        assert_eq!(asked, [Some(LATE)]);
        vigil.short = WORTH;
        asked.clear();
        vigil.wait(None, |timeout| {
            asked.push(timeout);
            asked.len() == 5
        });
        assert_eq!(asked, [Some(Duration::ZERO); 5]);
    }

    #[test]
    fn with_no_time_to_look_or_to_wait_it_asks_once() {
        for (longest, timeout) in [(Duration::ZERO, Some(LATE)), (LONGEST, Some(Duration::ZERO))] {
            let (mut vigil, mut asked) = (Vigil { longest, short: MAX_SHORT }, Vec::new());
            for _ in 0..3 {
                vigil.wait(timeout, |timeout| {
                    asked.push(timeout);
                    false
                });
            }
            assert_eq!(asked, [timeout; 3]);
        }
    }

    #[test]
    fn libzmqs_threads_do_the_same() {
        let text = include_str!("vigil.hpp");
        for (name, value) in [
            ("default_us", DEFAULT.as_micros()),
            ("max_us", MAX.as_micros()),
            ("worth", WORTH.into()),
            ("max_short", MAX_SHORT.into()),
        ] {
            assert!(text.contains(&format!("    {name} = {value}")), "{name} is not {value}");
        }
    }

    #[test]
    fn the_environment_may_choose() {
        for (micros, time) in [
            (None, DEFAULT),
            (Some("20"), Duration::from_micros(20)),
            (Some("0"), Duration::ZERO),
            (Some("5000"), MAX),
            (Some("99999999999999999999999"), MAX),
            (Some("-1"), DEFAULT),
            (Some("+1"), DEFAULT),
            (Some(""), DEFAULT),
            (Some("long"), DEFAULT),
        ] {
            assert_eq!(chosen(micros), time, "{micros:?}");
        }
    }
}

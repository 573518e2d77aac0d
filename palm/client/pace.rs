//! How many bytes a job has under way: as few as make it no slower.
//!
//! What is under way lies in queues. Where that is more than it takes to keep everybody busy, each message has left the
//! processor's caches before its turn comes, and is copied at half the speed. How much it takes depends on how many workers there
//! are and how long they need, which nobody knows beforehand; so a job begins with much and tries less.

use std::time::{Duration, Instant};

/// Bytes under way at most.
pub(super) const MOST: u64 = 16 << 20;
/// What is tried at least.
const LEAST: u64 = 1 << 20;
/// A trial is by this factor.
const STEP: u64 = 4;
/// A rate is measured for the time that so many windows take, and for long enough that a thread which had to wait for a processor
/// makes little of it.
const PERIOD: u64 = 2;
const LONG_ENOUGH: Duration = Duration::from_millis(10);
/// Rates that are measured before what was not taken is tried again: at first, and after it was not taken again and again.
const REST: u32 = 32;
const LONG_REST: u32 = 256;
/// What less may cost of the rate, and what more has to be worth.
const ENOUGH: f64 = 0.85;
const BETTER: f64 = 1.15;
/// A rate that has fallen by that says that things have changed.
const CHANGED: f64 = 0.5;

#[derive(Debug)]
pub(super) struct Pace {
    bytes: u64,
    period: Option<Period>,
    /// The rate with `bytes`, as it was last measured.
    rate: Option<f64>,
    /// What is in force again if `bytes`, which is tried, is not taken.
    usual: Option<Usual>,
    /// Rates that are to be measured before the next trial; and how many it is next time.
    rest: u32,
    next_rest: u32,
    /// The next trial is of more.
    up: bool,
}

/// What a rate is measured from on.
#[derive(Debug, Clone, Copy)]
struct Period {
    since: Instant,
    settled: u64,
    pulled: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Usual {
    bytes: u64,
    rate: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { bytes: MOST, period: None, rate: None, usual: None, rest: 0, next_rest: REST, up: false }
    }
}

impl Pace {
    /// How many bytes may be under way.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// So many are, and no more may be. `settled` were before, and `pulled` is the time that went by in the source.
    pub(super) fn full(&mut self, under_way: u64, settled: u64, pulled: Duration, now: Instant) {
        let Some(period) = self.period else {
            // After a trial of less has begun, what is too much has to go first.
            if under_way <= self.bytes + self.bytes / 2 {
                self.period = Some(Period { since: now, settled, pulled });
            }
            return;
        };
        let (came, time) = (settled - period.settled, now.saturating_duration_since(period.since));
        if came < PERIOD * self.bytes || time < LONG_ENOUGH {
            return;
        }
        self.period = Some(Period { since: now, settled, pulled });
        // The source had a say in a rate for which it took much of the time.
        if pulled.saturating_sub(period.pulled) < time / 4 {
            self.measured(came as f64 / time.as_secs_f64());
        }
    }

    /// It waits for something else than room: what is measured now says nothing.
    pub(super) const fn disturb(&mut self) {
        self.period = None;
    }

    fn measured(&mut self, rate: f64) {
        match self.usual.take() {
            Some(usual) => {
                let factor = if self.bytes < usual.bytes { ENOUGH } else { BETTER };
                if rate >= factor * usual.rate {
                    (self.rate, self.next_rest) = (Some(rate), REST);
                    self.try_other(rate);
                } else {
                    (self.bytes, self.rate, self.period) = (usual.bytes, Some(usual.rate), None);
                    self.turn();
                }
            }
            None if self.rate.is_some_and(|usual| rate < CHANGED * usual) => *self = Self::default(),
            None => {
                self.rate = Some(rate);
                match self.rest.checked_sub(1) {
                    Some(rest) => self.rest = rest,
                    None => self.try_other(rate),
                }
            }
        }
    }

    /// Tries more or less, if it can be more or less.
    fn try_other(&mut self, rate: f64) {
        let other = if self.up { self.bytes * STEP } else { self.bytes / STEP };
        if (LEAST..=MOST).contains(&other) {
            self.usual = Some(Usual { bytes: self.bytes, rate });
            (self.bytes, self.period) = (other, None);
        } else {
            self.turn();
        }
    }

    /// That way it goes no further.
    fn turn(&mut self) {
        (self.rest, self.next_rest) = (self.next_rest, (2 * self.next_rest).min(LONG_REST));
        self.up = !self.up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: u64 = 100_000;

    /// A job of so many messages for components that bring `rate` of them back a second with so many bytes under way. The mean
    /// rate, and how many bytes are under way at last.
    fn job(pace: &mut Pace, messages: u64, mut rate: impl FnMut(u64) -> f64) -> (f64, u64) {
        let (mut now, mut sent, mut settled) = (Instant::now(), 0, 0);
        let began = now;
        pace.disturb();
        while settled < messages {
            while sent < messages && (sent - settled) * MESSAGE < pace.bytes() {
                sent += 1;
            }
            let under_way = (sent - settled) * MESSAGE;
            if under_way >= pace.bytes() {
                pace.full(under_way, settled * MESSAGE, Duration::ZERO, now);
            }
            now += Duration::from_secs_f64(1.0 / rate(under_way));
            settled += 1;
        }
        (messages as f64 / now.duration_since(began).as_secs_f64(), pace.bytes())
    }

    #[test]
    fn where_less_is_as_good_there_is_less() {
        let mut pace = Pace::default();
        assert_eq!(job(&mut pace, 2_000, |_| 10_000.0).1, LEAST);
        let fast = |under_way| if under_way > 4 << 20 { 5_000.0 } else { 10_000.0 };
        let (rate, bytes) = job(&mut Pace::default(), 20_000, fast);
        assert!(rate > 9_300.0 && bytes == LEAST, "{rate} with {bytes}");
    }

    #[test]
    fn many_slow_workers_have_their_messages() {
        // As many as they are need 50 ms each.
        for workers in [1, 16, 64, 150] {
            let rate = |under_way: u64| 20.0 * workers.min(under_way / MESSAGE).max(1) as f64;
            let (mean, _) = job(&mut Pace::default(), 20_000, rate);
            assert!(mean > 0.93 * rate(MOST), "{mean} with {workers} workers");
        }
    }

    #[test]
    fn it_is_wide_again_when_workers_become_slow_and_when_more_come() {
        let mut pace = Pace::default();
        assert!(job(&mut pace, 4_000, |_| 10_000.0).1 < MOST);
        let slow = |under_way: u64| 20.0 * 64.min(under_way / MESSAGE).max(1) as f64;
        job(&mut pace, 2_000, slow);
        let (mean, _) = job(&mut pace, 10_000, slow);
        assert!(mean > 0.9 * slow(MOST), "{mean}");
        let mut pace = Pace::default();
        let few = |under_way: u64| 20.0 * 8.min(under_way / MESSAGE).max(1) as f64;
        job(&mut pace, 4_000, few);
        job(&mut pace, 4_000, slow);
        let (mean, _) = job(&mut pace, 10_000, slow);
        assert!(mean > 0.9 * slow(MOST), "{mean}");
    }

    #[test]
    fn a_source_that_takes_its_time_says_nothing() {
        let (mut pace, mut now, mut pulled) = (Pace::default(), Instant::now(), Duration::ZERO);
        for windows in 0..100 {
            pace.full(MOST, windows * MOST, pulled, now);
            now += Duration::from_millis(10);
            pulled += Duration::from_millis(5);
        }
        assert_eq!((pace.bytes(), pace.rate), (MOST, None));
        for windows in 100..200 {
            pace.full(MOST, windows * MOST, pulled, now);
            pace.disturb();
            now += Duration::from_millis(10);
        }
        assert_eq!((pace.bytes(), pace.rate), (MOST, None));
    }
}

//! How many bytes a job has under way: few, where that is not slower.
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
/// What the rate has to be with less, to the best one of late, and with more, to the one before.
const ENOUGH: f64 = 0.92;
const BETTER: f64 = 1.08;
/// A rate that has fallen by that says that things have changed.
const CHANGED: f64 = 0.5;
/// Rates that cannot be measured, one after the other, before there is room for whatever they would have said.
const UNKNOWN: u32 = 4;

#[derive(Debug)]
pub(super) struct Pace {
    bytes: u64,
    period: Option<Period>,
    /// The rate with `bytes`, as it was last measured, and the best one since there was no trial.
    rate: f64,
    best: f64,
    /// What is in force again if `bytes`, which is tried, is not taken.
    usual: Option<u64>,
    /// Rates that are to be measured before the next trial; and how many it is next time.
    rest: u32,
    next_rest: u32,
    unknown: u32,
    /// The next trial is of more.
    up: bool,
    /// Nothing is tried.
    fixed: bool,
}

/// What a rate is measured from on.
#[derive(Debug, Clone, Copy)]
struct Period {
    since: Instant,
    settled: u64,
    pulled: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            bytes: MOST,
            period: None,
            rate: 0.0,
            best: 0.0,
            usual: None,
            rest: 0,
            next_rest: REST,
            unknown: 0,
            up: false,
            fixed: false,
        }
    }
}

impl Pace {
    /// That of a job which needs all of it: who cannot go on without more must not be kept waiting.
    pub(super) fn fixed() -> Self {
        Self { fixed: true, ..Self::default() }
    }

    /// How many bytes may be under way.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// So many are, of which `last` were sent last, and no more may be. `settled` were before, and `pulled` is the time that went by
    /// with the source and with what it gave.
    pub(super) fn full(&mut self, (under_way, last): (u64, u64), settled: u64, pulled: Duration, now: Instant) {
        if self.fixed {
            return;
        }
        let Some(period) = self.period else {
            // After a trial of less has begun, what is too much has to go first.
            if under_way - last < self.bytes {
                self.period = Some(Period { since: now, settled, pulled });
            }
            return;
        };
        let (came, time) = (settled - period.settled, now.saturating_duration_since(period.since));
        let wanted = PERIOD * self.bytes.max(self.usual.unwrap_or_default());
        // It is too slow already if all that is missing came now.
        let fails = self.usual.is_some() && wanted as f64 / time.as_secs_f64() < self.hurdle();
        if time < LONG_ENOUGH || (came < wanted && !fails) {
            return;
        }
        self.period = Some(Period { since: now, settled, pulled });
        // A source that takes its time has a say in the rate.
        if pulled.saturating_sub(period.pulled) < time / 4 {
            self.unknown = 0;
            self.measured(came as f64 / time.as_secs_f64());
        } else {
            self.not_measured();
        }
    }

    /// It waits for something else than room: what is measured now says nothing.
    pub(super) fn disturb(&mut self) {
        if self.period.take().is_some() {
            self.not_measured();
        }
    }

    fn not_measured(&mut self) {
        self.unknown += 1;
        if let Some(usual) = self.usual.take() {
            self.bytes = usual;
            self.turn();
        } else if self.unknown >= UNKNOWN {
            *self = Self::default();
        }
    }

    /// The rate that what is tried has to have.
    fn hurdle(&self) -> f64 {
        if self.usual.is_some_and(|usual| self.bytes < usual) { ENOUGH * self.best } else { BETTER * self.rate }
    }

    fn measured(&mut self, rate: f64) {
        match self.usual {
            Some(_) if rate >= self.hurdle() => {
                (self.usual, self.rate, self.best, self.next_rest) = (None, rate, self.best.max(rate), REST);
                self.try_other();
            }
            Some(usual) => {
                (self.usual, self.bytes) = (None, usual);
                self.turn();
            }
            None if rate < CHANGED * self.rate => *self = Self::default(),
            None => {
                (self.rate, self.best) = (rate, rate);
                match self.rest.checked_sub(1) {
                    Some(rest) => self.rest = rest,
                    None => self.try_other(),
                }
            }
        }
    }

    /// Tries more or less, if it can be more or less.
    fn try_other(&mut self) {
        let other = if self.up { self.bytes * STEP } else { self.bytes / STEP };
        if (LEAST..=MOST).contains(&other) {
            self.usual = Some(self.bytes);
            (self.bytes, self.period) = (other, None);
        } else {
            self.turn();
        }
    }

    /// That way it goes no further.
    fn turn(&mut self) {
        (self.rest, self.next_rest) = (self.next_rest, (2 * self.next_rest).min(LONG_REST));
        (self.up, self.period) = (!self.up, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: u64 = 100_000;

    /// A job of so many messages of `size` bytes for components that bring `rate` of them back a second with so many under way. The
    /// mean rate.
    fn job_of(pace: &mut Pace, size: u64, messages: u64, mut rate: impl FnMut(u64) -> f64) -> f64 {
        let (mut now, mut sent, mut settled) = (Instant::now(), 0, 0);
        let began = now;
        pace.period = None;
        while settled < messages {
            while sent < messages && (sent - settled) * size < pace.bytes() {
                sent += 1;
            }
            let under_way = sent - settled;
            if under_way * size >= pace.bytes() {
                pace.full((under_way * size, size), settled * size, Duration::ZERO, now);
            }
            now += Duration::from_secs_f64(1.0 / rate(under_way));
            settled += 1;
        }
        messages as f64 / now.duration_since(began).as_secs_f64()
    }

    fn job(pace: &mut Pace, messages: u64, rate: impl FnMut(u64) -> f64) -> f64 {
        job_of(pace, MESSAGE, messages, rate)
    }

    /// So many workers need 50 ms each.
    fn slow(workers: u64) -> impl Fn(u64) -> f64 {
        move |under_way| 20.0 * workers.min(under_way).max(1) as f64
    }

    #[test]
    fn where_less_is_as_good_there_is_less() {
        let mut pace = Pace::default();
        job(&mut pace, 2_000, |_| 10_000.0);
        assert_eq!(pace.bytes(), LEAST);
        let fast = |under_way| if under_way > 40 { 5_000.0 } else { 10_000.0 };
        let mut pace = Pace::default();
        let rate = job(&mut pace, 20_000, fast);
        assert!(rate > 9_300.0 && pace.bytes() < MOST, "{rate} with {}", pace.bytes());
    }

    #[test]
    fn many_slow_workers_have_their_messages() {
        for workers in [1, 4, 12, 16, 48, 64, 150] {
            let mean = job(&mut Pace::default(), 20_000, slow(workers));
            assert!(mean > 0.91 * slow(workers)(u64::MAX), "{mean} with {workers} workers");
        }
    }

    #[test]
    fn few_large_messages_are_not_too_few() {
        for (size, workers) in
            [(1_000_000, 4), (1_000_000, 12), (800_000, 4), (3 << 20, 2), (8 << 20, 2), (32 << 20, 1)]
        {
            let mean = job_of(&mut Pace::default(), size, 5_000, slow(workers));
            assert!(mean > 0.91 * slow(workers)(u64::MAX), "{mean} with {workers} workers for {size} bytes");
        }
    }

    #[test]
    fn it_is_wide_again_when_workers_become_slow_and_when_more_come() {
        for before in [Box::new(|_| 10_000.0) as Box<dyn Fn(u64) -> f64>, Box::new(slow(8))] {
            let mut pace = Pace::default();
            job(&mut pace, 4_000, before);
            assert!(pace.bytes() < MOST);
            job(&mut pace, 6_000, slow(64));
            let mean = job(&mut pace, 10_000, slow(64));
            assert!(mean > 0.9 * slow(64)(u64::MAX), "{mean}");
        }
    }

    #[test]
    fn a_source_that_takes_its_time_has_all_the_room() {
        let mut pace = Pace::default();
        job(&mut pace, 2_000, |_| 10_000.0);
        assert_eq!(pace.bytes(), LEAST);
        let (mut now, mut pulled) = (Instant::now(), Duration::ZERO);
        pace.period = None;
        for windows in 0..100 {
            pace.full((pace.bytes(), 1), windows * 4 * MOST, pulled, now);
            now += Duration::from_millis(20);
            pulled += Duration::from_millis(10);
        }
        assert_eq!(pace.bytes(), MOST);
        job(&mut pace, 2_000, |_| 10_000.0);
        assert_eq!(pace.bytes(), LEAST);
        pace.period = None;
        for windows in 0..100 {
            pace.full((pace.bytes(), 1), windows * MOST, pulled, now);
            pace.disturb();
        }
        assert_eq!(pace.bytes(), MOST);
    }

    #[test]
    fn nothing_is_tried_where_all_is_needed() {
        let mut pace = Pace::fixed();
        job(&mut pace, 2_000, |_| 10_000.0);
        assert_eq!(pace.bytes(), MOST);
    }
}

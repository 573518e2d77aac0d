//! What a client does to a system in order to measure it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::peer::BoxError;

/// Calls before those that count.
const UNCOUNTED: usize = 200;

/// A client of a system that sends back what it gets.
pub(crate) trait Caller {
    /// Sends so many messages, as fast as it can while few enough are under way, and takes their answers.
    fn job(&mut self, count: usize) -> Result<(), BoxError>;
    /// Sends one message and waits for its answer.
    fn call(&mut self) -> Result<(), BoxError>;
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Messages a second.
    pub(crate) rate: f64,
    /// Round trips, in microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Jobs grow until one takes about `time`: that one counts. Then so many `calls`, one after the other.
pub(crate) fn measure(caller: &mut impl Caller, time: Duration, calls: usize) -> Result<Sample, BoxError> {
    let mut count = 1_000;
    let rate = loop {
        let start = Instant::now();
        caller.job(count)?;
        let (taken, wanted) = (start.elapsed().as_secs_f64(), time.as_secs_f64());
        if taken >= wanted / 2.0 {
            break count as f64 / taken;
        }
        count = (count as f64 * (wanted / taken).clamp(2.0, 20.0)) as usize;
    };
    let mut timed = || {
        let start = Instant::now();
        caller.call().map(|()| start.elapsed().as_secs_f64() * 1e6)
    };
    for _ in 0..UNCOUNTED {
        timed()?;
    }
    let mut times = (0..calls).map(|_| timed()).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable_by(f64::total_cmp);
    Ok(Sample { rate, p50: times[calls / 2], p99: times[calls * 99 / 100] })
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rate, self.p50, self.p99)
    }
}

impl FromStr for Sample {
    type Err = BoxError;

    fn from_str(text: &str) -> Result<Self, BoxError> {
        let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        match numbers[..] {
            [rate, p50, p99] => Ok(Self { rate, p50, p99 }),
            _ => Err(format!("`{text}` is no sample").into()),
        }
    }
}

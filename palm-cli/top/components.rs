use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Look;
use crate::failure::Failure;
use crate::peer::Peer;
use crate::table::{Table, bytes};

/// Counters whose growth is shown.
const RATES: [&str; 3] = ["received", "calls", "sent"];

/// Counters of what came to nothing.
const DROPPED: [&str; 5] = ["undecodable", "expired", "discarded", "superseded", "stalled"];

/// A component that is slow to answer is waited for so long at least.
const PATIENCE: Duration = Duration::from_secs(1);

/// Components, each by its cache.
pub(super) struct Components(Vec<Component>);

struct Component {
    peer: Peer,
    name: String,
    /// What it counted the last time, and when.
    last: Option<(Instant, Value)>,
    /// What it counts now.
    now: Seen,
}

enum Seen {
    Counters {
        stats: Value,
        per_second: [Option<f64>; RATES.len()],
    },
    /// It is there, and says nothing.
    Classic,
    /// It does not answer, for this reason.
    Away(String),
}

impl Components {
    /// Looks at each for the first time. One of them has to be there.
    pub(super) fn reach(addresses: &[String], interval: Duration) -> Result<Self, Failure> {
        let component = |peer| Component { peer, name: String::new(), last: None, now: Seen::Classic };
        let mut first = Self(addresses.iter().map(|address| component(Peer::at(address))).collect());
        if let Some(failure) = first.ask().into_iter().reduce(Option::and).flatten() {
            return Err(failure);
        }
        for component in &mut first.0 {
            component.peer = Peer::patient(component.peer.address(), interval.max(PATIENCE));
        }
        Ok(first)
    }

    pub(super) fn look(&mut self) -> Look {
        self.ask();
        let heads = [
            "NAME",
            "ADDRESS",
            ">IN/S",
            ">CALLS/S",
            ">OUT/S",
            ">ERRORS",
            ">IN FLIGHT",
            ">HOLDING",
            ">AGAIN",
            ">DROPPED",
        ];
        let mut table = Table::new(&heads);
        for component in &self.0 {
            table.row(component.row());
        }
        let components: Value = self.0.iter().map(Component::json).collect();
        Look { table, json: json!({ "at": Timestamp::now().to_string(), "components": components }) }
    }

    /// Asks all of them at once; why one does not answer stands in its place.
    fn ask(&mut self) -> Vec<Option<Failure>> {
        thread::scope(|scope| {
            let asked: Vec<_> = self.0.iter_mut().map(|component| scope.spawn(move || component.ask().err())).collect();
            let panicked = |_| Some(Failure::failed("the thread that asked it panicked"));
            asked.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
        })
    }
}

impl Component {
    fn ask(&mut self) -> Result<(), Failure> {
        let answer = self.peer.text("name").and_then(|name| Ok((name, self.peer.object("_palm.stats")?)));
        match answer {
            Ok((name, stats)) => {
                self.name = name.unwrap_or_default();
                let now = Instant::now();
                self.now = match stats {
                    Some(stats) => {
                        let last = self.last.replace((now, stats.clone()));
                        let rate = |key: &str| {
                            let (then, before) = last.as_ref()?;
                            Some(rate(before[key].as_u64()?, stats[key].as_u64()?, now - *then))
                        };
                        let per_second = RATES.map(rate);
                        Seen::Counters { stats, per_second }
                    }
                    None => Seen::Classic,
                };
                Ok(())
            }
            Err(failure) => {
                self.last = None;
                self.now = Seen::Away(failure.text.clone());
                Err(failure)
            }
        }
    }

    fn row(&self) -> Vec<String> {
        let mut row = vec![self.name.clone(), self.peer.address().to_owned()];
        match &self.now {
            Seen::Counters { stats, per_second } => {
                let count = |key: &str| stats[key].as_u64().unwrap_or(0);
                row.extend(per_second.map(|rate| rate.map(|rate| format!("{rate:.0}")).unwrap_or_default()));
                row.push(count("errors").to_string());
                row.push(count("in_flight").to_string());
                row.push(bytes(count("holding")));
                row.push(count("redelivered").to_string());
                row.push(DROPPED.map(count).iter().sum::<u64>().to_string());
            }
            Seen::Classic => row.push("classic".to_owned()),
            Seen::Away(_) => row.push("away".to_owned()),
        }
        row
    }

    fn json(&self) -> Value {
        let (stats, per_second, error) = match &self.now {
            Seen::Counters { stats, per_second } => {
                let rates = RATES.into_iter().zip(per_second).map(|(key, rate)| (key.to_owned(), json!(rate)));
                (Some(stats), Some(Value::Object(rates.collect())), None)
            }
            Seen::Classic => (None, None, None),
            Seen::Away(reason) => (None, None, Some(reason)),
        };
        json!({
            "address": self.peer.address(),
            "name": self.name,
            "stats": stats,
            "per_second": per_second,
            "error": error,
        })
    }
}

/// What a counter gains in a second. One that is less than before belongs to another run of the component.
fn rate(before: u64, now: u64, time: Duration) -> f64 {
    let gained = now.checked_sub(before).unwrap_or(now);
    #[expect(clippy::cast_precision_loss, reason = "it is for people")]
    let gained = gained as f64;
    gained / time.as_secs_f64().max(0.001)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_began_anew_gains_what_it_has() {
        let second = Duration::from_secs(2);
        assert!((rate(100, 300, second) - 100.0).abs() < 1e-9);
        assert!((rate(100, 30, second) - 15.0).abs() < 1e-9);
    }
}

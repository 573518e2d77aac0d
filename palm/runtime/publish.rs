//! The counters of a component, for the recorder of the `metrics` facade.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{Key, Level, Metadata, Recorder};

use crate::engine::Stats;

/// How old what a recorder has may be.
pub(super) const PUBLISH_EVERY: Duration = Duration::from_secs(1);

const METADATA: Metadata<'_> = Metadata::new("palm", Level::INFO, None);

/// What the recorder has of one component.
///
/// It is given what has been added since, so that components of one name add up, and one that is started again goes on where
/// its last run ended. What was published before there was a recorder is given to it as a whole.
#[derive(Debug, Default)]
pub(super) struct Published(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Which recorder that is: its place in memory.
    recorder: usize,
    counters: Vec<u64>,
    gauges: Vec<u64>,
}

impl Published {
    /// Brings the recorder up to date. Of a component that has `ended`, nothing is in flight and nothing is held.
    pub(super) fn update(&self, component: &str, stats: &Stats, ended: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        metrics::with_recorder(|recorder| state.give(recorder, component, stats, ended));
    }
}

impl State {
    fn give(&mut self, recorder: &dyn Recorder, component: &str, stats: &Stats, ended: bool) {
        let place = std::ptr::from_ref(recorder).addr();
        if self.recorder != place {
            *self = Self { recorder: place, ..Self::default() };
        }
        let key = |name: String| Key::from_parts(name, &[("component", component.to_owned())]);
        self.counters.resize(stats.iter().count(), 0);
        for ((name, value), given) in stats.iter().zip(&mut self.counters) {
            let counter = recorder.register_counter(&key(format!("palm_{name}_total")), &METADATA);
            counter.increment(value - *given);
            *given = value;
        }
        let gauges = [("palm_in_flight", stats.in_flight()), ("palm_holding_bytes", stats.holding())];
        self.gauges.resize(gauges.len(), 0);
        for ((name, value), given) in gauges.into_iter().zip(&mut self.gauges) {
            let value = if ended { 0 } else { value };
            let gauge = recorder.register_gauge(&key(name.to_owned()), &METADATA);
            gauge.increment(value as f64 - *given as f64);
            *given = value;
        }
    }
}

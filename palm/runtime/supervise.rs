//! Bypass parts at work, each on a thread of its own, and what happens when one ends too early.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::place::{PlaceOf, Rules};
use super::relief::Shared;
use crate::cache::Cache;
use crate::engine::{Counter, Faults, Shelf, panic_text};
use crate::error::Error;
use crate::part::BypassOpening;
use crate::socket::Context;
use crate::topology::PlannedBypass;

/// How long a part that failed rests; twice as long with each time that it failed of late.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Supervised {
    pub(super) planned: PlannedBypass,
    pub(super) rules: Arc<Rules>,
    pub(super) context: Context,
    pub(super) cache: Arc<dyn Cache>,
    pub(super) shelf: Shelf,
    pub(super) shared: Arc<Shared>,
}

impl Supervised {
    /// Runs the part until the component ends. One that fails is opened and run anew; one that fails too often takes its
    /// component with it.
    pub(super) fn run(mut self) {
        let mut faults = Faults::default();
        let mut outcome = self.work();
        while let Err(text) = outcome {
            self.shared.stats.add(Counter::Errors, 1);
            let part = &*self.planned.name;
            let Some(failures) = faults.note(Instant::now()) else {
                let component = self.rules.component.clone();
                return self.shared.fail(Error::PartFailed { component, part: part.to_owned(), text });
            };
            tracing::error!(part, "the part failed, and is started anew: {text}");
            if self.shared.stop.wait(PAUSE * (1 << (failures - 1))) {
                return;
            }
            outcome = self.open().and_then(|()| self.work());
        }
    }

    /// Runs the part to its end; an error if that comes too early.
    fn work(&mut self) -> Result<(), String> {
        let (part, stop) = (&mut self.planned.part, &self.shared.stop);
        catch_unwind(AssertUnwindSafe(|| part.run(stop))).map_err(|panic| panic_text(&*panic))?;
        if stop.is_set() || part.is_done() { Ok(()) } else { Err("it ended by itself".to_owned()) }
    }

    fn open(&mut self) -> Result<(), String> {
        // They are published already.
        let mut addresses = Vec::new();
        let (part, key) = (&*self.planned.name, self.planned.key);
        let mut place = PlaceOf { rules: &self.rules, part, key, addresses: &mut addresses };
        let mut opening = BypassOpening {
            place: &mut place,
            context: &self.context,
            cache: &self.cache,
            stats: &self.shared.stats,
            shelf: &self.shelf,
        };
        let part = &mut self.planned.part;
        let opened = catch_unwind(AssertUnwindSafe(|| part.open(&mut opening))).map_err(|panic| panic_text(&*panic))?;
        opened.map_err(|error| error.to_string())
    }
}

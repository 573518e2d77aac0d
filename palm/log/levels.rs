//! Which events are logged: the level of each component.

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::lines::{SPAN, component_of};
use crate::log_level;

/// The filter beside the layer that writes: what it leaves out is left out for that layer alone.
#[derive(Debug)]
pub(super) struct Levels {
    /// For components without a level of their own, and for what is outside of components.
    pub(super) level: LevelFilter,
    /// Whatever components say.
    pub(super) over: Option<LevelFilter>,
}

impl Levels {
    fn of(&self, component: Option<&str>) -> LevelFilter {
        let own = || component.and_then(log_level::of).map(LevelFilter::from_level);
        self.over.or_else(own).unwrap_or(self.level)
    }

    /// The least and the most talkative level that any component has now.
    fn range(&self) -> (LevelFilter, LevelFilter) {
        match (self.over, log_level::range()) {
            (Some(level), _) => (level, level),
            (None, None) => (self.level, self.level),
            (None, Some((least, most))) => {
                (self.level.min(LevelFilter::from_level(least)), self.level.max(LevelFilter::from_level(most)))
            }
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Filter<S> for Levels {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        if metadata.is_span() {
            return metadata.name() == SPAN;
        }
        let name = context.lookup_current().and_then(component_of);
        *metadata.level() <= self.of(name.as_deref())
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let (least, most) = self.range();
        match metadata.level() {
            _ if metadata.is_span() && metadata.name() == SPAN => Interest::always(),
            _ if metadata.is_span() => Interest::never(),
            level if *level > most => Interest::never(),
            level if *level <= least => Interest::always(),
            _ => Interest::sometimes(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // The spans that name the components are at INFO, and are needed at every level.
        Some(self.range().1.max(LevelFilter::INFO))
    }
}

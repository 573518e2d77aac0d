//! The layer that writes.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::line::Line;

/// The span in which a component's threads run; its field `name` is the component's.
pub(super) const SPAN: &str = "component";

/// What stands for the name outside of any component.
const OUTSIDE: &str = "root";

/// A component's name, beside its span.
struct Name(String);

/// The component that a span belongs to.
pub(super) fn component_of<'a, S: LookupSpan<'a>>(span: SpanRef<'a, S>) -> Option<String> {
    span.scope().find_map(|span| span.extensions().get::<Name>().map(|name| name.0.clone()))
}

pub(super) struct Lines {
    writer: Mutex<Box<dyn Write + Send>>,
    zone: TimeZone,
}

impl Lines {
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { writer: Mutex::new(writer), zone: TimeZone::system() }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != SPAN {
            return;
        }
        let mut name = None;
        attributes.record(&mut NameField(&mut name));
        if let (Some(name), Some(span)) = (name, context.span(id)) {
            // Another layer of this kind may have been here before.
            span.extensions_mut().replace(Name(name));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let name = context.event_span(event).and_then(component_of);
        let name = name.as_deref().unwrap_or(OUTSIDE);
        let line = Line::new(Timestamp::now(), &self.zone, name, *event.metadata().level()).fields(event).finish();
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // There is nowhere left to say that a log line could not be written.
        let _ = writer.write_all(line.as_bytes()).and_then(|()| writer.flush());
    }
}

struct NameField<'a>(&'a mut Option<String>);

impl Visit for NameField<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "name" {
            *self.0 = Some(format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

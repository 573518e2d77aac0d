use std::fmt;
use std::io::{self, Write};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use super::levels::Levels;
use super::lines::Lines;
use super::{VARIABLE, level};

/// How log lines are written: the layer's options.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let (reader, writer) = std::io::pipe()?;
/// let layer = palm::log::Log::new().level(tracing::Level::DEBUG).writer(writer).layer();
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
///     tracing::debug!(answers = 3, "Got a message");
/// });
/// let line = std::io::read_to_string(reader)?;
/// assert!(line.ends_with(" - root - DEBUG - Got a message answers=3\n"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "options do nothing until they are a layer"]
pub struct Log {
    level: LevelFilter,
    over: Option<LevelFilter>,
    writer: Box<dyn Write + Send>,
}

impl Log {
    /// Lines to stderr, from INFO on.
    pub fn new() -> Self {
        Self { level: LevelFilter::INFO, over: None, writer: Box::new(io::stderr()) }
    }

    /// The least important level of components without a level of their own, and of what is outside of components.
    /// Default: INFO.
    pub fn level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.level = level.into();
        self
    }

    /// The least important level of everything, whatever the components' own levels are. Default: none.
    pub fn override_level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.over = Some(level.into());
        self
    }

    /// Where lines go: each is one `write_all` and a `flush`, under a lock. What cannot be written is dropped.
    /// Default: stderr.
    pub fn writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.writer = Box::new(writer);
        self
    }

    /// The layer, to be set beside others. Its levels hold for itself alone. The time zone is the system's (`TZ`, or
    /// `/etc/localtime`), as it is now; where there is none, UTC.
    #[must_use]
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(self) -> impl Layer<S> {
        Lines::new(self.writer).with_filter(Levels { level: self.level, over: self.over })
    }

    /// Has the whole process log by these options; `PALM_LOG`, if it is set and not empty, overrides every level.
    ///
    /// # Errors
    /// [`InitError`]: `PALM_LOG` is no level, or a subscriber is installed already.
    pub fn try_init(self) -> Result<(), InitError> {
        match std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
            None => self.install(),
            Some(value) => match value.to_str().and_then(level::parse) {
                Some(level) => self.override_level(level).install(),
                None => Err(InitError::Level { value: value.to_string_lossy().into_owned() }),
            },
        }
    }

    pub(crate) fn install(self) -> Result<(), InitError> {
        let subscriber = tracing_subscriber::registry().with(self.layer());
        tracing::subscriber::set_global_default(subscriber).map_err(|_| InitError::Installed)
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("level", &self.level).field("override_level", &self.over).finish_non_exhaustive()
    }
}

/// Why the process does not log by this layer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The environment variable is no level.
    #[error("{VARIABLE} is `{value}`; write off, error, warn, info, debug or trace")]
    Level {
        /// What it is.
        value: String,
    },
    /// Another subscriber is there, and stays.
    #[error("a subscriber is installed already; add `palm::log::layer()` to it")]
    Installed,
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{Level, info_span, subscriber};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panics").push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged, one string for each write, without its time.
    fn logged(log: Log, run: impl FnOnce()) -> Vec<String> {
        let sink = Sink::default();
        let layer = log.writer(sink.clone()).layer();
        subscriber::with_default(tracing_subscriber::registry().with(layer), run);
        let writes = sink.0.lock().expect("no writer panics");
        writes.iter().map(|write| String::from_utf8_lossy(&write[23..]).into_owned()).collect()
    }

    #[test]
    fn the_name_is_that_of_the_component_and_fields_follow_the_message() {
        let lines = logged(Log::new(), || {
            tracing::info!("Fetching");
            let name = "worker1";
            info_span!("component", %name).in_scope(|| {
                info_span!("inner", name = "not_this").in_scope(|| {
                    tracing::warn!(address = "tcp://x", count = 3, text = ?"a b", "Got {}", 1);
                });
                tracing::error!(only = true);
            });
        });
        assert_eq!(
            lines,
            [
                " - root - INFO - Fetching\n",
                " - worker1 - WARNING - Got 1 address=tcp://x count=3 text=\"a b\"\n",
                " - worker1 - ERROR - only=true\n",
            ]
        );
    }

    #[test]
    fn a_message_that_ends_its_line_has_no_further_one() {
        let lines = logged(Log::new(), || tracing::info!(key = "a\nb", "text\nmore\n"));
        assert_eq!(lines, [" - root - INFO - text\n    more key=a\n    b\n"]);
    }

    fn at_every_level(component: &'static str) {
        info_span!("component", name = component).in_scope(|| {
            tracing::error!("e");
            tracing::warn!("w");
            tracing::info!("i");
            tracing::debug!("d");
            tracing::trace!("t");
        });
    }

    fn letters(log: Log, component: &'static str) -> String {
        let lines = logged(log, || at_every_level(component));
        lines.iter().filter_map(|line| line.trim_end().chars().last()).collect()
    }

    #[test]
    fn each_component_has_its_level() {
        crate::log_level::set("log_quiet", Level::WARN);
        crate::log_level::set("log_loud", Level::TRACE);
        for (component, own) in [("log_quiet", "ew"), ("log_loud", "ewidt"), ("log_plain", "ewi")] {
            assert_eq!(letters(Log::new(), component), own);
        }
        assert_eq!(letters(Log::new().level(Level::ERROR), "log_plain"), "e");
        assert_eq!(letters(Log::new().level(Level::ERROR), "log_loud"), "ewidt");
        for component in ["log_quiet", "log_loud", "log_plain"] {
            assert_eq!(letters(Log::new().override_level(Level::DEBUG), component), "ewid");
            assert_eq!(letters(Log::new().override_level(LevelFilter::OFF), component), "");
        }
    }

    #[test]
    fn a_level_may_be_set_after_the_layer() {
        let lines = logged(Log::new(), || {
            at_every_level("log_late");
            crate::log_level::set("log_late", Level::ERROR);
            at_every_level("log_late");
            crate::log_level::set("log_late", Level::DEBUG);
            at_every_level("log_late");
        });
        assert_eq!(lines.len(), 3 + 1 + 4);
    }

    #[test]
    fn what_it_leaves_out_is_there_for_other_layers() {
        let sink = Sink::default();
        let quiet = Log::new().override_level(LevelFilter::ERROR).writer(io::sink()).layer();
        let other = Log::new().override_level(LevelFilter::TRACE).writer(sink.clone()).layer();
        subscriber::with_default(tracing_subscriber::registry().with(quiet).with(other), || at_every_level("log_two"));
        assert_eq!(sink.0.lock().expect("no writer panics").len(), 5);
    }
}

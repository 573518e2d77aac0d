//! The documentation's log lines, as a layer for `tracing-subscriber`. Feature `log`.
//!
//! ```text
//! 2017-02-01 10:11:41,485 - worker1 - INFO - Got worker push address: tcp://127.0.0.1:5557
//! ```
//!
//! | field | is |
//! | --- | --- |
//! | time | local, with milliseconds after a comma |
//! | name | the component whose thread logs; `root` outside any component |
//! | level | `DEBUG` (TRACE too), `INFO`, `WARNING` or `ERROR` |
//! | text | the event's message, then its other fields as ` key=value` |
//!
//! Lines go to stderr, each in one write, so that results on stdout stay clean. A message of several lines stays one: its
//! further lines are indented by four spaces. Control characters (ESC and CR among them), Unicode's line separators and its
//! marks of direction are escaped. So nothing that a message quotes can pass for a record of its own, or steer a terminal.
//!
//! # Levels
//! A component logs from the level of its `log_level` on; components without one, and what is outside of components, from
//! [`Log::level`] on. Default: INFO. The environment variable `PALM_LOG` (`off`, `error`, `warn`, `info`, `debug` or `trace`)
//! overrides all of it where [`init`] or [`try_init`] read it; `warning` means `warn`, and the case does not matter.
//!
//! ```
//! palm::log::init();
//! let master = palm::Master::new("server").log_level(tracing::Level::WARN).start()?;
//! tracing::info!("Got a master");
//! # Ok::<(), palm::Error>(())
//! ```

mod level;
mod levels;
mod line;
mod lines;
mod options;

pub use level::parse as parse_level;
pub use line::harmless;
pub use options::{InitError, Log};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

/// Name of the environment variable that overrides every level.
pub const VARIABLE: &str = "PALM_LOG";

/// The layer with its defaults: stderr, INFO for every component that has no level of its own. It does not read `PALM_LOG`.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let subscriber = tracing_subscriber::registry().with(palm::log::layer());
/// tracing::subscriber::with_default(subscriber, || tracing::warn!("Got a message"));
/// ```
#[must_use]
pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    Log::new().layer()
}

/// Has the whole process log by this layer, from the level that `PALM_LOG` says.
///
/// Never fails: where a subscriber is installed already that one stays, and a `PALM_LOG` that is no level is told in a
/// warning. [`try_init`] gives both as an error.
pub fn init() {
    if let Err(error @ InitError::Level { .. }) = try_init()
        && Log::new().install().is_ok()
    {
        tracing::warn!("{error}");
    }
}

/// As [`init`], and says what is in the way.
///
/// # Errors
/// [`InitError`]: `PALM_LOG` is no level, or a subscriber is installed already.
///
/// ```
/// palm::log::try_init()?;
/// assert!(matches!(palm::log::try_init(), Err(palm::log::InitError::Installed)));
/// # Ok::<(), palm::log::InitError>(())
/// ```
pub fn try_init() -> Result<(), InitError> {
    Log::new().try_init()
}

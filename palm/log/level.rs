//! Levels as they are written: by users, and in log lines.

use tracing::Level;
use tracing::level_filters::LevelFilter;

/// The level that a text names, in any case, as `PALM_LOG` and `--log` take it: `off`, `error`, `warn` (or `warning`), `info`,
/// `debug` or `trace`.
///
/// ```
/// use tracing::level_filters::LevelFilter;
/// assert_eq!(palm::log::parse_level("Warning"), Some(LevelFilter::WARN));
/// assert_eq!(palm::log::parse_level("loud"), None);
/// ```
#[must_use]
pub fn parse(text: &str) -> Option<LevelFilter> {
    Some(match text.to_ascii_lowercase().as_str() {
        "off" => LevelFilter::OFF,
        "error" => LevelFilter::ERROR,
        "warn" | "warning" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => return None,
    })
}

/// The word for a level in a log line.
pub(super) const fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_in_any_case_and_nothing_else_is() {
        assert_eq!(parse("WARNING"), Some(LevelFilter::WARN));
        assert_eq!(parse("debug"), Some(LevelFilter::DEBUG));
        assert_eq!(parse("Off"), Some(LevelFilter::OFF));
        for text in ["", "3", "verbose", "info,palm=debug"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}

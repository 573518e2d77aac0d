//! What flags take, checked while they are read.

use std::time::Duration;

use palm::log::parse_level;
use tracing::level_filters::LevelFilter;

pub(crate) fn level(text: &str) -> Result<LevelFilter, &'static str> {
    parse_level(text).ok_or("write off, error, warn, info, debug or trace")
}

pub(crate) fn address(text: &str) -> Result<String, &'static str> {
    match text.split_once("://") {
        Some((transport, place)) if !transport.is_empty() && !place.is_empty() => Ok(text.to_owned()),
        _ => Err("an address is TRANSPORT://PLACE, as tcp://127.0.0.1:5555"),
    }
}

/// Seconds, with a fraction if need be.
pub(crate) fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| !time.is_zero()).ok_or("write seconds, as 10 or 0.5")
}

/// `SERVER.METHOD[,STAGE.METHOD…]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Functions {
    /// The component that the message is sent to.
    pub(crate) server: String,
    /// One function a stage.
    pub(crate) stages: Vec<String>,
}

pub(crate) fn functions(text: &str) -> Result<Functions, &'static str> {
    let problem = "write SERVER.METHOD, and one for each further component after a comma";
    let stages: Vec<_> = text.split(',').map(str::to_owned).collect();
    let parts = |stage: &'_ String| {
        let (server, method) = stage.split_once('.')?;
        let is_word = |word: &str| !word.is_empty() && !word.contains(|letter: char| letter.is_whitespace());
        (is_word(server) && is_word(method)).then(|| server.to_owned())
    };
    if !stages.iter().all(|stage| parts(stage).is_some()) {
        return Err(problem);
    }
    let server = stages.first().and_then(parts).ok_or(problem)?;
    Ok(Functions { server, stages })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_with_their_servers() {
        let two = functions("first.one,second.two").expect("it is well-formed");
        assert_eq!((two.server.as_str(), two.stages.len()), ("first", 2));
        for text in ["", "foo", ".foo", "a.", "a.b,", "a.b c.d", "a.b, c.d"] {
            assert!(functions(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn times_are_positive() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["", "0", "-1", "inf", "nan", "1e300", "a"] {
            assert!(seconds(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn addresses_have_a_transport() {
        assert!(address("tcp://127.0.0.1:5555").is_ok());
        for text in ["", "5555", "127.0.0.1:5555", "://x", "tcp://"] {
            assert!(address(text).is_err(), "{text:?}");
        }
    }
}

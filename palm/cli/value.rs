//! What flags take, checked while they are read.

use tracing::level_filters::LevelFilter;

use crate::log::parse_level;

pub(super) fn level(text: &str) -> Result<LevelFilter, &'static str> {
    parse_level(text).ok_or("write off, error, warn, info, debug or trace")
}

pub(super) fn name(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.contains(|letter: char| letter == '.' || letter.is_whitespace() || letter.is_control()) {
        return Err("a name is one word without a dot");
    }
    Ok(text.to_owned())
}

pub(super) fn address(text: &str) -> Result<String, &'static str> {
    match text.split_once("://") {
        Some((transport, place)) if !transport.is_empty() && !place.is_empty() => Ok(text.to_owned()),
        _ => Err("an address is TRANSPORT://PLACE, as tcp://127.0.0.1:5555"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_addresses_have_a_transport() {
        assert_eq!(name("worker1").as_deref(), Ok("worker1"));
        for text in ["", "a b", "a.b", "a\n"] {
            assert!(name(text).is_err(), "{text:?}");
        }
        assert_eq!(address("tcp://*:5555").as_deref(), Ok("tcp://*:5555"));
        for text in ["", "5555", "127.0.0.1:5555", "://x", "tcp://"] {
            assert!(address(text).is_err(), "{text:?}");
        }
    }
}

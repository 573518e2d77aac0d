//! Arguments of a request: its query, or a form.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;
use percent_encoding::percent_decode;

use super::Refusal;

/// Names and values as they were sent; of several values of one name, the last one counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arguments(Vec<(String, String)>);

impl Arguments {
    /// Values lose the blanks around them, and control characters in them become blanks: old clients count on both. Newlines and tabs
    /// stay, for cluster files travel so.
    pub(crate) fn parse(encoded: &[u8]) -> Result<Self, Refusal> {
        let pieces = encoded.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
        let pairs = pieces.map(|piece| {
            let middle = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
            let (name, value) = piece.split_at(middle);
            Ok((decode(name)?, clean(&decode(value.get(1..).unwrap_or_default())?)))
        });
        Ok(Self(pairs.collect::<Result<_, Refusal>>()?))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value; nothing if it is empty.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::bad(format!("the argument `{name}` is missing")))
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text
            .parse()
            .map_err(|_| Refusal::bad(format!("the argument `{name}` is no number, or too large a one")))?;
        Ok(Some(number))
    }

    /// How many are asked for: from 1 to 10,000.
    pub(crate) fn limit(&self) -> Result<i64, Refusal> {
        let limit = self.number("limit")?.unwrap_or(1_000);
        if (1..=10_000).contains(&limit) { Ok(limit) } else { Err(Refusal::bad("`limit` is a number from 1 to 10000")) }
    }

    /// A time as RFC 3339 has it, in microseconds.
    pub(crate) fn time(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let time: Timestamp = text
            .parse()
            .map_err(|_| Refusal::bad(format!("`{name}` is a time such as 2026-11-25T15:00:00Z; write + as %2B")))?;
        Ok(Some(time.as_microsecond()))
    }
}

impl<S: Sync> FromRequestParts<S> for Arguments {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Self::parse(parts.uri.query().unwrap_or_default().as_bytes())
    }
}

fn decode(encoded: &[u8]) -> Result<String, Refusal> {
    let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded = percent_decode(&spaced).decode_utf8().map_err(|_| Refusal::bad("an argument is not UTF-8"))?;
    Ok(decoded.into_owned())
}

fn clean(value: &str) -> String {
    let blank = |character| if matches!(character, '\0'..='\x08' | '\x0e'..='\x1f') { ' ' } else { character };
    value.chars().map(blank).collect::<String>().trim().to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_as_old_clients_send_them() {
        let arguments = Arguments::parse(b"a=1&b=%20x%00y+%0A&a=2&c&=d&&e=%C3%A9").unwrap();
        assert_eq!(arguments.get("a"), Some("2"));
        assert_eq!(arguments.get("b"), Some("x y"));
        assert_eq!(arguments.get("c"), Some(""));
        assert_eq!(arguments.get("e"), Some("é"));
        assert_eq!(arguments.get("f"), None);
        assert!(Arguments::parse(b"a=%ff").is_err());
    }
}

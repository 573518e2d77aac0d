use std::fmt;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use subtle::ConstantTimeEq;

/// A secret that callers bring along in their requests' `Authorization: Bearer …`.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    pub(super) fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// Whether it keeps anybody out, and can stand in a header.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match self.0.as_bytes() {
            [] => Err("an empty token keeps nobody out"),
            bytes if bytes.iter().all(u8::is_ascii_graphic) => Ok(()),
            _ => Err("a token is made of visible ASCII characters, without spaces"),
        }
    }

    /// Whether these headers bring it. How long that takes says nothing about how much of it is right.
    pub(super) fn opens(&self, headers: &HeaderMap) -> bool {
        let brought = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        brought
            .and_then(|value| value.split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "))
            .is_some_and(|(_, token)| token.ct_eq(self.0.as_bytes()).into())
    }

    /// The header's value, for whoever calls.
    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_opens() {
        let opens = |value: &str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().expect("a header"))]);
            Token::new("secret").opens(&headers)
        };
        assert!(opens("Bearer secret") && opens("bearer secret"));
        for wrong in
            ["", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Bearer Secret", "Basic secret", "secret"]
        {
            assert!(!opens(wrong), "{wrong}");
        }
        assert!(!Token::new("secret").opens(&HeaderMap::new()));
    }

    #[test]
    fn a_token_is_not_shown_and_not_empty() {
        assert!(!format!("{:?}", Token::new("secret")).contains("secret"));
        assert!(
            Token::new("").check().is_err() && Token::new("a b").check().is_err() && Token::new("a-b").check().is_ok()
        );
    }
}

//! Random secrets, and what is kept of them.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// 256 random bits as text. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// `prefix` says to a reader what it is for.
    pub(crate) fn new(prefix: &str) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The secret itself, for the one answer in which its owner gets it.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is kept of a secret. It is random and long: nothing is gained by a slower hash.
pub(crate) fn hash(secret: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Whether two secrets are the same, in a time that does not say where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    hash(one).ct_eq(&hash(other)).into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_not_shown() {
        let (one, other) = (Secret::new("x_").unwrap(), Secret::new("x_").unwrap());
        assert_ne!(one, other);
        assert!(same(one.text(), one.text()) && !same(one.text(), other.text()));
        assert_eq!(one.text().len(), 2 + 43);
        assert!(!format!("{one:?}").contains(one.text()));
    }
}

//! Tokens of runners.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A token to be made: `POST /api/v1/clusters/{key}/tokens`.
///
/// ```
/// let new: palm_registry::api::NewToken = serde_json::from_str(r#"{"name": "the machines downstairs"}"#)?;
/// assert!(!new.name.is_empty());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// Name for people to read.
    #[serde(default)]
    pub name: String,
}

/// A token of the runners of a cluster: `GET /api/v1/clusters/{key}/tokens`.
///
/// ```
/// let token: palm_registry::api::Token =
///     serde_json::from_str(r#"{"id": 1, "name": "", "created": "2026-11-25T15:00:00Z"}"#)?;
/// assert_eq!(token.token, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Number by which it is taken back.
    pub id: i64,
    /// Name for people to read.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was used last, to the minute.
    #[serde(default)]
    pub last_used: Option<Timestamp>,
    /// The token itself: only in the answer that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

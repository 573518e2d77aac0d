//! What went wrong with a request.

use serde::{Deserialize, Serialize};

/// The body of each answer that is not a success.
///
/// ```
/// let answer: palm_registry::api::Failure =
///     serde_json::from_str(r#"{"error": {"code": "bad_file", "text": "`Script` is missing", "line": 3}}"#)?;
/// assert_eq!(answer.error.line, Some(3));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub error: Problem,
}

/// What went wrong with a request.
///
/// ```
/// let problem = palm_registry::api::Problem { code: "not_found".into(), text: "no cluster of that key".into(), line: None };
/// assert_eq!(serde_json::to_string(&problem)?, r#"{"code":"not_found","text":"no cluster of that key"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// One word for programs.
    pub code: String,
    /// For people to read.
    pub text: String,
    /// Line of the cluster file or node file that it is about, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

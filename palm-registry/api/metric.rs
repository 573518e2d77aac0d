//! What instances used over time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::state::State;

/// What an instance used at a time: `GET /api/v1/clusters/{key}/metrics`.
///
/// ```
/// let metric: palm_registry::api::Metric = serde_json::from_str(
///     r#"{"id": 1, "at": "2026-11-25T15:00:00Z", "node": "67e55044-10b1-426f-9247-bb680e5fe0c8", "instance": "Worker 1",
///         "component": "Worker", "state": "RUNNING", "restarts": 0, "cpu_percent": 12.5}"#,
/// )?;
/// assert_eq!((metric.cpu_percent, metric.rss_bytes), (Some(12.5), None));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Number of the row, for `after`; higher ones came later.
    pub id: i64,
    /// When the report came in, to the beginning of its interval.
    pub at: Timestamp,
    /// Node that the instance lies on.
    pub node: Uuid,
    /// Name of the instance.
    pub instance: String,
    /// Name of its component.
    pub component: String,
    /// State it was in.
    pub state: State,
    /// How often it was started again since its runner started.
    pub restarts: u64,
    /// Processor time over the last interval; 100 is one processor.
    #[serde(default)]
    pub cpu_percent: Option<f64>,
    /// Memory in use, in bytes.
    #[serde(default)]
    pub rss_bytes: Option<u64>,
    /// What the component itself counts, if it is one that says so.
    #[serde(default)]
    pub stats: Option<serde_json::Value>,
}

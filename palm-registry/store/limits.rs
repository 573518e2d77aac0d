//! How much is kept, and for how long.

use std::time::Duration;

/// How much the registry keeps, and for how long: nothing grows without one of these.
///
/// ```
/// use std::time::Duration;
/// use palm_registry::Limits;
///
/// let limits = Limits { log_age: Duration::from_secs(7 * 24 * 3600), ..Limits::default() };
/// assert_eq!(limits.log_bytes, 256 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a node is held to be alive after it was heard of: 30 s.
    pub lease: Duration,
    /// Clusters of one user: 1,000.
    pub clusters: u64,
    /// Nodes of one cluster: 1,000. Those without an instance and without a lease make room.
    pub nodes: u64,
    /// Keys of one user, and runner tokens of one cluster: 100.
    pub secrets: u64,
    /// Bytes of log lines of one cluster: 256 MiB. The oldest make room.
    pub log_bytes: u64,
    /// Age of a log line: 30 days.
    pub log_age: Duration,
    /// Events of one cluster: 100,000. The oldest make room.
    pub events: u64,
    /// Rows of metrics of one cluster: 1,000,000. The oldest make room.
    pub metrics: u64,
    /// Age of metrics: 7 days.
    pub metric_age: Duration,
    /// Time between two rows of metrics of an instance: 5 s.
    pub metric_interval: Duration,
    /// Entries of the record of what users did: 100,000. The oldest make room.
    pub audit: u64,
    /// How long a session lasts that is not used: 30 minutes.
    pub session_idle: Duration,
    /// How long a session lasts at most: 12 hours.
    pub session_age: Duration,
    /// Bytes of the body of a request: 32 MiB.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        Self {
            lease: Duration::from_secs(30),
            clusters: 1_000,
            nodes: 1_000,
            secrets: 100,
            log_bytes: 256 << 20,
            log_age: Duration::from_secs(30 * DAY),
            events: 100_000,
            metrics: 1_000_000,
            metric_age: Duration::from_secs(7 * DAY),
            metric_interval: Duration::from_secs(5),
            audit: 100_000,
            session_idle: Duration::from_secs(30 * MINUTE),
            session_age: Duration::from_secs(12 * HOUR),
            body_bytes: 32 << 20,
        }
    }
}

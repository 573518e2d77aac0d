//! Clusters, and what is in them, as users see them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::runner::InstanceReport;
use super::state::State;

/// A cluster to be made: `POST /api/v1/clusters`.
///
/// ```
/// let new: palm_registry::api::NewCluster = serde_json::from_str(r#"{"file": "[Master]\nScript = master\n"}"#)?;
/// assert_eq!(new.key, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCluster {
    /// Text of the cluster file.
    pub file: String,
    /// Its key; the registry makes one if it is left out.
    #[serde(default)]
    pub key: Option<String>,
    /// Name for people to read.
    #[serde(default)]
    pub alias: String,
}

/// A cluster, as `GET /api/v1/clusters` lists it and `GET /api/v1/clusters/{key}` shows it.
///
/// ```
/// let cluster: palm_registry::api::Cluster = serde_json::from_str(
///     r#"{"key": "k", "created": "2026-11-25T15:00:00Z", "state": "empty", "wanted": 3, "placed": 0, "running": 0, "nodes": 0}"#,
/// )?;
/// assert_eq!(cluster.file, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its key.
    pub key: String,
    /// Name for people to read; may be empty.
    #[serde(default)]
    pub alias: String,
    /// When it was made.
    pub created: Timestamp,
    /// How it is.
    pub state: ClusterState,
    /// How many instances its file asks for.
    pub wanted: u64,
    /// How many of them lie on a node.
    pub placed: u64,
    /// How many of them run.
    pub running: u64,
    /// How many nodes have joined.
    pub nodes: u64,
    /// Text of its file; only where one cluster is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Address of each placeholder that has one; only where one cluster is asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<String, String>,
}

/// How a cluster is.
///
/// ```
/// assert_eq!(serde_json::to_string(&palm_registry::api::ClusterState::Ready)?, r#""ready""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterState {
    /// Nothing of it is placed.
    Empty,
    /// Some instances are placed on no node yet.
    Partial,
    /// All are placed, and nothing is known to be wrong.
    Ready,
    /// All are placed, and some do not run.
    Degraded,
    /// An instance is [`State::Fatal`], or none runs any more.
    Failed,
}

/// An instance and the node it lies on: `GET /api/v1/clusters/{key}/instances`.
///
/// ```
/// let instance: palm_registry::api::PlacedInstance = serde_json::from_str(
///     r#"{"name": "Worker", "component": "Worker", "node": "67e55044-10b1-426f-9247-bb680e5fe0c8", "ip": "127.0.0.1",
///         "command": "worker --db tcp://127.0.0.1:5559"}"#,
/// )?;
/// assert_eq!(instance.report, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacedInstance {
    /// Name of the instance.
    pub name: String,
    /// Name of its component.
    pub component: String,
    /// Identifier of its node.
    pub node: Uuid,
    /// Address of its node.
    pub ip: String,
    /// The command as old runners get it.
    pub command: String,
    /// What its runner said last; nothing if that is an old one, or has said nothing yet.
    #[serde(default)]
    pub report: Option<InstanceReport>,
}

/// A node that has joined: `GET /api/v1/clusters/{key}/nodes`.
///
/// ```
/// let node: palm_registry::api::Node = serde_json::from_str(
///     r#"{"id": "67e55044-10b1-426f-9247-bb680e5fe0c8", "ip": "127.0.0.1", "processors": 2, "ports_from": 5555,
///         "joined": "2026-11-25T15:00:00Z", "last_seen": "2026-11-25T15:00:10Z", "alive": true, "instances": 2}"#,
/// )?;
/// assert!(node.alive);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its identity.
    pub id: Uuid,
    /// Its address.
    pub ip: String,
    /// How many instances it takes.
    pub processors: u32,
    /// First port that its components get.
    pub ports_from: u16,
    /// Name for people to read.
    #[serde(default)]
    pub name: Option<String>,
    /// Version of its runner; empty for an old one.
    #[serde(default)]
    pub runner: String,
    /// Host name of its machine.
    #[serde(default)]
    pub host: Option<String>,
    /// When it joined first.
    pub joined: Timestamp,
    /// When it was heard of last.
    pub last_seen: Timestamp,
    /// Whether its lease still holds; always false for an old runner, which has none.
    pub alive: bool,
    /// How many instances lie on it.
    pub instances: u32,
}

/// Something that happened to a cluster: `GET /api/v1/clusters/{key}/events`.
///
/// ```
/// let event: palm_registry::api::Event = serde_json::from_str(
///     r#"{"id": 1, "at": "2026-11-25T15:00:00Z", "kind": "placed", "instance": "Worker 1"}"#,
/// )?;
/// assert_eq!(event.to, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Number of the event; higher ones are later.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What kind it is: `created`, `joined`, `placed`, `state`, `lost`, `left`, `reset`.
    pub kind: String,
    /// Instance that it is about.
    #[serde(default)]
    pub instance: Option<String>,
    /// Component of that instance.
    #[serde(default)]
    pub component: Option<String>,
    /// Node that it is about.
    #[serde(default)]
    pub node: Option<Uuid>,
    /// State before.
    #[serde(default)]
    pub from: Option<State>,
    /// State from then on.
    #[serde(default)]
    pub to: Option<State>,
    /// Why, for people to read.
    #[serde(default)]
    pub reason: Option<String>,
    /// Exit code, if a process ended by itself.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// Signal, if one ended a process.
    #[serde(default)]
    pub signal: Option<i32>,
    /// Name of the user who did it.
    #[serde(default)]
    pub user: Option<String>,
}

/// A log line: `GET /api/v1/clusters/{key}/logs`.
///
/// ```
/// let line: palm_registry::api::LogLine =
///     serde_json::from_str(r#"{"id": 9, "at": "2026-11-25T15:00:00.5Z", "text": "starting", "stream": "STDERR"}"#)?;
/// assert_eq!(line.level, "");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Number of the line, for `after`; higher ones came later.
    pub id: i64,
    /// When it was written, or came in if its runner did not say.
    pub at: Timestamp,
    /// The line, as it was written.
    pub text: String,
    /// Component that wrote it; empty if its runner did not say, as the following ones.
    #[serde(default)]
    pub component: String,
    /// Instance that wrote it.
    #[serde(default)]
    pub instance: String,
    /// Identifier of its node.
    #[serde(default)]
    pub node: String,
    /// `STDOUT` or `STDERR`.
    #[serde(default)]
    pub stream: String,
    /// Level, as the line says it.
    #[serde(default)]
    pub level: String,
    /// The line goes on in the next one of its instance and stream: it is longer than 1 MiB.
    #[serde(default)]
    pub continues: bool,
}

//! The JSON of `/api/v1`, as service, runner and command line share it.
//!
//! Times are RFC 3339 in UTC. Fields that a reader does not know are ignored; those with a default may be left out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a runner says of itself when it joins: `POST /api/v1/clusters/{key}/nodes`. Joining again with the same `id` is answered
/// with the same placement.
///
/// ```
/// use palm_registry::api::NodeJoin;
///
/// let join: NodeJoin = serde_json::from_str(
///     r#"{"id": "67e55044-10b1-426f-9247-bb680e5fe0c8", "ip": "10.0.0.7", "processors": 4, "ports_from": 5555}"#,
/// )?;
/// assert_eq!(join.name, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeJoin {
    /// Identity of the node: a runner keeps it over restarts.
    pub id: Uuid,
    /// Address of the node, as components on other nodes reach it.
    pub ip: String,
    /// How many instances it takes.
    pub processors: u32,
    /// First port that its components get.
    pub ports_from: u16,
    /// Name for people to read.
    #[serde(default)]
    pub name: Option<String>,
    /// Version of the runner.
    #[serde(default)]
    pub runner: String,
    /// Host name of its machine.
    #[serde(default)]
    pub host: Option<String>,
}

/// What a node runs, and the answer to [`NodeJoin`] and [`Heartbeat`]: the runner starts what is new and stops what is no longer in it.
///
/// ```
/// let assignment: palm_registry::api::Assignment = serde_json::from_str(r#"{"lease_seconds": 30, "instances": []}"#)?;
/// assert!(assignment.instances.is_empty());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// How long the node is held to be alive after this answer. Heartbeats come several times within it.
    pub lease_seconds: u32,
    /// Everything that this node runs.
    pub instances: Vec<Instance>,
}

/// One process of a component.
///
/// ```
/// use palm_registry::api::{Instance, RestartPolicy};
///
/// let instance = Instance {
///     name: "Valuation Worker 1".into(),
///     component: "Valuation Worker".into(),
///     argv: vec!["worker".into(), "--db".into(), "tcp://127.0.0.1:5559".into()],
///     command: "worker --db tcp://127.0.0.1:5559".into(),
///     restart: RestartPolicy::default(),
///     grace_seconds: 10,
///     generation: 1,
/// };
/// assert_eq!(instance.argv.join(" "), instance.command);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Name of the instance: the component's, with a number from 1 if it has replicas.
    pub name: String,
    /// Name of the component: a section of the cluster file.
    pub component: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The command as old runners get it.
    pub command: String,
    /// When it is started again.
    #[serde(default)]
    pub restart: RestartPolicy,
    /// How long it has to end on SIGTERM before it is killed.
    #[serde(default = "ten")]
    pub grace_seconds: u32,
    /// A higher one than before asks for a restart.
    #[serde(default)]
    pub generation: u64,
}

const fn ten() -> u32 {
    10
}

/// When an instance that ended is started again: the first time at once, then after 1 s, doubling to 60 s; 60 s of running count as
/// good, and the delays begin anew.
///
/// ```
/// use palm_registry::api::{RestartPolicy, RestartWhen};
///
/// let policy = RestartPolicy::default();
/// assert_eq!((policy.when, policy.attempts), (RestartWhen::Always, None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// After which ends.
    #[serde(default)]
    pub when: RestartWhen,
    /// How often in a row before it is [`State::Fatal`]; without end if it is left out.
    #[serde(default)]
    pub attempts: Option<u32>,
}

/// After which ends an instance is started again.
///
/// ```
/// use palm_registry::api::RestartWhen;
///
/// assert_eq!(serde_json::to_string(&RestartWhen::Failure)?, r#""failure""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RestartWhen {
    /// After each end.
    #[default]
    Always,
    /// After none.
    Never,
    /// After an end by a signal, or with an exit code that is not 0.
    Failure,
}

/// What a runner says regularly: `POST /api/v1/clusters/{key}/nodes/{id}/heartbeat`. A 404 asks it to join again.
///
/// ```
/// let heartbeat: palm_registry::api::Heartbeat = serde_json::from_str(r#"{"at": "2026-11-25T15:00:00Z"}"#)?;
/// assert!(heartbeat.instances.is_empty());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// When it was made.
    pub at: Timestamp,
    /// How each instance is.
    #[serde(default)]
    pub instances: Vec<InstanceReport>,
    /// What has happened since the last heartbeat that was answered.
    #[serde(default)]
    pub events: Vec<StateChange>,
}

/// How an instance is.
///
/// ```
/// use palm_registry::api::{InstanceReport, State};
///
/// let report: InstanceReport =
///     serde_json::from_str(r#"{"name": "Worker", "state": "RUNNING", "since": "2026-11-25T15:00:00Z", "pid": 4711}"#)?;
/// assert_eq!((report.state, report.restarts), (State::Running, 0));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceReport {
    /// Name of the instance.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Since when it is in that state.
    pub since: Timestamp,
    /// Its process, while there is one.
    #[serde(default)]
    pub pid: Option<u32>,
    /// How often it was started again since the runner started.
    #[serde(default)]
    pub restarts: u64,
    /// Exit code of the last process that ended by itself.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// Signal that ended the last process.
    #[serde(default)]
    pub signal: Option<i32>,
    /// Why it is in that state, for people to read.
    #[serde(default)]
    pub reason: Option<String>,
    /// When it is started again, while it waits for that.
    #[serde(default)]
    pub next_retry: Option<Timestamp>,
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

/// An instance went from one state to another.
///
/// ```
/// use palm_registry::api::{State, StateChange};
///
/// let change: StateChange = serde_json::from_str(
///     r#"{"instance": "Worker", "from": "RUNNING", "to": "BACKOFF", "at": "2026-11-25T15:00:00Z", "exit_code": 1}"#,
/// )?;
/// assert_eq!((change.to, change.exit_code), (State::Backoff, Some(1)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// Name of the instance.
    pub instance: String,
    /// State before.
    pub from: State,
    /// State from then on.
    pub to: State,
    /// When.
    pub at: Timestamp,
    /// Why, for people to read.
    #[serde(default)]
    pub reason: Option<String>,
    /// Exit code, if its process ended by itself.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// Signal, if one ended its process.
    #[serde(default)]
    pub signal: Option<i32>,
}

/// State of an instance.
///
/// ```
/// use palm_registry::api::State;
///
/// assert_eq!(serde_json::to_string(&State::Backoff)?, r#""BACKOFF""#);
/// assert_eq!(State::Backoff.to_string(), "BACKOFF");
/// assert_eq!("BACKOFF".parse(), Ok(State::Backoff));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Not started yet, or ended because it was asked to.
    Stopped,
    /// Its process is being started.
    Starting,
    /// Its process runs.
    Running,
    /// It ended and is started again after a delay.
    Backoff,
    /// It was asked to end.
    Stopping,
    /// It ended and is not started again, as its policy says.
    Exited,
    /// It ended too often, or cannot be started at all.
    Fatal,
    /// Its node is not heard of any more; the registry says so.
    Lost,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Backoff,
        Self::Stopping,
        Self::Exited,
        Self::Fatal,
        Self::Lost,
    ];

    /// Its name, in capital letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "STOPPED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Backoff => "BACKOFF",
            Self::Stopping => "STOPPING",
            Self::Exited => "EXITED",
            Self::Fatal => "FATAL",
            Self::Lost => "LOST",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or_else(|| UnknownState { text: text.to_owned() })
    }
}

/// A text is the name of no [`State`].
///
/// ```
/// let error = "DEAD".parse::<palm_registry::api::State>().unwrap_err();
/// assert_eq!(error.to_string(), "`DEAD` is no state of an instance");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no state of an instance")]
pub struct UnknownState {
    /// The text.
    pub text: String,
}

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
}

/// Nodes to place a cluster on without changing anything: `POST /api/v1/clusters/{key}/plan`.
///
/// ```
/// let request: palm_registry::api::PlanRequest =
///     serde_json::from_str(r#"{"nodes": ["[DEFAULT]\nIp = 127.0.0.1\nProcessors = 2\nPorts_from = 5555\n"]}"#)?;
/// assert_eq!(request.nodes.len(), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// Texts of node files, in the order in which their runners join.
    pub nodes: Vec<String>,
}

/// What would be placed where.
///
/// ```
/// let plan = palm_registry::api::Plan::default();
/// assert!(plan.unplaced.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The nodes, in the order of the request.
    pub nodes: Vec<PlannedNode>,
    /// Names of the instances for which there is no processor.
    pub unplaced: Vec<String>,
    /// Address of each placeholder that has one.
    pub addresses: BTreeMap<String, String>,
}

/// A node in a [`Plan`].
///
/// ```
/// let node: palm_registry::api::PlannedNode =
///     serde_json::from_str(r#"{"ip": "127.0.0.1", "processors": 2, "ports_from": 5555, "instances": []}"#)?;
/// assert_eq!(node.name, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedNode {
    /// Its address.
    pub ip: String,
    /// Name for people to read.
    #[serde(default)]
    pub name: Option<String>,
    /// How many instances it takes.
    pub processors: u32,
    /// First port that its components get.
    pub ports_from: u16,
    /// What it would run.
    pub instances: Vec<Instance>,
}

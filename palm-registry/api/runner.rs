//! What runners and the registry tell each other.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::state::State;

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
/// good, and the delays begin anew. One that ends again after `attempts` restarts, all within 60 s of running, is [`State::Fatal`].
///
/// ```
/// use palm_registry::api::{RestartPolicy, RestartWhen};
///
/// let policy = RestartPolicy::default();
/// assert_eq!((policy.when, policy.attempts), (RestartWhen::Always, Some(5)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// After which ends.
    #[serde(default)]
    pub when: RestartWhen,
    /// How often within 60 s of running: 5 if it is left out, without end if it is `None`.
    #[serde(default = "five")]
    pub attempts: Option<u32>,
}

#[expect(clippy::unnecessary_wraps, reason = "the default of a field has the field's type")]
const fn five() -> Option<u32> {
    Some(5)
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self { when: RestartWhen::default(), attempts: five() }
    }
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

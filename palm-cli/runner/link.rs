//! The runner's side of the registry: joining, heartbeats and log lines, on threads that may wait.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use palm_registry::api::{Assignment, Heartbeat, Instance, NodeJoin, RestartPolicy};
use palm_registry::cluster::{self, NodeFile};
use ureq::http::StatusCode;

use super::kept::Kept;
use super::reports::Reports;
use super::spool::{Batch, Spool};
use super::supervisor::Event;
use crate::api_client::{ApiClient, ApiError, segment};
use crate::failure::Failure;

/// How long the registry is looked for by a runner that starts everything once.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between tries while it is away.
const RETRY: Duration = Duration::from_secs(1);

/// Longest time between tries of a runner that starts: each waits twice as long as the one before.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// How often it is said that the registry is still away.
const REMINDER: Duration = Duration::from_secs(60);

/// Longest time between heartbeats.
const INTERVAL: Duration = Duration::from_secs(10);

/// Shortest time between heartbeats: many changes share one.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a sender waits for a line.
const IDLE: Duration = Duration::from_secs(1);

/// Grace of commands that the original registry gives.
const GRACE: u32 = 10;

/// A node's way to its registry.
#[derive(Clone, Debug)]
pub(super) struct Link {
    client: ApiClient,
    cluster: String,
    join: NodeJoin,
    reports: Arc<Reports>,
    spool: Arc<Spool>,
}

/// What the registry is.
enum Registry {
    /// One of this library, and what this node is to run.
    Ours(Assignment),
    /// The original one, and the commands for this node.
    Original(Vec<String>),
}

impl Link {
    pub(super) const fn new(
        client: ApiClient,
        cluster: String,
        join: NodeJoin,
        reports: Arc<Reports>,
        spool: Arc<Spool>,
    ) -> Self {
        Self { client, cluster, join, reports, spool }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/clusters/{}/nodes{rest}", segment(&self.cluster))
    }

    fn join(&self) -> Result<Assignment, ApiError> {
        self.client.post(&self.path(""), &self.join)
    }

    fn beat(&self, heartbeat: &Heartbeat) -> Result<Assignment, ApiError> {
        self.client.post(&self.path(&format!("/{}/heartbeat", self.join.id)), heartbeat)
    }

    /// Tells for the last time how everything is, and gives the node up if it is to.
    pub(super) fn part(&self, leave: bool) -> Result<(), ApiError> {
        let (heartbeat, end) = self.reports.heartbeat();
        self.beat(&heartbeat)?;
        self.reports.settle(end);
        if leave {
            self.client.delete(&self.path(&format!("/{}", self.join.id)))?;
        }
        Ok(())
    }

    /// Joins by whichever surface there is.
    fn meet(&self) -> Result<Registry, ApiError> {
        match self.join() {
            Ok(assignment) => Ok(Registry::Ours(assignment)),
            // The original one knows no such route, and says so without a code.
            Err(ApiError::Refused { status: StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, problem })
                if problem.code.is_empty() =>
            {
                self.commands().map(Registry::Original)
            }
            Err(error) => Err(error),
        }
    }

    fn commands(&self) -> Result<Vec<String>, ApiError> {
        let NodeJoin { ip, processors, ports_from, name, .. } = &self.join;
        let name = name.as_ref().map(|name| format!("Name = {}\n", name.replace('%', "%%"))).unwrap_or_default();
        let node = format!("[DEFAULT]\nIp = {ip}\nProcessors = {processors}\nPorts_from = {ports_from}\n{name}");
        let query = [("method", "node_config"), ("cluster", self.cluster.as_str()), ("node", node.as_str())];
        self.client.get("/cluster", &query)
    }

    /// Tells the supervisor what to run, and the registry how that is going, until the reports are closed.
    /// What comes back is whether it is there to be told the end.
    ///
    /// Until the registry is there, what it placed here last runs, unless everything is to start `once`.
    pub(super) fn serve(self, kept: Kept, once: bool, events: Sender<Event>) -> JoinHandle<bool> {
        let mut orders = Orders { kept, events };
        thread::spawn(move || match self.find(&mut orders, once) {
            Ok(Registry::Ours(assignment)) => {
                self.beats(assignment, &mut orders);
                true
            }
            Ok(Registry::Original(commands)) => {
                original(commands, &orders.events);
                false
            }
            Err(failure) => {
                let _ = orders.events.send(Event::Failed(failure));
                false
            }
        })
    }

    fn find(&self, orders: &mut Orders, once: bool) -> Result<Registry, Failure> {
        let start = Instant::now();
        let (mut retry, mut said) = (RETRY, None::<Instant>);
        loop {
            match self.meet() {
                Ok(registry) => {
                    if said.is_some() {
                        tracing::info!("the registry is there");
                    }
                    return Ok(registry);
                }
                // Whoever has told this node something was trusted once: that runs on while somebody else is in the way.
                Err(error @ ApiError::Untrusted { .. }) if once || orders.kept.instances().is_none() => {
                    return Err(error.into());
                }
                Err(error) if is_away(&error) && !(once && start.elapsed() >= PATIENCE) => {
                    if said.is_none_or(|at| at.elapsed() >= REMINDER) {
                        let first = said.replace(Instant::now()).is_none();
                        match orders.kept.instances() {
                            Some(instances) if !once => {
                                tracing::warn!("{error}; what it placed here last runs until it is there");
                                if first {
                                    let _ = orders.events.send(Event::Assigned(instances.to_vec()));
                                }
                            }
                            _ => tracing::warn!("{error}; it has never said what to run here, and is asked again"),
                        }
                    }
                    if !self.reports.pause(retry) {
                        return Err(error.into());
                    }
                    retry = (retry * 2).min(LONGEST_RETRY);
                }
                Err(ApiError::Refused { status: StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, problem }) => {
                    let hint = "give a runner's token: --token, or PALM_RUNNER_TOKEN";
                    return Err(Failure::failed(format!("{}; {hint}", problem.text)));
                }
                Err(error) => {
                    // There is no such cluster: nothing of it is to run again.
                    if matches!(error, ApiError::Refused { status: StatusCode::NOT_FOUND, .. }) {
                        orders.kept.keep(&[]);
                    }
                    return Err(error.into());
                }
            }
        }
    }

    fn beats(&self, assignment: Assignment, orders: &mut Orders) {
        let mut interval = orders.take(assignment);
        let mut is_away = false;
        while self.reports.wait(interval) && self.reports.pause(PAUSE) {
            let (heartbeat, end) = self.reports.heartbeat();
            let answer = match self.beat(&heartbeat) {
                // Forgotten, or reset: what it reports is told anew.
                Err(ApiError::Refused { status: StatusCode::NOT_FOUND, .. }) => self.join(),
                answer => answer.inspect(|_| self.reports.settle(end)),
            };
            match answer {
                Ok(assignment) => {
                    if is_away {
                        tracing::info!("the registry is back");
                    }
                    is_away = false;
                    interval = orders.take(assignment);
                    continue;
                }
                Err(ApiError::Refused { status: StatusCode::NOT_FOUND, problem }) => {
                    tracing::error!("{}; what ran of it is ended", problem.text);
                    orders.give(Vec::new());
                }
                Err(ApiError::Refused { status, problem }) if is_hopeless(status) => {
                    tracing::error!(
                        "the registry refuses a heartbeat: {}; its changes of state are lost",
                        problem.text
                    );
                    self.reports.settle(end);
                }
                Err(error) if !is_away => tracing::warn!("{error}; everything runs on, and is told later"),
                Err(_) => {}
            }
            is_away = true;
            if !self.reports.pause(RETRY) {
                return;
            }
        }
    }

    /// Sends log lines until the spool is done.
    pub(super) fn send_lines(self) -> JoinHandle<()> {
        thread::spawn(move || {
            let mut is_away = false;
            while !self.spool.is_done() {
                let Some(batch) = self.spool.next(IDLE) else { continue };
                match self.send(&batch) {
                    Ok(()) => {
                        self.spool.settle();
                        is_away = false;
                    }
                    Err(ApiError::Refused { status, problem }) if is_hopeless(status) => {
                        let lines = batch.lines;
                        tracing::error!(lines, "the registry refuses log lines, which are lost: {}", problem.text);
                        self.spool.lose();
                    }
                    Err(error) => {
                        if !is_away {
                            tracing::warn!("{error}; log lines are kept and sent later");
                        }
                        is_away = true;
                        self.reports.pause(RETRY);
                    }
                }
            }
        })
    }

    fn send(&self, batch: &Batch) -> Result<(), ApiError> {
        self.client.post_bytes("/logs", &[("cluster", &self.cluster)], &batch.bytes)
    }
}

/// Who passes on what is to run.
struct Orders {
    kept: Kept,
    events: Sender<Event>,
}

impl Orders {
    /// Hands an assignment on; what comes back is the time to the next heartbeat.
    fn take(&mut self, assignment: Assignment) -> Duration {
        let lease = Duration::from_secs(u64::from(assignment.lease_seconds));
        self.give(assignment.instances);
        (lease / 3).clamp(PAUSE, INTERVAL)
    }

    fn give(&mut self, instances: Vec<Instance>) {
        self.kept.keep(&instances);
        // A supervisor that has ended needs none.
        let _ = self.events.send(Event::Assigned(instances));
    }
}

/// Nobody is there, or only the proxy in front, or somebody else.
fn is_away(error: &ApiError) -> bool {
    match error {
        ApiError::Unreachable { .. } | ApiError::Untrusted { .. } => true,
        ApiError::Refused { status, .. } => {
            matches!(*status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
        }
        ApiError::Garbled { .. } => false,
    }
}

/// It will not be taken the next time either.
const fn is_hopeless(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY)
}

/// The original registry says it once, in command lines without names.
fn original(commands: Vec<String>, events: &Sender<Event>) {
    if commands.is_empty() {
        tracing::warn!("no command issued: the registry has nothing for this node");
        let _ = events.send(Event::Failed(Failure::silent(0)));
        return;
    }
    tracing::info!("this is a registry of the original kind: it gets log lines, and no news of states");
    let instance = |(number, command): (usize, String)| {
        let name = format!("command {}", number + 1);
        // As its own runner does, where quotes do not match.
        let argv = cluster::command::split(&command)
            .unwrap_or_else(|_| command.split_whitespace().map(str::to_owned).collect());
        Instance {
            component: name.clone(),
            name,
            argv,
            command,
            restart: RestartPolicy::default(),
            grace_seconds: GRACE,
            generation: 0,
        }
    };
    let _ = events.send(Event::Assigned(commands.into_iter().enumerate().map(instance).collect()));
}

/// What a runner says of itself.
pub(super) fn introduction(id: uuid::Uuid, node: &NodeFile) -> NodeJoin {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    NodeJoin {
        id,
        ip: node.ip.clone(),
        processors: node.processors,
        ports_from: node.ports_from,
        name: node.name.clone(),
        runner: concat!("palm ", env!("CARGO_PKG_VERSION")).to_owned(),
        host: Some(host).filter(|host| !host.is_empty()),
    }
}

//! `palm cluster list` and `status`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use palm::log::harmless;
use palm_registry::api::{self, ClusterState, InstanceReport, PlacedInstance};
use serde_json::json;

use super::path_of;
use crate::access::Access;
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::table::{Table, bytes};

/// Lists the clusters that the user may see
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    access: Access,
    /// Prints an array of objects
    #[arg(long)]
    json: bool,
}

/// Shows a cluster: its nodes, and each instance with its state
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// Key of the cluster
    key: String,
    #[command(flatten)]
    access: Access,
    /// Prints an object: `{"cluster", "nodes", "instances"}`
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self) -> Result<(), Failure> {
        let clusters: Vec<api::Cluster> = self.access.client()?.get("/api/v1/clusters", &[])?;
        if self.json {
            return print_json(&json!(clusters));
        }
        let mut table = Table::new(&["KEY", "STATE", ">RUNNING", ">PLACED", ">WANTED", ">NODES", "CREATED", "NAME"]);
        for cluster in clusters {
            table.row(vec![
                cluster.key,
                state(cluster.state).to_owned(),
                cluster.running.to_string(),
                cluster.placed.to_string(),
                cluster.wanted.to_string(),
                cluster.nodes.to_string(),
                time(cluster.created),
                cluster.alias,
            ]);
        }
        print(table.text())
    }
}

impl Status {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (client, path) = (self.access.client()?, path_of(&self.key));
        let cluster: api::Cluster = client.get(&path, &[])?;
        let nodes: Vec<api::Node> = client.get(&format!("{path}/nodes"), &[])?;
        let placed: Vec<PlacedInstance> = client.get(&format!("{path}/instances"), &[])?;
        if self.json {
            return print_json(&json!({ "cluster": cluster, "nodes": nodes, "instances": placed }));
        }
        let name = if cluster.alias.is_empty() { &cluster.key } else { &cluster.alias };
        let mut text = format!(
            "{}: {}, {} of {} instances run, {} are placed\n",
            harmless(name),
            state(cluster.state),
            cluster.running,
            cluster.wanted,
            cluster.placed
        );
        for (placeholder, address) in &cluster.addresses {
            text.push_str(&format!("  {} = {}\n", harmless(placeholder), harmless(address)));
        }
        text.push('\n');
        let mut table = Table::new(&["NODE", "IP", ">PROCESSORS", ">INSTANCES", "LEASE", "LAST SEEN", "ID"]);
        for node in nodes {
            let lease = match (node.alive, node.runner.is_empty()) {
                (true, _) => "holds",
                (false, true) => "none",
                (false, false) => "ended",
            };
            table.row(vec![
                node.name.or(node.host).unwrap_or_default(),
                node.ip,
                node.processors.to_string(),
                node.instances.to_string(),
                lease.to_owned(),
                time(node.last_seen),
                node.id.to_string(),
            ]);
        }
        text.push_str(&table.text());
        text.push('\n');
        text.push_str(&instances(&placed).text());
        print(text)
    }
}

/// Each instance with its state.
pub(crate) fn instances(placed: &[PlacedInstance]) -> Table {
    let mut table =
        Table::new(&["INSTANCE", "IP", "STATE", "SINCE", ">PID", ">RESTARTS", ">CPU %", ">MEMORY", "REASON"]);
    for instance in placed {
        let report = instance.report.as_ref();
        let cell = |cell: Option<String>| cell.unwrap_or_default();
        table.row(vec![
            instance.name.clone(),
            instance.ip.clone(),
            report.map_or_else(|| "unknown".to_owned(), |report| report.state.to_string()),
            cell(report.map(|report| time(report.since))),
            cell(report.and_then(|report| report.pid).map(|pid| pid.to_string())),
            cell(report.map(|report| report.restarts.to_string())),
            cell(report.and_then(|report| report.cpu_percent).map(|percent| format!("{percent:.1}"))),
            cell(report.and_then(|report| report.rss_bytes).map(bytes)),
            cell(report.map(reason)),
        ]);
    }
    table
}

/// Why an instance is as it is.
fn reason(report: &InstanceReport) -> String {
    let ended = match (report.exit_code, report.signal) {
        (_, Some(signal)) => Some(format!("signal {signal}")),
        (Some(code), None) => Some(format!("exit code {code}")),
        (None, None) => None,
    };
    let retry = report.next_retry.map(|at| format!("again at {}", time(at)));
    let parts = [report.reason.clone(), ended, retry];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

const fn state(state: ClusterState) -> &'static str {
    match state {
        ClusterState::Empty => "empty",
        ClusterState::Partial => "partial",
        ClusterState::Ready => "ready",
        ClusterState::Degraded => "degraded",
        ClusterState::Failed => "failed",
    }
}

/// Local time, to the second.
fn time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

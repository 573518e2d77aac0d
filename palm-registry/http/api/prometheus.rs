//! `/metrics`: how the clusters of a user are now, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::extract::State as Extracted;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::super::Refusal;
use super::super::app::Shared;
use crate::api::{Cluster, Node, PlacedInstance, State};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What components of this library count, under the names that they have themselves. A runner says what it likes: others are not taken.
const COUNTERS: [&str; 16] = [
    "received",
    "calls",
    "errors",
    "sent",
    "undecodable",
    "held",
    "expired",
    "discarded",
    "redelivered",
    "stale",
    "given_up",
    "late",
    "superseded",
    "stalled",
    "cancelled",
    "refused",
];

pub(super) async fn metrics(Extracted(app): Extracted<Shared>, headers: HeaderMap) -> Result<Response, Refusal> {
    let user = app.reader(&headers).await?;
    let mut families = Families::default();
    for row in app.store.clusters_of(&user).await? {
        let cluster = app.store.describe(&row, false).await?;
        families.cluster(&cluster, &app.store.nodes(&row, Timestamp::now()).await?);
        for instance in app.store.instances(&row).await? {
            families.instance(&cluster.key, &instance);
        }
    }
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], families.text()).into_response())
}

/// Samples by the name of their metric.
#[derive(Default)]
struct Families(BTreeMap<String, Family>);

struct Family {
    kind: &'static str,
    help: &'static str,
    samples: String,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

impl Families {
    fn cluster(&mut self, cluster: &Cluster, nodes: &[Node]) {
        let of: Labels<'_> = &[("cluster", &cluster.key)];
        let alive = nodes.iter().filter(|node| node.alive).count();
        self.gauge("palm_cluster_instances_wanted", "Instances that the cluster file asks for.", of, cluster.wanted);
        self.gauge("palm_cluster_instances_placed", "Instances that lie on a node.", of, cluster.placed);
        self.gauge("palm_cluster_nodes", "Nodes that have joined.", of, nodes.len());
        self.gauge("palm_cluster_nodes_alive", "Nodes whose lease holds.", of, alive);
    }

    fn instance(&mut self, cluster: &str, instance: &PlacedInstance) {
        let of = [("cluster", cluster), ("component", &instance.component), ("instance", &instance.name)];
        let Some(report) = &instance.report else { return };
        for state in State::ALL {
            let labels = [&of[..], &[("state", state.name())]].concat();
            let is_it = u8::from(state == report.state);
            self.gauge("palm_instance_state", "1 for the state that the instance is in.", &labels, is_it);
        }
        let restarts = "Restarts since the runner started.";
        self.add("palm_instance_restarts_total", "counter", restarts, &of, report.restarts);
        if let Some(percent) = report.cpu_percent {
            self.gauge("palm_instance_cpu", "Processors in use.", &of, percent / 100.0);
        }
        if let Some(bytes) = report.rss_bytes {
            self.gauge("palm_instance_memory_bytes", "Memory in use.", &of, bytes);
        }
        let Some(stats) = report.stats.as_ref().and_then(|stats| stats.as_object()) else { return };
        let value = |name: &str| stats.get(name).and_then(serde_json::Value::as_u64);
        let counted = "What the component counts; `docs/components.md` says what.";
        for name in COUNTERS {
            if let Some(value) = value(name) {
                self.add(&format!("palm_{name}_total"), "counter", counted, &of, value);
            }
        }
        for (name, metric) in [("in_flight", "palm_in_flight"), ("holding", "palm_holding_bytes")] {
            if let Some(value) = value(name) {
                self.gauge(metric, counted, &of, value);
            }
        }
    }

    fn gauge(&mut self, name: &str, help: &'static str, labels: Labels<'_>, value: impl std::fmt::Display) {
        self.add(name, "gauge", help, labels, value);
    }

    fn add(
        &mut self,
        name: &str,
        kind: &'static str,
        help: &'static str,
        labels: Labels<'_>,
        value: impl std::fmt::Display,
    ) {
        let family = self.0.entry(name.to_owned()).or_insert_with(|| Family { kind, help, samples: String::new() });
        let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        // A `String` takes all that is written to it.
        let _ = writeln!(family.samples, "{name}{{{}}} {value}", labels.join(","));
    }

    fn text(self) -> String {
        let families = self.0.into_iter();
        families.fold(String::new(), |mut text, (name, Family { kind, help, samples })| {
            // As above.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{samples}");
            text
        })
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n")
}

//! Manifests: for each component a Deployment, or a Job where it is not always restarted, and a Service where addresses lie at it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use palm_registry::api::RestartWhen;
use palm_registry::cluster::Component;
use palm_registry::cluster::command::{self, Addresses};
use serde_json::{Value, json};

use super::names::Names;
use super::{Cluster, Source};
use crate::failure::Failure;
use crate::output::note;

/// Stands for the pod's own address until `$` is escaped; no file has it, for it is a character for private use.
const POD: &str = "\u{f8ff}";

/// Writes a Deployment or Job for each component, and a Service where others connect to it
#[derive(Debug, clap::Args)]
pub(super) struct Kubernetes {
    #[command(flatten)]
    source: Source,
    /// The container image with the programs [default: the name of the file]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
}

impl Kubernetes {
    pub(super) fn run(self) -> Result<(), Failure> {
        let cluster = self.source.read()?;
        let mut names = Names::default();
        let part_of = names.give(&cluster.name);
        let image = self.image.unwrap_or_else(|| {
            note(&format_args!("no `--image`; the manifests name `{part_of}:latest`"));
            format!("{part_of}:latest")
        });
        let mut services = BTreeMap::new();
        for component in cluster.file.in_order() {
            services.insert(component.name.as_str(), names.give(&format!("{} {}", cluster.name, component.name)));
        }
        let exported = Exported { homes: ports(&cluster)?, services, part_of, image };
        let files = cluster.file.in_order().map(|component| exported.component(component));
        self.source.write(&files.collect::<Result<Vec<_>, _>>()?, "---\n#")
    }
}

/// The port of each placeholder, and the name of the component that it lies at.
fn ports(cluster: &Cluster) -> Result<BTreeMap<String, (String, u16)>, Failure> {
    let homes = cluster.file.homes();
    let port = |(name, address): (&String, &String)| {
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let home = homes.get(name.as_str()).zip(port);
        let (home, port) = home.ok_or_else(|| Failure::failed(format!("`{name}` has no port")))?;
        Ok((name.clone(), (home.name.clone(), port)))
    };
    cluster.plan.addresses.iter().map(port).collect()
}

struct Exported<'a> {
    homes: BTreeMap<String, (String, u16)>,
    /// Name of each component in Kubernetes.
    services: BTreeMap<&'a str, String>,
    part_of: String,
    image: String,
}

impl Exported<'_> {
    /// The file of a component.
    fn component(&self, component: &Component) -> Result<(PathBuf, String), Failure> {
        let name = self.service(&component.name);
        let own = self.homes.values().filter(|(home, _)| *home == component.name);
        let ports: Vec<u16> = own.map(|(_, port)| *port).collect();
        let mut manifests = Vec::new();
        if !ports.is_empty() {
            manifests.push(self.service_manifest(name, &ports));
        }
        manifests.push(self.workload(component, name, &ports));
        let texts = manifests.iter().map(yaml_serde::to_string).collect::<Result<Vec<_>, _>>();
        let texts = texts.map_err(|error| Failure::failed(error.to_string()))?;
        Ok((PathBuf::from(format!("{name}.yaml")), texts.join("---\n")))
    }

    fn service<'s>(&'s self, component: &'s str) -> &'s str {
        self.services.get(component).map_or(component, String::as_str)
    }

    /// Each address as this component is told it: its own at its pod, the others at their services.
    fn addresses(&self, component: &Component) -> Addresses {
        let address = |(name, (home, port)): (&String, &(String, u16))| {
            let host = if *home == component.name { POD } else { self.service(home) };
            (name.clone(), format!("tcp://{host}:{port}"))
        };
        self.homes.iter().map(address).collect()
    }

    fn labels(&self, name: &str) -> Value {
        json!({ "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": self.part_of })
    }

    fn service_manifest(&self, name: &str, ports: &[u16]) -> Value {
        let ports: Vec<_> = ports
            .iter()
            .map(|port| json!({ "name": format!("tcp-{port}"), "port": port, "protocol": "TCP" }))
            .collect();
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": name, "labels": self.labels(name) },
            "spec": {
                // The name stands for the pod itself: ZeroMQ keeps its connections, there is nothing to balance.
                "clusterIP": "None",
                "publishNotReadyAddresses": true,
                "selector": self.labels(name),
                "ports": ports,
            },
        })
    }

    fn workload(&self, component: &Component, name: &str, ports: &[u16]) -> Value {
        let line = command::line(component, &self.addresses(component));
        let words = command::split(&line).unwrap_or_default();
        let words: Vec<_> = words.iter().map(|word| word.replace('$', "$$").replace(POD, "$(POD_IP)")).collect();
        let mut container = json!({ "name": name, "image": self.image, "command": words });
        if !ports.is_empty() {
            let field = json!({ "fieldRef": { "fieldPath": "status.podIP" } });
            container["env"] = json!([{ "name": "POD_IP", "valueFrom": field }]);
            container["ports"] = ports.iter().map(|port| json!({ "containerPort": port, "protocol": "TCP" })).collect();
        }
        let always = component.restart.when == RestartWhen::Always;
        let restart = match component.restart.when {
            RestartWhen::Always => "Always",
            RestartWhen::Never => "Never",
            RestartWhen::Failure => "OnFailure",
        };
        let pod = json!({
            "metadata": { "labels": self.labels(name) },
            "spec": {
                "containers": [container],
                "restartPolicy": restart,
                "terminationGracePeriodSeconds": component.grace_seconds,
            },
        });
        let metadata = json!({ "name": name, "labels": self.labels(name) });
        let count = component.count();
        if always {
            // Two of what others connect to are one too many, even for a moment.
            let strategy = if ports.is_empty() { "RollingUpdate" } else { "Recreate" };
            return json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": metadata,
                "spec": {
                    "replicas": count,
                    "selector": { "matchLabels": self.labels(name) },
                    "strategy": { "type": strategy },
                    "template": pod,
                },
            });
        }
        let attempts = match component.restart.when {
            RestartWhen::Never => 0,
            _ => component.restart.attempts.map_or(i32::MAX, |attempts| i32::try_from(attempts).unwrap_or(i32::MAX)),
        };
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata,
            "spec": { "backoffLimit": attempts, "completions": count, "parallelism": count, "template": pod },
        })
    }
}

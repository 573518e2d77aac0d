//! What would be placed where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::runner::Instance;

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

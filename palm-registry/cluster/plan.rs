//! What would be placed where.

use uuid::Uuid;

use super::file::ClusterFile;
use super::node::NodeFile;
use super::placement::{Placement, PlacementError};
use crate::api::{Plan, PlannedNode};

/// What would be placed where, if these nodes joined one after another, on top of what is placed already.
///
/// ```
/// use palm_registry::cluster::{ClusterFile, NodeFile, Placement, plan};
///
/// let file = ClusterFile::parse("[Master]\nScript = master\n--db = _5\n[Worker]\nScript = worker\n--db = _5\nReplicas = 1\n")?;
/// let plan = plan(&Placement::default(), &file, &[NodeFile::default(), NodeFile::default()])?;
/// assert_eq!(plan.nodes[1].instances[0].name, "Worker 1");
/// assert_eq!(plan.unplaced, ["Worker 2"]);
/// assert_eq!(plan.addresses["_5"], "tcp://127.0.0.1:5555");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// There is no port left for one of them.
pub fn plan(placement: &Placement, file: &ClusterFile, nodes: &[NodeFile]) -> Result<Plan, PlacementError> {
    let mut placement = placement.clone();
    let mut planned = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        // Each is a node of its own, whatever it is called.
        let instances = placement.place(file, &node.with_id(Uuid::from_u128(index as u128)))?;
        let NodeFile { ip, processors, ports_from, name } = node.clone();
        planned.push(PlannedNode { ip, name, processors, ports_from, instances });
    }
    Ok(Plan { nodes: planned, unplaced: placement.unplaced(file), addresses: placement.addresses() })
}

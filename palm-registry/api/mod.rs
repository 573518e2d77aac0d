//! The JSON of `/api/v1`, as service, runner and command line share it.
//!
//! Times are RFC 3339 in UTC. Fields that a reader does not know are ignored; those with a default may be left out.

mod cluster;
mod failure;
mod metric;
mod plan;
mod runner;
mod state;
mod token;

pub use cluster::{Cluster, ClusterState, Event, LogLine, NewCluster, Node, PlacedInstance};
pub use failure::{Failure, Problem};
pub use metric::Metric;
pub use plan::{Plan, PlanRequest, PlannedNode};
pub use runner::{Assignment, Heartbeat, Instance, InstanceReport, NodeJoin, RestartPolicy, RestartWhen, StateChange};
pub use state::{State, UnknownState};
pub use token::{NewToken, Token};

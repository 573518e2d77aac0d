//! What a cluster file means, as plain functions of text and state: no I/O, no clock.
//!
//! [`ClusterFile::parse`] checks a file, [`Placement`] says which instance lies on which node, [`plan()`] what would, [`Graph`] who is
//! linked with whom.

mod collision;
pub mod command;
mod component;
mod expand;
mod fault;
mod file;
mod graph;
pub mod ini;
mod node;
mod order;
mod placement;
mod plan;
mod status;

pub use collision::{Collision, collisions};
pub use component::{Argument, Component, Value};
pub use fault::{FileError, FileErrors};
pub use file::ClusterFile;
pub use graph::{Graph, GraphComponent, GraphLink};
pub use node::{Node, NodeError, NodeFile};
pub use placement::{Placed, Placement, PlacementError};
pub use plan::plan;

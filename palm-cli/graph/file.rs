//! The graph of a cluster file.

use std::path::Path;

use palm_registry::cluster::Graph;

use super::Format;
use crate::cluster_file;
use crate::failure::Failure;
use crate::output::{print, print_json};

pub(super) fn run(file: &Path, format: Format, json: bool) -> Result<(), Failure> {
    let graph = Graph::of(&cluster_file::read(file)?);
    if json {
        return print_json(&serde_json::to_value(&graph).map_err(|error| Failure::failed(error.to_string()))?);
    }
    print(match format {
        Format::Dot => graph.to_dot(),
        Format::Mermaid => graph.to_mermaid(),
    })
}

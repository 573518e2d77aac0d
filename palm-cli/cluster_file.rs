//! A cluster file and node files from disk, and what is placed where by them.

use std::path::{Path, PathBuf};

use palm_registry::api::Plan;
use palm_registry::cluster::{ClusterFile, FileErrors, NodeFile, Placement, plan};

use crate::failure::Failure;
use crate::input;
use crate::output::note;

/// Reads and checks a cluster file. What looks odd in it is told on stderr.
pub(crate) fn read(path: &Path) -> Result<ClusterFile, Failure> {
    let file = ClusterFile::parse(&input::text(path)?).map_err(|faults| faulty(path, &faults))?;
    for warning in file.warnings() {
        note(&format_args!("{}: warning: {warning}", path.display()));
    }
    Ok(file)
}

/// Reads and checks node files.
pub(crate) fn nodes(paths: &[PathBuf]) -> Result<Vec<NodeFile>, Failure> {
    paths.iter().map(|path| NodeFile::parse(&input::text(path)?).map_err(|faults| faulty(path, &faults))).collect()
}

/// Places a cluster on nodes.
pub(crate) fn planned(file: &ClusterFile, nodes: &[NodeFile]) -> Result<Plan, Failure> {
    plan(&Placement::default(), file, nodes).map_err(|error| Failure::failed(error.to_string()))
}

/// A line for each fault, each with the name of the file.
fn faulty(path: &Path, faults: &FileErrors) -> Failure {
    let lines: Vec<_> = faults.all().iter().map(|fault| format!("{}: {fault}", path.display())).collect();
    Failure::failed(lines.join("\n"))
}

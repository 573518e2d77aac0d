//! `palm cluster plan`: what would be placed where, without a registry.

use std::path::PathBuf;

use palm_registry::api;

use crate::cluster_file;
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::table::Table;

/// Shows what would be placed where if the runners of these nodes joined in this order
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// The cluster file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The node files, as runners get them by `--config`
    #[arg(value_name = "NODE", required = true)]
    nodes: Vec<PathBuf>,
    /// Prints the plan as an object
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let file = cluster_file::read(&self.file)?;
        let plan = cluster_file::planned(&file, &cluster_file::nodes(&self.nodes)?)?;
        if self.json {
            let value = serde_json::to_value(&plan).map_err(|error| Failure::failed(error.to_string()))?;
            return print_json(&value);
        }
        print(text(&plan))
    }
}

fn text(plan: &api::Plan) -> String {
    let mut table = Table::new(&["NODE", "INSTANCE", "COMMAND"]);
    for node in &plan.nodes {
        let name = node.name.as_deref().unwrap_or(&node.ip);
        let idle = (node.processors as usize).saturating_sub(node.instances.len());
        for instance in &node.instances {
            table.row(vec![name.to_owned(), instance.name.clone(), instance.command.clone()]);
        }
        if idle > 0 {
            table.row(vec![name.to_owned(), "-".to_owned(), format!("{idle} of {} processors idle", node.processors)]);
        }
    }
    for name in &plan.unplaced {
        table.row(vec!["-".to_owned(), name.clone(), "no processor is left for it".to_owned()]);
    }
    table.text()
}

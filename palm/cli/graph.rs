use clap::ValueEnum;
use serde_json::json;

use super::exit::{Failure, print, print_json};
use super::{catalog, outline};

#[derive(Debug, clap::Args)]
pub(super) struct Graph {
    /// Name of the type
    component: String,
    /// Language of the graph
    #[arg(long, value_enum, default_value_t = Format::Dot)]
    format: Format,
    /// Prints the parts and their routes as an object
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Graphviz
    Dot,
    /// A Mermaid flowchart
    Mermaid,
}

impl Graph {
    pub(super) fn act(self) -> Result<(), Failure> {
        let plan = outline::plan(catalog::find(&self.component)?);
        if self.json {
            return print_json(&json!({ "name": plan.name(), "parts": outline::parts_json(&plan) }));
        }
        print(&match self.format {
            Format::Dot => plan.to_dot(),
            Format::Mermaid => plan.to_mermaid(),
        })
    }
}

//! `palm graph`: the topology of a running component or of a cluster file.

mod file;

use std::path::PathBuf;

use clap::{ArgGroup, ValueEnum};
use palm::topology::Outline;

use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::peer::Peer;
use crate::value;

/// Draws the parts of a running component, or the components of a cluster file
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("of").required(true).args(["file", "db"])))]
pub(crate) struct Graph {
    /// Draws the components of this cluster file, and what links them
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Draws the parts of the component with this cache, and their routes
    #[arg(long, value_name = "ADDRESS", value_parser = value::address)]
    db: Option<String>,
    /// Language of the graph
    #[arg(long, value_enum, default_value_t = Format::Dot)]
    format: Format,
    /// Prints it as an object
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// A language of graphs.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Graphviz
    Dot,
    /// A Mermaid flowchart
    Mermaid,
}

impl Graph {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match (self.file, self.db) {
            (Some(file), _) => file::run(&file, self.format, self.json),
            (None, Some(db)) => component(&db, self.format, self.json),
            (None, None) => {
                Err(Failure::usage("there is nothing to draw; name a cluster file, or a component by `--db`"))
            }
        }
    }
}

fn component(db: &str, format: Format, json: bool) -> Result<(), Failure> {
    let peer = Peer::at(db);
    let outline = peer.get("_palm.outline")?;
    if json && let Some(value) = outline.as_ref().and_then(|outline| serde_json::from_slice(outline).ok()) {
        return print_json(&value);
    }
    let Some(outline) = outline.and_then(|outline| Outline::from_json(&outline)) else {
        let name = peer.text("name")?.unwrap_or_default();
        return Err(Failure::failed(format!(
            "`{name}` at {} does not say what its parts are; it is a classic PALM peer, or of another version",
            peer.address()
        )));
    };
    print(match format {
        Format::Dot => outline.to_dot(),
        Format::Mermaid => outline.to_mermaid(),
    })
}

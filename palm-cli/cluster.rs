//! `palm cluster`: clusters of a registry.

mod logs;
mod status;

use std::path::PathBuf;

use palm_registry::api;
use serde_json::json;

use self::logs::Logs;
use self::status::{List, Status};
use crate::access::Access;
use crate::api_client::segment;
use crate::failure::Failure;
use crate::input;
use crate::output::{print, print_json};
use crate::plan::Plan;

/// Makes, shows and removes the clusters of a registry
#[derive(Debug, clap::Args)]
pub(crate) struct Cluster {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    New(New),
    List(List),
    Status(Status),
    Plan(Plan),
    Logs(Logs),
    Reset(Reset),
    Delete(Delete),
}

/// Makes a cluster out of a cluster file, and prints its key
#[derive(Debug, clap::Args)]
struct New {
    /// The cluster file; `-` is stdin
    file: PathBuf,
    /// Its key [default: one that the registry makes up]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A name for people
    #[arg(long, value_name = "NAME", default_value = "")]
    alias: String,
    #[command(flatten)]
    access: Access,
    /// Prints the cluster as an object
    #[arg(long)]
    json: bool,
}

/// Forgets what lies on which node, so that the components are placed anew
#[derive(Debug, clap::Args)]
struct Reset {
    /// Key of the cluster
    key: String,
    #[command(flatten)]
    access: Access,
}

/// Removes a cluster with its logs
#[derive(Debug, clap::Args)]
struct Delete {
    /// Key of the cluster
    key: String,
    #[command(flatten)]
    access: Access,
}

impl Cluster {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::New(command) => command.run(),
            Action::List(command) => command.run(),
            Action::Status(command) => command.run(),
            Action::Plan(command) => command.run(),
            Action::Logs(command) => command.run(),
            Action::Reset(command) => command.run(),
            Action::Delete(command) => command.run(),
        }
    }
}

impl New {
    fn run(self) -> Result<(), Failure> {
        let new = api::NewCluster { file: input::text(&self.file)?, key: self.key, alias: self.alias };
        let cluster: api::Cluster = self.access.client().post("/api/v1/clusters", &new)?;
        if self.json { print_json(&json!(cluster)) } else { print(format!("{}\n", cluster.key)) }
    }
}

impl Reset {
    fn run(self) -> Result<(), Failure> {
        let path = format!("{}/reset", path_of(&self.key));
        Ok(self.access.client().post_bytes(&path, &[], Vec::new())?)
    }
}

impl Delete {
    fn run(self) -> Result<(), Failure> {
        Ok(self.access.client().delete(&path_of(&self.key))?)
    }
}

/// The path of a cluster.
pub(crate) fn path_of(key: &str) -> String {
    format!("/api/v1/clusters/{}", segment(key))
}

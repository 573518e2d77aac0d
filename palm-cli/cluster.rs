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
    Restart(Restart),
    Forget(Forget),
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

/// Starts instances anew, those that are FATAL or have ended too
#[derive(Debug, clap::Args)]
struct Restart {
    /// Key of the cluster
    key: String,
    /// Names of instances, as `palm cluster status` has them
    #[arg(required = true, value_name = "INSTANCE")]
    instances: Vec<String>,
    #[command(flatten)]
    access: Access,
}

/// Gives what a node ran to others: for a machine that does not come back
///
/// The registry moves nothing by itself from a node that is not heard of, since it may run it still. See to it that it does not.
#[derive(Debug, clap::Args)]
struct Forget {
    /// Key of the cluster
    key: String,
    /// Identifiers of nodes, as `palm cluster status` has them
    #[arg(required = true, value_name = "NODE")]
    nodes: Vec<uuid::Uuid>,
    #[command(flatten)]
    access: Access,
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
            Action::Restart(command) => command.run(),
            Action::Forget(command) => command.run(),
            Action::Reset(command) => command.run(),
            Action::Delete(command) => command.run(),
        }
    }
}

impl New {
    fn run(self) -> Result<(), Failure> {
        let new = api::NewCluster { file: input::text(&self.file)?, key: self.key, alias: self.alias };
        let cluster: api::Cluster = self.access.client()?.post("/api/v1/clusters", &new)?;
        if self.json { print_json(&json!(cluster)) } else { print(format!("{}\n", cluster.key)) }
    }
}

impl Restart {
    fn run(self) -> Result<(), Failure> {
        let client = self.access.client()?;
        for name in &self.instances {
            let path = format!("{}/instances/{}/restart", path_of(&self.key), segment(name));
            client.post_bytes(&path, &[], &[])?;
        }
        Ok(())
    }
}

impl Forget {
    fn run(self) -> Result<(), Failure> {
        let client = self.access.client()?;
        for node in &self.nodes {
            client.delete(&format!("{}/nodes/{node}", path_of(&self.key)))?;
        }
        Ok(())
    }
}

impl Reset {
    fn run(self) -> Result<(), Failure> {
        let path = format!("{}/reset", path_of(&self.key));
        Ok(self.access.client()?.post_bytes(&path, &[], &[])?)
    }
}

impl Delete {
    fn run(self) -> Result<(), Failure> {
        Ok(self.access.client()?.delete(&path_of(&self.key))?)
    }
}

/// The path of a cluster.
pub(crate) fn path_of(key: &str) -> String {
    format!("/api/v1/clusters/{}", segment(key))
}

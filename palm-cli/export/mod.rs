//! `palm export`: a cluster file as units or manifests, with resolved addresses.

mod kubernetes;
mod names;
mod systemd;

use std::path::{Path, PathBuf};

use palm_registry::api::Plan;
use palm_registry::cluster::{ClusterFile, NodeFile};

use crate::cluster_file;
use crate::failure::Failure;
use crate::output::print;

/// Writes a cluster file as units of systemd or manifests of Kubernetes
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    #[command(subcommand)]
    target: Target,
}

#[derive(Debug, clap::Subcommand)]
enum Target {
    Systemd(systemd::Systemd),
    Kubernetes(kubernetes::Kubernetes),
}

impl Export {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.target {
            Target::Systemd(systemd) => systemd.run(),
            Target::Kubernetes(kubernetes) => kubernetes.run(),
        }
    }
}

/// What is exported, and where to.
#[derive(Debug, clap::Args)]
struct Source {
    /// The cluster file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A node file, as a runner gets it by `--config`; once for each node. Without one, a node at 127.0.0.1 takes everything
    #[arg(long = "node", value_name = "NODE")]
    nodes: Vec<PathBuf>,
    /// Writes files into this directory; without it, everything is printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A cluster whose every instance lies somewhere.
struct Cluster {
    /// Name of its file, without what follows the dot.
    name: String,
    file: ClusterFile,
    plan: Plan,
}

impl Source {
    fn read(&self) -> Result<Cluster, Failure> {
        let file = cluster_file::read(&self.file)?;
        let mut nodes = cluster_file::nodes(&self.nodes)?;
        if nodes.is_empty() {
            nodes.push(NodeFile { processors: u32::MAX, ..NodeFile::default() });
        }
        let plan = cluster_file::planned(&file, &nodes)?;
        if let Some(first) = plan.unplaced.first() {
            let text = format!(
                "there is no processor for `{first}`; name nodes with {} more processors by `--node`",
                plan.unplaced.len()
            );
            return Err(Failure::failed(text));
        }
        let stem = self.file.file_stem().filter(|stem| *stem != "-");
        let name = stem.map_or_else(|| "cluster".to_owned(), |stem| stem.to_string_lossy().into_owned());
        Ok(Cluster { name, file, plan })
    }

    /// Writes or prints files. Each has a path and a content; `comment` begins a line that divides what is printed.
    fn write(&self, files: &[(PathBuf, String)], comment: &str) -> Result<(), Failure> {
        let Some(directory) = &self.out else {
            let texts = files.iter().map(|(path, content)| format!("{comment} {}\n{content}", path.display()));
            return print(texts.collect::<Vec<_>>().join("\n"));
        };
        for (path, content) in files {
            let path = directory.join(path);
            put(&path, content)
                .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
        }
        Ok(())
    }
}

fn put(path: &Path, content: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(path, content)
}

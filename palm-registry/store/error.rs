//! Why the store did not do what it was asked for.

use std::path::PathBuf;

use crate::cluster::{FileErrors, NodeError, PlacementError};

/// The store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StoreError {
    #[error("the file `{}` cannot be opened", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("the database cannot be opened")]
    Open(#[source] sqlx::Error),
    #[error("the tables of the database cannot be brought to this version")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the placement of cluster `{key}` in the database cannot be read; was it written by a newer version?")]
    Placement { key: String, source: serde_json::Error },
    #[error("there is no cluster of that key, or it is somebody else's")]
    NoCluster,
    #[error("a cluster of that key exists; choose another one, or leave it out")]
    KeyTaken,
    #[error("a user of that name exists; choose another one")]
    NameTaken,
    #[error("that node has not joined, or was forgotten; it has to join again")]
    NoNode,
    #[error("{0}")]
    Text(#[from] FileErrors),
    #[error("{0}")]
    Node(#[from] NodeError),
    #[error("{0}")]
    Place(#[from] PlacementError),
    #[error("there are {limit} {what} already, and that is the limit")]
    Full { what: &'static str, limit: u64 },
}

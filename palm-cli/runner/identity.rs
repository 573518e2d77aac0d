//! Who a runner is: kept in a directory of its own, so that it gets the same placement again.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use palm_registry::cluster::NodeFile;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Runners of the same cluster, address, ports and name on one machine.
const RUNNERS: u32 = 1000;

/// Identifiers of directories are made in this space.
const DIRECTORIES: Uuid = Uuid::from_u128(0x7f0a_86cd_13b1_4a8b_9d3e_52c7_6f1e_b04a);

/// The identity of a running runner; nobody else has it meanwhile. Dropping it frees it.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) id: Uuid,
    /// How often it has been started, this time included.
    pub(super) run: u32,
    /// Where it keeps what it has to.
    pub(super) directory: PathBuf,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    id: Uuid,
    run: u32,
}

impl Identity {
    /// Takes the identity that is kept below `state` for a node, or makes one. While another runner has it, the next one of that
    /// node.
    pub(super) fn take(state: &Path, registry: &str, cluster: &str, node: &NodeFile) -> io::Result<Self> {
        let name = node.name.as_deref().unwrap_or_default();
        let what = format!("{registry}\n{cluster}\n{}\n{}\n{name}", node.ip, node.ports_from);
        let what = Uuid::new_v5(&DIRECTORIES, what.as_bytes());
        for number in 1..=RUNNERS {
            let directory = state.join(if number == 1 { what.to_string() } else { format!("{what}-{number}") });
            // What components say, and their arguments, are nobody else's affair.
            DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
            let lock = File::create(directory.join("lock"))?;
            match lock.try_lock() {
                Ok(()) => return Self::read(directory, lock),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::other(format!("{RUNNERS} runners of this node run already")))
    }

    fn read(directory: PathBuf, lock: File) -> io::Result<Self> {
        let path = directory.join("identity.json");
        let mut kept: Kept = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept { id: Uuid::new_v4(), run: 0 },
            Err(error) => return Err(error),
        };
        kept.run = kept.run.wrapping_add(1);
        // Renamed into place: a file is whole, or the old one.
        let new = directory.join("identity.json.new");
        fs::write(&new, serde_json::to_vec(&kept)?)?;
        File::open(&new)?.sync_all()?;
        fs::rename(&new, &path)?;
        Ok(Self { id: kept.id, run: kept.run, directory, _lock: lock })
    }
}

/// Where runners keep what they have to, unless they are told.
pub(super) fn default_state() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(base.join("palm/runner"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::unwrap_used, reason = "a test may panic")]
    fn it_comes_back_and_is_nobody_elses_meanwhile() {
        let state = tempfile::tempdir().unwrap();
        let take = |cluster| Identity::take(state.path(), "http://r", cluster, &NodeFile::default()).unwrap();
        let (first, second, other) = (take("k"), take("k"), take("l"));
        let (id, next) = (first.id, second.id);
        assert!(id != next && id != other.id);
        drop((first, second));
        let again = take("k");
        assert_eq!((again.id, again.run), (id, 2));
        assert_eq!(take("k").id, next);
    }
}

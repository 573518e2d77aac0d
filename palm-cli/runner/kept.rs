//! What a node was last told to run, for a start while the registry is away.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use palm_registry::api::Instance;

/// A file beside the identity of the node.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    /// What is in the file.
    instances: Option<Vec<Instance>>,
}

impl Kept {
    /// What an earlier run has left in the directory of its identity. A file that cannot be read counts as none.
    pub(super) fn open(directory: &Path) -> Self {
        let path = directory.join("assignment.json");
        let read = |path: &Path| serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other);
        let instances = read(&path)
            .inspect_err(|error| {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(path = %path.display(), %error, "what ran here last cannot be read");
                }
            })
            .ok();
        Self { path, instances }
    }

    /// What ran here last; `None` if the registry has never said.
    pub(super) fn instances(&self) -> Option<&[Instance]> {
        self.instances.as_deref()
    }

    /// Keeps what is to run now.
    pub(super) fn keep(&mut self, instances: &[Instance]) {
        if self.instances() == Some(instances) {
            return;
        }
        match self.write(instances) {
            Ok(()) => self.instances = Some(instances.to_vec()),
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%path, %error, "what runs here cannot be kept; without the registry the next start is an older one");
            }
        }
    }

    /// Renamed into place: a file is whole, or the old one.
    fn write(&self, instances: &[Instance]) -> io::Result<()> {
        let new = self.path.with_extension("new");
        fs::write(&new, serde_json::to_vec(instances)?)?;
        File::open(&new)?.sync_all()?;
        fs::rename(&new, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use palm_registry::api::RestartPolicy;

    use super::*;

    #[test]
    #[expect(clippy::unwrap_used, reason = "a test may panic")]
    fn the_last_one_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut kept = Kept::open(directory.path());
        assert_eq!(kept.instances(), None);
        let instance = Instance {
            name: "Worker".into(),
            component: "Worker".into(),
            argv: vec!["worker".into()],
            command: "worker".into(),
            restart: RestartPolicy::default(),
            grace_seconds: 3,
            generation: 7,
        };
        kept.keep(std::slice::from_ref(&instance));
        assert_eq!(Kept::open(directory.path()).instances(), Some(&[instance][..]));
        kept.keep(&[]);
        assert_eq!(Kept::open(directory.path()).instances(), Some(&[][..]));
        fs::write(directory.path().join("assignment.json"), "[{").unwrap();
        assert_eq!(Kept::open(directory.path()).instances(), None);
    }
}

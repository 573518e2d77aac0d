//! The ports of endpoints that workers have for themselves: which may be used, and whose they are, across restarts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Workers with an endpoint of their own; whoever comes later shares the fixed one.
pub(super) const MAX_ENDPOINTS: usize = 256;
/// Longest name of a worker that has one.
const MAX_NAME: usize = 256;
/// A file of `MAX_ENDPOINTS` names, however they are escaped, is smaller.
const MAX_FILE: u64 = 1 << 20;

/// Which ports there are, and which worker has which.
#[derive(Debug, Default)]
pub(super) struct WorkerPorts {
    range: Option<RangeInclusive<u16>>,
    /// Where in the range the next one is looked for, so that a port is left alone for long after it was closed.
    place: usize,
    directory: Option<PathBuf>,
    file: Option<PathBuf>,
    known: BTreeMap<u16, String>,
}

impl WorkerPorts {
    pub(super) fn set_range(&mut self, range: RangeInclusive<u16>) {
        self.range = Some(range);
    }

    pub(super) fn keep_in(&mut self, directory: PathBuf) {
        self.directory = Some(directory);
    }

    /// Whether a worker of that name may have a port of its own, at a component that is reached on loopback or beyond.
    pub(super) fn serves(&self, worker: &str, on_loopback: bool) -> bool {
        (on_loopback || self.range.is_some()) && !worker.is_empty() && worker.len() <= MAX_NAME
    }

    /// Ports to be tried for a worker, as they stand in an address.
    pub(super) fn candidates(&mut self) -> Vec<String> {
        let Some(range) = &self.range else { return vec!["*".to_owned()] };
        let (all, place) = (range.len(), self.place);
        let turned = (0..all).map(|offset| (place + offset) % all);
        let free = turned.filter_map(|place| range.clone().nth(place)).filter(|port| !self.known.contains_key(port));
        free.take(MAX_ENDPOINTS).map(|port| port.to_string()).collect()
    }

    /// A worker has a port from now on.
    pub(super) fn remember(&mut self, port: u16, worker: &str) {
        if let Some(range) = &self.range {
            self.place = usize::from(port.saturating_sub(*range.start())) + 1;
        }
        self.known.insert(port, worker.to_owned());
        self.save();
    }

    pub(super) fn forget(&mut self, port: u16) {
        self.known.remove(&port);
        self.save();
    }

    /// Finds what an earlier run of the component has left. What cannot be understood is told and ignored.
    pub(super) fn load(&mut self, component: &str) -> Result<Vec<(u16, String)>> {
        let Some(directory) = &self.directory else { return Ok(Vec::new()) };
        fs::create_dir_all(directory).map_err(|error| Error::system("keep state in `state_dir`", error))?;
        let file = directory.join(file_name(component));
        self.known = read(&file).unwrap_or_else(|error| {
            tracing::warn!("{} is ignored, and workers have to ask anew: {error}", file.display());
            BTreeMap::new()
        });
        self.file = Some(file);
        let range = self.range.clone();
        self.known.retain(|port, worker| {
            range.as_ref().is_none_or(|range| range.contains(port)) && !worker.is_empty() && worker.len() <= MAX_NAME
        });
        while self.known.len() > MAX_ENDPOINTS {
            self.known.pop_last();
        }
        // Whoever may not write here is to hear it now.
        self.write().map_err(|error| Error::system("keep state in `state_dir`", error))?;
        Ok(self.known.iter().map(|(port, worker)| (*port, worker.clone())).collect())
    }

    fn save(&self) {
        if let Err(error) = self.write() {
            tracing::warn!("the ports of workers could not be kept in `state_dir`: {error}");
        }
    }

    /// In one step: whoever reads finds the old file or the new one.
    fn write(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let fresh = file.with_extension("new");
        fs::write(&fresh, serde_json::to_vec(&self.known)?)?;
        fs::rename(&fresh, file)
    }
}

fn read(file: &Path) -> io::Result<BTreeMap<u16, String>> {
    let file = match fs::File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        file => file?,
    };
    let mut text = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// The component's name with nothing in it that means something in a path.
fn file_name(component: &str) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() || letter == '-' { letter } else { '_' };
    format!("{}.worker_ports.json", component.chars().map(plain).collect::<String>())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    fn kept(directory: &Path) -> WorkerPorts {
        let mut ports = WorkerPorts::default();
        ports.keep_in(directory.to_owned());
        ports
    }

    #[test]
    fn what_is_remembered_is_found_by_the_next_run() {
        let place = tempfile::tempdir().unwrap();
        let state = place.path().join("not/yet/there");
        let mut ports = kept(&state);
        assert_eq!(ports.load("server").unwrap(), []);
        ports.remember(4001, "worker1");
        ports.remember(4002, "a \"name\"\nof its own");
        ports.remember(4003, "worker3");
        ports.forget(4001);
        let found = kept(&state).load("server").unwrap();
        assert_eq!(found, [(4002, "a \"name\"\nof its own".to_owned()), (4003, "worker3".to_owned())]);
        assert_eq!(kept(&state).load("../other").unwrap(), [], "each component has a file of its own, and only here");
        let files: Vec<_> = fs::read_dir(&state).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files.len(), 2, "{files:?}");
    }

    #[test]
    fn what_is_no_state_is_ignored() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(file_name("server"));
        for bad in [&b""[..], b"{", b"[1]", b"{\"1\": 2}", b"{\"70000\": \"w\"}", b"\xff\xfe", &[b' '; 2 << 20]] {
            fs::write(&file, bad).unwrap();
            assert_eq!(kept(place.path()).load("server").unwrap(), []);
        }
        let many: BTreeMap<u16, String> = (1..2_000).map(|port| (port, "w".repeat(usize::from(port)))).collect();
        fs::write(&file, serde_json::to_vec(&many).unwrap()).unwrap();
        assert!(kept(place.path()).load("server").unwrap().len() <= MAX_ENDPOINTS);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        let error = kept(&file).load("server").unwrap_err();
        assert!(error.to_string().starts_with("cannot keep state in `state_dir`: "), "{error}");
    }

    #[test]
    fn a_range_is_used_in_turn_and_bounds_what_is_found() {
        let place = tempfile::tempdir().unwrap();
        let mut ports = kept(place.path());
        ports.set_range(4001..=4003);
        ports.load("server").unwrap();
        assert_eq!(ports.candidates(), ["4001", "4002", "4003"]);
        ports.remember(4001, "a");
        ports.remember(4002, "b");
        ports.forget(4001);
        assert_eq!(ports.candidates(), ["4003", "4001"], "a port is left alone for as long as can be");
        ports.remember(4003, "c");
        assert_eq!(ports.candidates(), ["4001"]);
        let mut other = kept(place.path());
        other.set_range(4003..=4010);
        assert_eq!(other.load("server").unwrap(), [(4003, "c".to_owned())]);
        #[expect(clippy::reversed_empty_ranges, reason = "a user may give one")]
        other.set_range(5..=4);
        assert_eq!(other.candidates().len(), 0);
    }

    #[test]
    fn without_a_range_the_system_chooses_on_loopback_only() {
        let mut ports = WorkerPorts::default();
        assert_eq!(ports.candidates(), ["*"]);
        assert!(ports.serves("worker1", true) && !ports.serves("worker1", false) && !ports.serves("", true));
        assert!(!ports.serves(&"w".repeat(MAX_NAME + 1), true));
        ports.set_range(4001..=4003);
        assert!(ports.serves("worker1", false));
    }
}

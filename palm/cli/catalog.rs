//! What can be run: the components that are linked in, and the plain ones.

use crate::error::BoxError;
use crate::service::registry::{self, Constructed, LookupError};
use crate::service::{Description, Hooks, Kind, Service};

/// One component of this program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) description: &'static Description,
    /// `None`: it is a plain one, which has no value.
    construct: Option<fn() -> Constructed>,
}

static MASTER: Description =
    plain("Master", Kind::Master, "Hands the messages of clients to workers, and their results back.");
static HUB: Description = plain("Hub", Kind::Hub, "Hands the messages of a stream to workers, and their results on.");

const fn plain(name: &'static str, kind: Kind, docs: &'static str) -> Description {
    Description { name, kind, methods: &[], hooks: Hooks::NONE, docs, file: "", line: 0 }
}

impl Entry {
    /// Whether it is one that every program has, without an impl block.
    pub(super) const fn is_plain(&self) -> bool {
        self.construct.is_none()
    }

    /// Makes the value; a plain component has none.
    pub(super) fn service(&self) -> Result<Option<Box<dyn Service>>, BoxError> {
        let Some(construct) = self.construct else { return Ok(None) };
        let Description { name, kind, file, line, .. } = self.description;
        match construct() {
            Some(Ok(service)) => Ok(Some(service)),
            Some(Err(error)) => Err(format!("the constructor of `{name}` ({file}:{line}) failed: {error}").into()),
            None => Err(format!(
                "`{name}` ({file}:{line}) cannot be made; derive `Default` for it, \
                 or name its constructor: `#[palm::{kind}(constructor = …)]`"
            )
            .into()),
        }
    }
}

/// Every component, sorted by name, twins included. A plain one is there unless another has its name.
pub(super) fn all() -> Vec<Entry> {
    let mut entries: Vec<_> = registry::all()
        .iter()
        .map(|one| Entry { description: one.description, construct: Some(one.construct) })
        .collect();
    for description in [&MASTER, &HUB] {
        if entries.iter().all(|entry| entry.description.name != description.name) {
            entries.push(Entry { description, construct: None });
        }
    }
    entries.sort_by_key(|entry| entry.description.name);
    entries
}

/// The component of that name.
pub(super) fn find(name: &str) -> Result<Entry, Missing> {
    let entries = all();
    let plain = entries.iter().find(|entry| entry.is_plain() && entry.description.name == name);
    if let Some(entry) = plain {
        return Ok(*entry);
    }
    match registry::all().find(name) {
        Ok(found) => Ok(Entry { description: found.description, construct: Some(found.construct) }),
        Err(LookupError::Unknown { name, .. }) => {
            let mut names: Vec<_> = entries.iter().map(|entry| entry.description.name).collect();
            names.dedup();
            Err(Missing { nearest: nearest(&name, &names), error: LookupError::Unknown { name, names } })
        }
        Err(error) => Err(Missing { nearest: None, error }),
    }
}

/// Why a name leads to no component.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) error: LookupError,
    /// What may have been meant.
    pub(super) nearest: Option<&'static str>,
}

fn nearest(name: &str, names: &[&'static str]) -> Option<&'static str> {
    let likeness = |other: &str| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    let best = names.iter().copied().max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    (likeness(best) > 0.8).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["MyServer", "MyWorker", "Hub"];
        assert_eq!(nearest("myworker", &names), Some("MyWorker"));
        assert_eq!(nearest("MySever", &names), Some("MyServer"));
        assert_eq!(nearest("Elephant", &names), None);
        assert_eq!(nearest("", &[]), None);
    }

    #[test]
    fn the_plain_ones_are_there() {
        assert!(find("Master").is_ok_and(|entry| entry.is_plain()));
        assert!(find("Hub").is_ok_and(|entry| matches!(entry.service(), Ok(None))));
    }
}

//! The components that are linked into the program, by the names of their types.
//!
//! ```
//! use palm::service::registry;
//!
//! #[derive(Default)]
//! struct Doorman;
//!
//! #[palm::server]
//! impl Doorman {
//!     fn greet(&mut self, name: &str) -> String {
//!         format!("hello {name}")
//!     }
//! }
//!
//! let found = registry::all().find("Doorman")?;
//! assert_eq!(found.description.methods[0].name, "greet");
//! assert!((found.construct)().is_some(), "it has a Default");
//! # Ok::<(), registry::LookupError>(())
//! ```

use std::sync::OnceLock;

pub use super::construct::Constructed;
use super::description::Description;

/// One component that is linked in. The attribute macros submit it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Registration {
    /// What its impl block says about itself.
    pub description: &'static Description,
    /// Makes one: by the function that `constructor = …` names, or by `Default`; `None` if the type has neither.
    pub construct: fn() -> Constructed,
}

impl Registration {
    /// What an attribute macro submits.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(description: &'static Description, construct: fn() -> Constructed) -> Self {
        Self { description, construct }
    }
}

inventory::collect!(Registration);

/// Every component that is linked in, sorted by name.
#[derive(Debug)]
pub struct Registry {
    sorted: Vec<&'static Registration>,
}

/// The components of this program. They are read once, at the first call.
pub fn all() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::sorted(inventory::iter::<Registration>.into_iter().collect()))
}

impl Registry {
    /// The order in which the linker has them means nothing: name, then source place.
    fn sorted(mut registrations: Vec<&'static Registration>) -> Self {
        registrations.sort_by_key(|one| (one.description.name, one.description.file, one.description.line));
        Self { sorted: registrations }
    }

    /// All of them, twins included.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'static Registration> {
        self.sorted.iter().copied()
    }

    /// The component of that name.
    ///
    /// # Errors
    /// [`LookupError`] if there is none, or more than one.
    pub fn find(&self, name: &str) -> Result<&'static Registration, LookupError> {
        let first = self.sorted.partition_point(|one| one.description.name < name);
        let found = self.sorted[first..].iter().take_while(|one| one.description.name == name).copied();
        match *found.collect::<Vec<_>>() {
            [one] => Ok(one),
            [] => {
                let mut names: Vec<_> = self.iter().map(|one| one.description.name).collect();
                names.dedup();
                Err(LookupError::Unknown { name: name.to_owned(), names })
            }
            ref twins => {
                let places = twins.iter().map(|one| (one.description.file, one.description.line)).collect();
                Err(LookupError::Twins { name: name.to_owned(), places })
            }
        }
    }
}

/// Why a name leads to no component.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// Nothing of that name is linked in.
    #[error("no component is called `{name}`; {}", linked_in(names))]
    Unknown {
        /// What was looked up.
        name: String,
        /// What there is.
        names: Vec<&'static str>,
    },
    /// The name stands on several impl blocks.
    #[error("`{name}` is the name of {} components: {}; rename all but one", places.len(), list(places))]
    Twins {
        /// What was looked up.
        name: String,
        /// File and line of each.
        places: Vec<(&'static str, u32)>,
    },
}

fn linked_in(names: &[&str]) -> String {
    let linked = match names {
        [] => "no component is linked in".to_owned(),
        names => format!("linked in are `{}`", names.join("`, `")),
    };
    format!("{linked}; a crate that nothing refers to is left out by the linker: write `use that_crate as _;`")
}

fn list(places: &[(&str, u32)]) -> String {
    places.iter().map(|(file, line)| format!("{file}:{line}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{Hooks, Kind};

    macro_rules! registration {
        ($name:literal, $line:literal) => {
            const {
                &Registration::new(
                    &Description {
                        name: $name,
                        kind: Kind::Server,
                        methods: &[],
                        hooks: Hooks::NONE,
                        docs: "",
                        file: "src/lib.rs",
                        line: $line,
                    },
                    || None,
                )
            }
        };
    }

    fn registry() -> Registry {
        Registry::sorted(vec![
            registration!("B", 9),
            registration!("C", 3),
            registration!("A", 1),
            registration!("B", 2),
        ])
    }

    #[test]
    fn a_name_is_found_wherever_the_linker_put_it() {
        assert_eq!(registry().find("A").expect("it is there").description.line, 1);
        assert_eq!(registry().find("C").expect("it is there").description.line, 3);
    }

    #[test]
    fn twins_are_told_with_their_places() {
        let error = registry().find("B").expect_err("there are two");
        assert_eq!(
            error.to_string(),
            "`B` is the name of 2 components: src/lib.rs:2, src/lib.rs:9; rename all but one"
        );
    }

    #[test]
    fn an_unknown_name_lists_what_there_is_and_explains_the_linker() {
        let error = registry().find("D").expect_err("there is none");
        assert_eq!(
            error.to_string(),
            "no component is called `D`; linked in are `A`, `B`, `C`; \
             a crate that nothing refers to is left out by the linker: write `use that_crate as _;`"
        );
    }
}

//! The cluster file, checked.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::component::Component;
use super::fault::{FileError, FileErrors};
use super::ini::Ini;
use super::order;

/// Longest file, in bytes.
const SIZE: usize = 1 << 20;

/// Most keys of a section, inherited ones included.
const KEYS: usize = 1_000;

/// Most instances of a file.
const INSTANCES: u64 = 100_000;

/// What the commands of all instances may be together, in bytes: a node may be given all of them in one answer.
const COMMANDS: u64 = 16 << 20;

/// About what an address needs in a command.
const ADDRESS: usize = 64;

/// A cluster file without faults.
///
/// ```
/// use palm_registry::cluster::ClusterFile;
///
/// let file = ClusterFile::parse(
///     "[Valuation Worker]
/// Script = python3 worker.py
/// --db = _5
/// Connected = Valuation Master
/// Role = Worker
/// Replicas = 1
///
/// [Valuation Master]
/// Script = python3 master.py --name foo
/// --pull = _1
/// --db = _5
/// ",
/// )?;
/// assert_eq!(file.wanted(), 3);
/// let order: Vec<_> = file.in_order().map(|component| component.name.as_str()).collect();
/// assert_eq!(order, ["Valuation Master", "Valuation Worker"]);
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterFile {
    components: Vec<Component>,
    index: HashMap<String, usize>,
    order: Vec<usize>,
    warnings: Vec<FileError>,
}

impl ClusterFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Everything that is wrong in it, each at its line.
    pub fn parse(text: &str) -> Result<Self, FileErrors> {
        if text.len() > SIZE {
            return Err(FileError::new(1, format!("the file is larger than {SIZE} bytes")).into());
        }
        let ini = Ini::parse(text)?;
        if ini.sections.is_empty() {
            return Err(FileError::new(1, "there is no section; write a `[Name]` for each component").into());
        }
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        check_keys(&ini)?;
        let components: Vec<_> =
            ini.sections.iter().map(|section| Component::read(section, &mut faults, &mut warnings)).collect();
        check_names(&components, &mut faults);
        check_sizes(&components, &mut faults);
        check_scripts(&ini, &components, &mut faults);
        let order = order::of(&components, &mut warnings);
        let index = components.iter().enumerate().map(|(index, component)| (component.name.clone(), index)).collect();
        FileErrors::or(faults, Self { components, index, order, warnings })
    }

    /// The components, in the order of the file.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The components as they are placed: each after those that it is connected to, otherwise in the order of the file.
    pub fn in_order(&self) -> impl Iterator<Item = &Component> + '_ {
        self.order.iter().filter_map(|index| self.components.get(*index))
    }

    /// A component by its name.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.get(*self.index.get(name)?)
    }

    /// Where each placeholder lies: at the first component in order that uses it.
    ///
    /// ```
    /// use palm_registry::cluster::ClusterFile;
    ///
    /// let file = ClusterFile::parse("[W]\nScript = w\n--db = _5\nConnected = M\n[M]\nScript = m\n--db = _5\n")?;
    /// assert_eq!(file.homes()["_5"].name, "M");
    /// # Ok::<(), palm_registry::cluster::FileErrors>(())
    /// ```
    #[must_use]
    pub fn homes(&self) -> BTreeMap<&str, &Component> {
        let mut homes = BTreeMap::new();
        for component in self.in_order() {
            for name in &component.placeholders {
                homes.entry(name.as_str()).or_insert(component);
            }
        }
        homes
    }

    /// How many instances it asks for.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        self.components.iter().map(|component| u64::from(component.count())).sum()
    }

    /// What is no fault, and looks like one.
    ///
    /// ```
    /// let file = palm_registry::cluster::ClusterFile::parse("[Worker]\nScript = worker\nConnected = Mster\nReplica = 3\n")?;
    /// let warnings: Vec<_> = file.warnings().iter().map(ToString::to_string).collect();
    /// assert_eq!(
    ///     warnings,
    ///     [
    ///         "line 4, [Worker], `Replica`: this key means nothing here; is it `Replicas`?",
    ///         "line 1, [Worker], `Connected`: there is no section `Mster`",
    ///     ]
    /// );
    /// # Ok::<(), palm_registry::cluster::FileErrors>(())
    /// ```
    #[must_use]
    pub fn warnings(&self) -> &[FileError] {
        &self.warnings
    }
}

fn check_keys(ini: &Ini) -> Result<(), FileErrors> {
    let crowded = ini.sections.iter().filter(|section| section.entries.len() > KEYS);
    let text = format!("a section has at most {KEYS} keys, those of [DEFAULT] included");
    FileErrors::or(crowded.map(|section| FileError::new(section.line, &*text).of(&section.name)).collect(), ())
}

/// Each instance has a name of its own: a section `Worker 1` cannot stand beside a replicated `Worker`.
fn check_names(components: &[Component], faults: &mut Vec<FileError>) {
    let counts: HashMap<&str, u32> =
        components.iter().map(|component| (component.name.as_str(), component.count())).collect();
    for component in components.iter().filter(|component| component.replicas == 0) {
        let Some((base, number)) = component.name.rsplit_once(' ') else { continue };
        let Some(count) = counts.get(base).filter(|count| **count > 1) else { continue };
        let replica = number.parse().is_ok_and(|n: u32| (1..=*count).contains(&n) && n.to_string() == number);
        if replica {
            let text = format!("a replica of `{base}` has this name too; give one of the sections another name");
            faults.push(FileError::new(component.line, text).of(&component.name));
        }
    }
}

fn check_sizes(components: &[Component], faults: &mut Vec<FileError>) {
    let (mut instances, mut commands) = (0, 0);
    for component in components {
        let command = component.size(ADDRESS);
        instances += u64::from(component.count());
        commands += u64::from(component.count()) * command as u64;
        let text = if instances > INSTANCES {
            format!("up to here these are {instances} instances; a cluster has at most {INSTANCES}")
        } else if commands > COMMANDS {
            format!("up to here the commands of all instances are larger than {COMMANDS} bytes")
        } else {
            continue;
        };
        faults.push(FileError::new(component.line, text).of(&component.name));
        return;
    }
}

/// `{_1}` in a script is the address of what some key names.
fn check_scripts(ini: &Ini, components: &[Component], faults: &mut Vec<FileError>) {
    let keys = ini.sections.iter().flat_map(|section| &section.entries);
    let named: HashSet<&str> = keys.map(|entry| entry.value.as_str()).filter(|value| value.starts_with('_')).collect();
    for (section, component) in ini.sections.iter().zip(components) {
        for name in component.placeholders.iter().filter(|name| !named.contains(name.as_str())) {
            let line = section.get("script").map_or(section.line, |entry| entry.line);
            let text =
                format!("`{{{name}}}` is the value of no key; write a key such as `--db = {name}` where it belongs");
            faults.push(FileError::new(line, text).of(&section.name).at("Script"));
        }
    }
}

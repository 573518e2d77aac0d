//! A section of the cluster file: one component.

use std::collections::HashSet;

use super::command::{self, Piece};
use super::fault::FileError;
use super::ini::{Entry, Section};
use crate::api::{RestartPolicy, RestartWhen};

/// The keys that mean something. Others are ignored, as the original registry does, unless they begin with `--`.
const KEYS: [&str; 7] = ["Script", "Connected", "Role", "Replicas", "Restart", "Attempts", "Grace"];

/// Most replicas that a section may ask for.
const REPLICAS: u32 = 99_999;

/// Most restarts that are counted before it is enough.
const ATTEMPTS: u32 = 1_000;

/// Longest time to end, in seconds.
const GRACE: u32 = 3_600;

/// A component of a cluster: one section of its file.
///
/// ```
/// use palm_registry::cluster::ClusterFile;
///
/// let file = ClusterFile::parse("[Worker]\nScript = worker\nConnected = Master\nReplicas = 1\n[Master]\nScript = master\n")?;
/// let worker = &file.components()[0];
/// assert_eq!((worker.name.as_str(), worker.replicas, &worker.connected[..]), ("Worker", 1, &["Master".to_owned()][..]));
/// assert_eq!(worker.instances().collect::<Vec<_>>(), ["Worker 1", "Worker 2"]);
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its name: that of the section.
    pub name: String,
    /// Line of its section.
    pub line: usize,
    /// Names of the components it is connected to: they are placed before it.
    pub connected: Vec<String>,
    /// `Master` unless it says otherwise; for people to read.
    pub role: String,
    /// How many instances it has beyond one.
    pub replicas: u32,
    /// When it is started again.
    pub restart: RestartPolicy,
    /// How long it has to end before it is killed.
    pub grace_seconds: u32,
    /// Arguments after the script, in order.
    pub arguments: Vec<Argument>,
    /// Each placeholder that it uses, once, in the order in which they get their ports.
    pub placeholders: Vec<String>,
    pub(super) script: Vec<Piece>,
}

/// An argument of a command: a key that begins with `--`.
///
/// ```
/// use palm_registry::cluster::{ClusterFile, Value};
///
/// let file = ClusterFile::parse("[Master]\nScript = master\n--Name = foo\n--pull = _1\n")?;
/// let arguments = &file.components()[0].arguments;
/// assert_eq!((arguments[0].flag.as_str(), &arguments[0].value), ("--Name", &Value::Literal("foo".into())));
/// assert_eq!(arguments[1].value, Value::Placeholder("_1".into()));
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The flag, as it is written.
    pub flag: String,
    /// What follows it.
    pub value: Value,
}

/// What follows the flag of an [`Argument`].
///
/// ```
/// let file = palm_registry::cluster::ClusterFile::parse("[Master]\nScript = master\n--verbose =\n")?;
/// assert_eq!(file.components()[0].arguments[0].value, palm_registry::cluster::Value::Nothing);
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Nothing,
    /// The text itself.
    Literal(String),
    /// The address of a placeholder.
    Placeholder(String),
}

impl Component {
    /// How many instances it has: one more than replicas.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.replicas + 1
    }

    /// Name of its `number`th instance, from 1: its own, if there is only one.
    #[must_use]
    pub fn instance(&self, number: u32) -> String {
        if self.replicas == 0 { self.name.clone() } else { format!("{} {number}", self.name) }
    }

    /// Names of all its instances.
    pub fn instances(&self) -> impl Iterator<Item = String> + '_ {
        (1..=self.count()).map(|number| self.instance(number))
    }

    /// About how long its command is in bytes, if an address is so long.
    pub(super) fn size(&self, address: usize) -> usize {
        let script = self.script.iter().map(|piece| match piece {
            Piece::Text(text) => text.len(),
            Piece::Placeholder(_) => address,
        });
        let arguments = self.arguments.iter().map(|argument| {
            let value = match &argument.value {
                Value::Nothing => 0,
                Value::Literal(text) => text.len(),
                Value::Placeholder(_) => address,
            };
            argument.flag.len() + value + 2
        });
        script.sum::<usize>() + arguments.sum::<usize>()
    }

    /// Reads a section. What is wrong in it goes to `faults`, what is only odd to `warnings`.
    pub(super) fn read(section: &Section, faults: &mut Vec<FileError>, warnings: &mut Vec<FileError>) -> Self {
        let mut reader = Reader { section, faults, warnings };
        let script = reader.script();
        let mut component = Self {
            name: section.name.clone(),
            line: section.line,
            connected: reader.connected(),
            role: section.get("role").map_or("Master", |entry| &entry.value).to_owned(),
            replicas: reader.number("replicas", 0..=REPLICAS).unwrap_or(0),
            restart: RestartPolicy { when: reader.restart(), attempts: reader.attempts() },
            grace_seconds: reader.number("grace", 0..=GRACE).unwrap_or(10),
            arguments: Vec::new(),
            placeholders: Vec::new(),
            script,
        };
        if section.name.contains(char::is_control) {
            reader.faults.push(FileError::new(section.line, "the name has a control character; remove it"));
        }
        for entry in &section.entries {
            reader.other(entry, &mut component);
        }
        for piece in &component.script {
            if let Piece::Placeholder(name) = piece {
                insert(&mut component.placeholders, name);
            }
        }
        component
    }
}

fn insert(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

struct Reader<'a> {
    section: &'a Section,
    faults: &'a mut Vec<FileError>,
    warnings: &'a mut Vec<FileError>,
}

impl Reader<'_> {
    fn fault(&mut self, entry: &Entry, text: impl Into<String>) {
        self.faults.push(FileError::new(entry.line, text).of(&self.section.name).at(&entry.written));
    }

    fn script(&mut self) -> Vec<Piece> {
        let Some(entry) = self.section.get("script") else {
            let text = "`Script` is missing; write `Script = program arguments`";
            self.faults.push(FileError::new(self.section.line, text).of(&self.section.name));
            return Vec::new();
        };
        if entry.value.is_empty() {
            self.fault(entry, "there is no program; write `Script = program arguments`");
        } else if entry.value.contains('\0') {
            self.fault(entry, "there is a NUL in it; no program can be given one");
        } else if let Err(error) = command::split(&entry.value) {
            self.fault(entry, error.to_string());
        }
        command::pieces(&entry.value).unwrap_or_else(|text| {
            self.fault(entry, text);
            Vec::new()
        })
    }

    fn connected(&self) -> Vec<String> {
        let value = self.section.get("connected").map_or("", |entry| &entry.value);
        let mut known = HashSet::new();
        let names = value.split(',').map(str::trim).filter(|name| !name.is_empty() && known.insert(*name));
        names.map(str::to_owned).collect()
    }

    fn number(&mut self, key: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let entry = self.section.get(key)?;
        let number = entry.value.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let text = format!("`{}` is no whole number from {} to {}", entry.value, range.start(), range.end());
            self.fault(entry, text);
        }
        number
    }

    fn restart(&mut self) -> RestartWhen {
        let Some(entry) = self.section.get("restart") else { return RestartWhen::default() };
        match entry.value.to_ascii_lowercase().as_str() {
            "always" => RestartWhen::Always,
            "never" => RestartWhen::Never,
            "failure" => RestartWhen::Failure,
            _ => {
                self.fault(entry, format!("`{}` is unknown; write `always`, `never` or `failure`", entry.value));
                RestartWhen::default()
            }
        }
    }

    /// `None` is without end.
    fn attempts(&mut self) -> Option<u32> {
        let default = RestartPolicy::default().attempts;
        match self.section.get("attempts") {
            None => default,
            Some(entry) if entry.value.eq_ignore_ascii_case("unlimited") => None,
            Some(entry) => match entry.value.parse().ok().filter(|number| *number <= ATTEMPTS) {
                None => {
                    let text =
                        format!("`{}` is no whole number from 0 to {ATTEMPTS}; write one, or `unlimited`", entry.value);
                    self.fault(entry, text);
                    default
                }
                number => number,
            },
        }
    }

    /// An argument, a placeholder, or a key that means nothing. The placeholder may be the value of any key, `Script` not excepted: whoever
    /// writes so gets the ports that the original registry gives out.
    fn other(&mut self, entry: &Entry, component: &mut Component) {
        let placeholder = entry.value.starts_with('_');
        let known = KEYS.iter().any(|known| known.eq_ignore_ascii_case(&entry.key));
        if placeholder && (known || command::is_placeholder(&entry.value)) {
            insert(&mut component.placeholders, &entry.value);
        }
        if known {
            return;
        }
        if placeholder {
            self.placeholder(entry);
        }
        if !entry.key.starts_with("--") {
            if !placeholder {
                self.unknown(entry);
            }
            return;
        }
        if entry.written.contains('\0') || entry.value.contains('\0') {
            self.fault(entry, "there is a NUL in it; no program can be given one");
        } else if let Err(error) = command::split(&entry.written).and_then(|_| command::split(&entry.value)) {
            self.fault(entry, error.to_string());
        }
        let value = match entry.value.as_str() {
            "" => Value::Nothing,
            name if placeholder => Value::Placeholder(name.to_owned()),
            text => Value::Literal(text.to_owned()),
        };
        component.arguments.push(Argument { flag: entry.written.clone(), value });
    }

    fn placeholder(&mut self, entry: &Entry) {
        let value = &entry.value;
        if !command::is_placeholder(value) {
            let text =
                format!("`{value}` begins like a placeholder, which is one word; write another text in `Script`");
            self.fault(entry, text);
        } else if !value.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
            let text = format!("`{value}` is one placeholder as a whole; is it meant?");
            self.warnings.push(FileError::new(entry.line, text).of(&self.section.name).at(&entry.written));
        }
    }

    fn unknown(&mut self, entry: &Entry) {
        let near = |known: &&&str| strsim::damerau_levenshtein(&known.to_ascii_lowercase(), &entry.key) <= 2;
        if let Some(known) = KEYS.iter().find(near) {
            let text = format!("this key means nothing here; is it `{known}`?");
            self.warnings.push(FileError::new(entry.line, text).of(&self.section.name).at(&entry.written));
        }
    }
}

//! What is wrong with a cluster file or a node file, each fault at its line.

use std::fmt;

/// How many faults are told.
const SHOWN: usize = 100;

/// One fault of a file.
///
/// ```
/// use palm_registry::cluster::ClusterFile;
///
/// let faults = ClusterFile::parse("[Worker]\nScript = worker\nReplicas = many\n").unwrap_err();
/// let fault = &faults.all()[0];
/// assert_eq!((fault.line, fault.section.as_deref(), fault.key.as_deref()), (3, Some("Worker"), Some("Replicas")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// Line, from 1.
    pub line: usize,
    /// Section it is in, if it is in one.
    pub section: Option<String>,
    /// Key it is about, as it is written.
    pub key: Option<String>,
    /// What is wrong, and what to write.
    pub text: String,
}

impl FileError {
    pub(super) fn new(line: usize, text: impl Into<String>) -> Self {
        Self { line, section: None, key: None, text: text.into() }
    }

    pub(super) fn of(mut self, section: &str) -> Self {
        self.section = Some(section.to_owned());
        self
    }

    pub(super) fn at(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(section) = &self.section {
            write!(f, ", [{section}]")?;
        }
        if let Some(key) = &self.key {
            write!(f, ", `{key}`")?;
        }
        write!(f, ": {}", self.text)
    }
}

impl std::error::Error for FileError {}

/// The faults of a file, in the order of its lines: at least one, at most a hundred and how many more there are.
///
/// ```
/// let faults = palm_registry::cluster::ClusterFile::parse("Script = master\n").unwrap_err();
/// assert_eq!(faults.line(), 1);
/// assert_eq!(faults.to_string(), "line 1: this stands before the first section; write `[Name]` above it");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileErrors(Vec<FileError>);

impl FileErrors {
    /// The faults; the value, where there is none.
    pub(super) fn or<T>(mut faults: Vec<FileError>, value: T) -> Result<T, Self> {
        if faults.is_empty() {
            return Ok(value);
        }
        faults.sort_by_key(|fault| fault.line);
        // What a section inherits is wrong in each of them.
        faults.dedup_by(|next, fault| (next.line, &next.key, &next.text) == (fault.line, &fault.key, &fault.text));
        if let Some(more) = faults.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            faults.truncate(SHOWN);
            let line = faults.last().map_or(1, |fault| fault.line);
            faults.push(FileError::new(line, format!("there are {more} more faults from here on")));
        }
        Err(Self(faults))
    }

    /// The faults.
    #[must_use]
    pub fn all(&self) -> &[FileError] {
        &self.0
    }

    /// Line of the first fault.
    #[must_use]
    pub fn line(&self) -> usize {
        self.0.first().map_or(1, |fault| fault.line)
    }
}

impl From<FileError> for FileErrors {
    fn from(fault: FileError) -> Self {
        Self(vec![fault])
    }
}

/// A line for each fault.
impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FileErrors {}

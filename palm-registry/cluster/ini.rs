//! Sections and keys with their lines, as Python's configparser reads them.
//!
//! A lone `%` stands for itself, which is an error there; everything else that is read there is read the same here.

use std::collections::HashMap;

use super::expand;
use super::fault::{FileError, FileErrors};

/// What holds in every section.
const DEFAULT: &str = "DEFAULT";

/// A file of sections.
///
/// ```
/// use palm_registry::cluster::ini::Ini;
///
/// let ini = Ini::parse("[DEFAULT]\nhost = 10.0.0.1\n\n[Master]\nScript = master %(host)s\n")?;
/// let script = ini.sections[0].get("script").unwrap();
/// assert_eq!((script.value.as_str(), script.line), ("master 10.0.0.1", 5));
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ini {
    /// `[DEFAULT]`, whose name is no component's.
    pub defaults: Section,
    /// The sections, in the order of the file.
    pub sections: Vec<Section>,
}

/// A section, with what it inherits.
///
/// ```
/// let ini = palm_registry::cluster::ini::Ini::parse("[Master]\nScript = master\n")?;
/// assert_eq!((ini.sections[0].name.as_str(), ini.sections[0].line), ("Master", 1));
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name, letter by letter.
    pub name: String,
    /// Line of its head, from 1.
    pub line: usize,
    /// Its own keys in the order of the file, then those of `[DEFAULT]`.
    pub entries: Vec<Entry>,
}

impl Section {
    /// The entry of a key in lower case.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// A key and its value.
///
/// ```
/// let ini = palm_registry::cluster::ini::Ini::parse("[Master]\n--Pull: _1\n")?;
/// let entry = &ini.sections[0].entries[0];
/// assert_eq!((entry.key.as_str(), entry.written.as_str(), entry.value.as_str()), ("--pull", "--Pull", "_1"));
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Key in lower case, as keys are compared.
    pub key: String,
    /// Key as it is written.
    pub written: String,
    /// Value, without blanks around it; the lines of a longer one are joined by newlines.
    pub value: String,
    /// Line of the key, from 1.
    pub line: usize,
}

impl Ini {
    /// Reads a file, and puts values in the place of each `%(key)s`.
    ///
    /// # Errors
    /// All faults of the lines; if there is none, those of the values.
    pub fn parse(text: &str) -> Result<Self, FileErrors> {
        let mut reader = Reader::default();
        for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').enumerate() {
            reader.take(index + 1, line);
        }
        let (defaults, sections) = reader.end()?;
        expand::all(defaults, sections)
    }
}

/// What Python takes for a blank.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

#[derive(Default)]
struct Reader {
    defaults: Vec<Entry>,
    sections: Vec<Section>,
    current: Current,
    /// Whether the last key can be continued: a section's head, or a line that is none, ends it.
    open: bool,
    /// Blanks before the last line that was no continuation.
    indent: usize,
    /// Line of each section.
    names: HashMap<String, usize>,
    /// Line of each key of each section.
    keys: HashMap<(Current, String), usize>,
    faults: Vec<FileError>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Current {
    #[default]
    Nothing,
    Defaults,
    Section(usize),
}

impl Reader {
    fn take(&mut self, number: usize, line: &str) {
        let value = line.trim_matches(is_blank);
        if value.starts_with(['#', ';']) {
            return;
        }
        if value.is_empty() {
            self.continue_with("");
            return;
        }
        let indent = line.chars().take_while(|c| is_blank(*c)).count();
        if self.open && indent > self.indent {
            self.continue_with(value);
            return;
        }
        self.indent = indent;
        match head(value) {
            Some(name) => self.section(number, name),
            None => self.key(number, value),
        }
    }

    fn continue_with(&mut self, line: &str) {
        if self.open
            && let Some(last) = self.entries().and_then(|entries| entries.last_mut())
        {
            last.value.push('\n');
            last.value.push_str(line);
        }
    }

    fn entries(&mut self) -> Option<&mut Vec<Entry>> {
        match self.current {
            Current::Nothing => None,
            Current::Defaults => Some(&mut self.defaults),
            Current::Section(index) => self.sections.get_mut(index).map(|section| &mut section.entries),
        }
    }

    fn section(&mut self, line: usize, name: &str) {
        self.open = false;
        if name == DEFAULT {
            self.current = Current::Defaults;
            return;
        }
        if let Some(first) = self.names.insert(name.to_owned(), line) {
            let text = format!("there is a section of that name at line {first}; give one of them another name");
            self.faults.push(FileError::new(line, text).of(name));
        }
        self.current = Current::Section(self.sections.len());
        self.sections.push(Section { name: name.to_owned(), line, entries: Vec::new() });
    }

    fn key(&mut self, line: usize, text: &str) {
        if self.current == Current::Nothing {
            // One is enough: everything up to the first section has the same fault.
            if self.faults.is_empty() {
                self.faults.push(FileError::new(line, "this stands before the first section; write `[Name]` above it"));
            }
            return;
        }
        let Some((written, value)) = text.split_once(['=', ':']) else {
            let text = if text.starts_with("--") {
                format!("`{text}` has no value; write `{text} =` for an argument without one")
            } else {
                format!("`{text}` has no value; write `key = value`")
            };
            self.fault(FileError::new(line, text));
            return;
        };
        let (written, value) = (written.trim_matches(is_blank), value.trim_matches(is_blank));
        if written.is_empty() {
            self.fault(FileError::new(line, "there is no key before the `=`; write `key = value`"));
            return;
        }
        let key = written.to_lowercase();
        if let Some(first) = self.keys.insert((self.current, key.clone()), line) {
            let text = format!("this key stands at line {first} of the same section; remove one of them");
            self.fault(FileError::new(line, text).at(written));
        }
        let entry = Entry { key, written: written.to_owned(), value: value.to_owned(), line };
        if let Some(entries) = self.entries() {
            entries.push(entry);
            self.open = true;
        }
    }

    fn fault(&mut self, fault: FileError) {
        let fault = match self.current {
            Current::Section(index) => match self.sections.get(index) {
                Some(section) => fault.of(&section.name),
                None => fault,
            },
            Current::Defaults => fault.of(DEFAULT),
            Current::Nothing => fault,
        };
        self.faults.push(fault);
    }

    fn end(mut self) -> Result<(Section, Vec<Section>), FileErrors> {
        let entries = self.sections.iter_mut().flat_map(|section| &mut section.entries);
        for entry in entries.chain(&mut self.defaults) {
            entry.value.truncate(entry.value.trim_end_matches(is_blank).len());
        }
        let line = self.defaults.first().map_or(1, |entry| entry.line);
        let defaults = Section { name: DEFAULT.to_owned(), line, entries: self.defaults };
        FileErrors::or(self.faults, (defaults, self.sections))
    }
}

/// The name in `[name]`; what stands behind it is ignored.
fn head(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    fn read(text: &str) -> Ini {
        Ini::parse(text).unwrap()
    }

    fn pairs(section: &Section) -> Vec<(&str, &str)> {
        section.entries.iter().map(|entry| (entry.written.as_str(), entry.value.as_str())).collect()
    }

    fn faults(text: &str) -> String {
        Ini::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn keys_are_divided_at_the_first_delimiter_and_comments_stand_on_lines_of_their_own() {
        let ini = read("# c\n[A]\nx = 1 # no comment\n; c\n  ; c\ny: tcp://h:1\nz=\n");
        assert_eq!(pairs(&ini.sections[0]), [("x", "1 # no comment"), ("y", "tcp://h:1"), ("z", "")]);
        assert_eq!(ini.sections[0].entries[1].line, 6);
    }

    #[test]
    fn a_line_with_more_blanks_continues_the_value() {
        let ini = read("[A]\nx = 1\n  2\n\n # comment\n\t3\n\ny = 4\n\n\n");
        assert_eq!(pairs(&ini.sections[0]), [("x", "1\n2\n\n3"), ("y", "4")]);
    }

    #[test]
    fn sections_inherit_the_defaults_after_their_own_keys() {
        let ini = read("[DEFAULT]\na = 1\nb = 2\n[A]\nc = 3\nB = 4\n[DEFAULT]\nd = 5\n");
        assert_eq!(pairs(&ini.sections[0]), [("c", "3"), ("B", "4"), ("a", "1"), ("d", "5")]);
        assert_eq!(pairs(&ini.defaults), [("a", "1"), ("b", "2"), ("d", "5")]);
    }

    #[test]
    fn a_head_ends_at_its_last_bracket() {
        let ini = read("[ A b ]\n[x]y] trailing\n");
        let names: Vec<_> = ini.sections.iter().map(|section| section.name.as_str()).collect();
        assert_eq!(names, [" A b ", "x]y"]);
    }

    #[test]
    fn all_faults_are_told_at_their_lines() {
        let text = faults("a = 1\nb = 2\n[A]\nlost\n--flag\nx = 1\nX = 2\n= 3\n[B]\n[A]\n");
        assert_eq!(
            text,
            "line 1: this stands before the first section; write `[Name]` above it\n\
             line 4, [A]: `lost` has no value; write `key = value`\n\
             line 5, [A]: `--flag` has no value; write `--flag =` for an argument without one\n\
             line 7, [A], `X`: this key stands at line 6 of the same section; remove one of them\n\
             line 8, [A]: there is no key before the `=`; write `key = value`\n\
             line 10, [A]: there is a section of that name at line 3; give one of them another name"
        );
    }
}

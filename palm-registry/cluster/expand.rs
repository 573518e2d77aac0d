//! `%(key)s` in values, as Python's configparser expands it.

use std::collections::{HashMap, HashSet};

use super::fault::{FileError, FileErrors};
use super::ini::{Entry, Ini, Section};

/// How deep values may refer to each other: Python's own limit.
const DEPTH: usize = 10;

/// What a file may become, in bytes with 32 for each key: a short file can be written that expands without measure.
const SIZE: usize = 4 << 20;

/// Gives every section the keys it inherits, and every value those that it names.
pub(super) fn all(defaults: Section, sections: Vec<Section>) -> Result<Ini, FileErrors> {
    let mut expansion = Expansion { left: SIZE, faults: Vec::new() };
    let mut read = Vec::with_capacity(sections.len());
    for section in sections {
        let own: HashSet<&str> = section.entries.iter().map(|entry| entry.key.as_str()).collect();
        let inherited = defaults.entries.iter().filter(|entry| !own.contains(entry.key.as_str()));
        let raw: Vec<&Entry> = section.entries.iter().chain(inherited).collect();
        let entries = expansion.section(&section.name, &raw);
        read.push(Section { entries, ..section });
        if expansion.left == 0 {
            break;
        }
    }
    let raw: Vec<&Entry> = defaults.entries.iter().collect();
    // What is wrong with these has been said by the sections, where there is one: a value may need a key of a section.
    let known = expansion.faults.len();
    let entries = expansion.section(&defaults.name, &raw);
    if !read.is_empty() && expansion.left > 0 {
        expansion.faults.truncate(known);
    }
    FileErrors::or(expansion.faults, Ini { defaults: Section { entries, ..defaults }, sections: read })
}

struct Expansion {
    left: usize,
    faults: Vec<FileError>,
}

impl Expansion {
    fn section(&mut self, name: &str, raw: &[&Entry]) -> Vec<Entry> {
        let values: HashMap<&str, &str> = raw.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).collect();
        let mut entries = Vec::with_capacity(raw.len());
        for entry in raw {
            if self.left == 0 {
                return entries;
            }
            let mut value = String::new();
            let expanded =
                self.take(entry.written.len() + 32).and_then(|()| self.value(&entry.value, &values, &mut value, 1));
            if let Err(text) = expanded {
                self.faults.push(FileError::new(entry.line, text).of(name).at(&entry.written));
            }
            entries.push(Entry { value, ..(*entry).clone() });
        }
        entries
    }

    fn take(&mut self, size: usize) -> Result<(), String> {
        self.left = self.left.saturating_sub(size);
        if self.left == 0 {
            return Err("the file becomes too large with all that its values refer to; make it smaller".into());
        }
        Ok(())
    }

    fn value(&mut self, raw: &str, values: &HashMap<&str, &str>, out: &mut String, depth: usize) -> Result<(), String> {
        if depth > DEPTH {
            return Err(format!("values refer to each other more than {DEPTH} deep, or in a circle"));
        }
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once('%') {
            self.take(before.len() + 1)?;
            out.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('%') {
                out.push('%');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('(') {
                let Some((key, after)) =
                    after.split_once(")s").filter(|(key, _)| !key.is_empty() && !key.contains(')'))
                else {
                    return Err("`%(` begins a reference; write `%(key)s`, or `%%(` for the text itself".into());
                };
                let Some(value) = values.get(key.to_lowercase().as_str()) else {
                    return Err(format!("`%({key})s` names no key of this section or of [DEFAULT]"));
                };
                if value.contains('%') {
                    self.value(value, values, out, depth + 1)?;
                } else {
                    self.take(value.len() + 1)?;
                    out.push_str(value);
                }
                rest = after;
            } else {
                out.push('%');
            }
        }
        self.take(rest.len() + 1)?;
        out.push_str(rest);
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, String> {
        let ini = Ini::parse(text).map_err(|faults| faults.to_string())?;
        Ok(ini.sections[0].entries[0].value.clone())
    }

    #[test]
    fn references_are_replaced_and_percent_signs_kept() {
        assert_eq!(value("[A]\nx = %(Y)s-%(z)s\ny = 1%%\n[DEFAULT]\nz = %(y)s\n").unwrap(), "1%-1%");
        assert_eq!(value("[A]\nx = 100% of %d\n").unwrap(), "100% of %d");
        assert_eq!(value("[A]\nx = %%(y)s\n").unwrap(), "%(y)s");
    }

    #[test]
    fn a_default_may_need_a_key_of_the_section() {
        assert_eq!(value("[DEFAULT]\nx = %(name)s\n[A]\nname = a\n").unwrap(), "a");
    }

    #[test]
    fn bad_references_are_told() {
        for (text, fault) in [
            ("[A]\nx = %(y)s\n", "line 2, [A], `x`: `%(y)s` names no key of this section or of [DEFAULT]"),
            (
                "[A]\nx = %(y)d\n",
                "line 2, [A], `x`: `%(` begins a reference; write `%(key)s`, or `%%(` for the text itself",
            ),
            ("[A]\nx = %(x)s\n", "line 2, [A], `x`: values refer to each other more than 10 deep, or in a circle"),
        ] {
            assert_eq!(value(text).unwrap_err(), fault);
        }
    }

    #[test]
    fn a_file_that_multiplies_itself_is_refused() {
        let mut text = String::from("[A]\na0 = x\n");
        for level in 1..9 {
            let reference = format!("%(a{})s", level - 1);
            text.push_str(&format!("a{level} = {}\n", reference.repeat(20)));
        }
        assert!(value(&text).unwrap_err().contains("too large"));
        let defaults: String = (0..2_000).map(|key| format!("k{key} = v\n")).collect();
        let sections: String = (0..2_000).map(|section| format!("[s{section}]\n")).collect();
        assert!(value(&format!("[DEFAULT]\n{defaults}{sections}")).unwrap_err().contains("too large"));
    }
}

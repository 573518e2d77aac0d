//! Names that another system allows, made of any names.

use std::collections::HashSet;

/// Longest name that is made: what Kubernetes allows, less what it adds itself.
const LENGTH: usize = 50;

/// Gives each name another one, of small letters, digits and single hyphens, and none twice.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    pub(super) fn give(&mut self, name: &str) -> String {
        let mut short = plain(name);
        let mut number = 1;
        while !self.0.insert(short.clone()) {
            number += 1;
            let end = format!("-{number}");
            let base = plain(name);
            let length = base.len().min(LENGTH - end.len());
            short = format!("{}{end}", base[..length].trim_end_matches('-'));
        }
        short
    }
}

fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => plain.push(c),
            _ if plain.ends_with('-') => {}
            _ => plain.push('-'),
        }
    }
    let plain = plain.trim_matches('-');
    // The name of a service begins with a letter.
    let plain =
        if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain.to_owned() } else { format!("c-{plain}") };
    plain[..plain.len().min(LENGTH)].trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_short_and_different() {
        let mut names = Names::default();
        assert_eq!(names.give("Valuation Worker 1"), "valuation-worker-1");
        assert_eq!(names.give("valuation  worker: 1"), "valuation-worker-1-2");
        assert_eq!(names.give("1é"), "c-1");
        assert_eq!(names.give("---"), "c");
        assert_eq!(names.give("é"), "c-2");
        let long = names.give(&"x".repeat(99));
        let longer = names.give(&"x".repeat(100));
        assert_eq!((long.len(), longer.len()), (50, 50));
        assert!(longer.ends_with("x-2"));
    }
}

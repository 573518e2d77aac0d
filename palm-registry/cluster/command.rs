//! The command of an instance: the exact string that old runners get, and the words that ours starts.

use std::collections::BTreeMap;

use super::component::{Component, Value};

/// Address of each placeholder.
pub type Addresses = BTreeMap<String, String>;

/// The script, then a string for each argument, as the status of old clients has them.
///
/// ```
/// use palm_registry::cluster::{ClusterFile, command};
///
/// let file = ClusterFile::parse("[Worker]\nScript = python3 worker.py\n--db = _5\n--verbose =\n")?;
/// let addresses = [("_5".to_owned(), "tcp://127.0.0.1:5559".to_owned())].into();
/// let strings = command::strings(&file.components()[0], &addresses);
/// assert_eq!(strings, ["python3 worker.py", "--db tcp://127.0.0.1:5559", "--verbose"]);
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[must_use]
pub fn strings(component: &Component, addresses: &Addresses) -> Vec<String> {
    let address = |name: &str| addresses.get(name).map_or(name, String::as_str).to_owned();
    let mut strings = Vec::with_capacity(1 + component.arguments.len());
    strings.push(
        component
            .script
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Placeholder(name) => address(name),
            })
            .collect(),
    );
    strings.extend(component.arguments.iter().map(|argument| match &argument.value {
        Value::Nothing => argument.flag.clone(),
        Value::Literal(text) => format!("{} {text}", argument.flag),
        Value::Placeholder(name) => format!("{} {}", argument.flag, address(name)),
    }));
    strings
}

/// The command as old runners get it, which split it at blanks.
///
/// ```
/// use palm_registry::cluster::{ClusterFile, command};
///
/// let file = ClusterFile::parse("[Worker]\nScript = worker {_5}\n--db = _5\n")?;
/// let addresses = [("_5".to_owned(), "tcp://h:1".to_owned())].into();
/// assert_eq!(command::line(&file.components()[0], &addresses), "worker tcp://h:1 --db tcp://h:1");
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[must_use]
pub fn line(component: &Component, addresses: &Addresses) -> String {
    strings(component, addresses).join(" ")
}

/// Divides a command into words at blanks, as a shell does: quotes, single and double, and a backslash keep what they hold together.
/// There are no variables, patterns or comments in it.
///
/// ```
/// use palm_registry::cluster::command::split;
///
/// assert_eq!(split(r#"worker --label "two words" it\'s"#)?, ["worker", "--label", "two words", "it's"]);
/// assert!(split("it's").is_err());
/// # Ok::<(), palm_registry::cluster::command::OpenQuote>(())
/// ```
///
/// # Errors
/// A quote that is not closed.
pub fn split(line: &str) -> Result<Vec<String>, OpenQuote> {
    let mut words = Vec::new();
    // The word at hand; an empty one in quotes is one too.
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' => quoted(c, &mut rest, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(rest.next().unwrap_or('\\')),
            blank if super::ini::is_blank(blank) => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quoted(quote: char, rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), OpenQuote> {
    loop {
        match rest.next().ok_or(OpenQuote { quote })? {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => match rest.next().ok_or(OpenQuote { quote })? {
                c @ ('"' | '\\') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

/// A command has a quote that is not closed.
///
/// ```
/// let error = palm_registry::cluster::command::split("it's").unwrap_err();
/// assert_eq!(error.to_string(), r"the quote ' is not closed; write \' for the character itself");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quote {quote} is not closed; write \\{quote} for the character itself")]
pub struct OpenQuote {
    /// The quote.
    pub quote: char,
}

/// A piece of a script: `{_1}` stands for an address, `{{` and `}}` for braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Placeholder(String),
}

/// Divides a script at its placeholders.
pub(super) fn pieces(script: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = script;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            text.push_str(brace);
            rest = after;
            continue;
        }
        let name = after.split_once('}').filter(|(name, _)| brace == "{" && is_placeholder(name));
        let Some((name, after)) = name else {
            return Err(format!(
                "`{brace}` belongs to a placeholder such as `{{_1}}`; write `{brace}{brace}` for the brace itself"
            ));
        };
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(Piece::Placeholder(name.to_owned()));
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// Whether a text can be the name of a placeholder. What the original registry fails at is none.
pub(super) fn is_placeholder(name: &str) -> bool {
    name.starts_with('_') && !name.contains(['.', '{', '}', '[', ']', '!', ':'])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    #[test]
    fn words_are_divided_as_a_shell_does_and_nothing_is_special_beside_quotes() {
        for (line, words) in [
            ("", &[][..]),
            ("  a \t b\n c ", &["a", "b", "c"]),
            ("''", &[""]),
            (r#"a"b c"'d e'f"#, &["ab cd ef"]),
            (r#""\"\\\n$x""#, &[r#""\\n$x"#]),
            (r"'\'", &[r"\"]),
            (r"a\ b \", &["a b", r"\"]),
            ("#a $HOME * ~ ; |", &["#a", "$HOME", "*", "~", ";", "|"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        for line in ["'", r#"a "b"#, r#""\""#] {
            assert!(split(line).is_err(), "{line}");
        }
    }

    #[test]
    fn braces_of_a_script_are_placeholders_or_doubled() {
        let text = |text: &str| Piece::Text(text.to_owned());
        let placeholder = |name: &str| Piece::Placeholder(name.to_owned());
        assert_eq!(pieces("a {_1} b{_x}").unwrap(), [text("a "), placeholder("_1"), text(" b"), placeholder("_x")]);
        assert_eq!(pieces("{{a}} {{_1}}").unwrap(), [text("{a} {_1}")]);
        assert_eq!(pieces("").unwrap(), []);
        for script in ["{", "}", "{a}", "{_1", "{_1.__class__}", "{_1!r}", "{}", "a}b", "{_1:>9}"] {
            assert!(pieces(script).is_err(), "{script}");
        }
    }
}

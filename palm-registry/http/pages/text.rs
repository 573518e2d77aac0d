//! Text that components wrote, as people can look at it without harm.

/// What of one line a page shows, in characters.
const SHOWN: usize = 4_096;

/// The line with everything that cannot be seen made visible: control characters, and those that turn the direction of writing.
pub(super) fn visible(line: &str) -> String {
    let mut text: String = line.chars().take(SHOWN).map(mark).collect();
    let rest = line.chars().skip(SHOWN).count();
    if rest > 0 {
        text.push_str(&format!(" … and {rest} more characters"));
    }
    text
}

/// The same of a whole text.
pub(super) fn marked(text: &str) -> String {
    text.chars().map(mark).collect()
}

fn mark(character: char) -> char {
    match character {
        '\t' | '\n' => character,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_hidden_and_nothing_is_endless() {
        assert_eq!(visible("a\tb\x1b[31m\0\x7f\u{9b}\u{202e}é"), "a\tb␛[31m␀␡\u{fffd}\u{fffd}é");
        let long = visible(&"x".repeat(1 << 20));
        assert!(long.len() < 5_000 && long.ends_with("and 1044480 more characters"), "{}", long.len());
    }
}

//! One record as text.

use std::fmt::{self, Write};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use tracing::Level;
use tracing::field::{Field, Visit};

use super::level;

/// What stands before the further lines of a message, so that none can look like the start of a record.
const CONTINUATION: &str = "\n    ";

/// Writes a record: everything but its last newline.
pub(super) struct Line {
    text: String,
}

impl Line {
    /// Everything before the message.
    pub(super) fn new(now: Timestamp, zone: &TimeZone, component: &str, level: Level) -> Self {
        let mut line = Self { text: String::with_capacity(128) };
        let now = now.to_zoned(zone.clone());
        // A `String` takes all that is written to it.
        let _ = line.stamp(&now);
        line.text.push_str(" - ");
        let _ = Escaped { text: &mut line.text, newline: "\\n" }.write_str(component);
        line.text.push_str(" - ");
        line.text.push_str(level::word(level));
        line.text.push_str(" - ");
        line
    }

    fn stamp(&mut self, now: &Zoned) -> fmt::Result {
        write!(self.text, "{:04}-{:02}-{:02} ", now.year(), now.month(), now.day())?;
        write!(self.text, "{:02}:{:02}:{:02},{:03}", now.hour(), now.minute(), now.second(), now.millisecond())
    }

    /// The message, and the other fields after it.
    pub(super) fn fields(mut self, event: &tracing::Event<'_>) -> Self {
        event.record(&mut Message(&mut self));
        event.record(&mut Others(&mut self));
        self
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push('\n');
        self.text
    }

    fn push(&mut self, value: fmt::Arguments<'_>) {
        // A `Display` that fails has said what it could.
        let _ = Escaped { text: &mut self.text, newline: CONTINUATION }.write_fmt(value);
    }
}

struct Message<'a>(&'a mut Line);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0.push(format_args!("{value:?}"));
            // Not a continuation of nothing.
            self.0.text.truncate(self.0.text.trim_end_matches(CONTINUATION).len());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

struct Others<'a>(&'a mut Line);

impl Visit for Others<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            let space = if self.0.text.ends_with(' ') { "" } else { " " };
            self.0.push(format_args!("{space}{}={value:?}", field.name()));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// Takes text in and lets through what neither ends a record nor steers a terminal.
struct Escaped<'a> {
    text: &'a mut String,
    newline: &'static str,
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\n' => self.text.push_str(self.newline),
                '\t' => self.text.push('\t'),
                _ if character.is_control() || is_layout(character) => self.text.extend(character.escape_default()),
                _ => self.text.push(character),
            }
        }
        Ok(())
    }
}

/// Text as log lines have it: on one line, with nothing in it that steers a terminal.
///
/// Newlines, control characters other than the tab, Unicode's line separators and its marks of direction are escaped.
///
/// ```
/// assert_eq!(palm::log::harmless("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
/// ```
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    // A `String` takes all that is written to it.
    let _ = Escaped { text: &mut harmless, newline: "\\n" }.write_str(text);
    harmless
}

/// Unicode's line and paragraph separators, and the marks that change the direction of text.
const fn is_layout(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use jiff::tz;

    use super::*;

    fn line(message: &str) -> String {
        let now = Timestamp::from_millisecond(1_485_943_901_485).expect("it is in range");
        let mut line = Line::new(now, &tz::offset(1).to_time_zone(), "server", Level::WARN);
        line.push(format_args!("{message}"));
        line.finish()
    }

    #[test]
    fn a_line_is_as_the_documentation_has_it() {
        assert_eq!(line("Got a message"), "2017-02-01 11:11:41,485 - server - WARNING - Got a message\n");
    }

    #[test]
    fn further_lines_are_indented_so_that_none_is_a_record() {
        let forged = "gone\n2017-02-01 10:11:41,485 - server - ERROR - forged";
        assert_eq!(
            line(forged),
            "2017-02-01 11:11:41,485 - server - WARNING - gone\n    2017-02-01 10:11:41,485 - server - ERROR - forged\n"
        );
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let text = line("\x1b[2J \r \x07 \u{9b}2J \u{2028} \u{202e} \u{7f} \t é ✓");
        let (_, text) = text.split_once("WARNING - ").expect("it has a level");
        assert_eq!(text, "\\u{1b}[2J \\r \\u{7} \\u{9b}2J \\u{2028} \\u{202e} \\u{7f} \t é ✓\n");
    }

    #[test]
    fn a_name_stays_on_its_line() {
        let line = Line::new(Timestamp::UNIX_EPOCH, &TimeZone::UTC, "a\nb", Level::TRACE).finish();
        assert_eq!(line, "1970-01-01 00:00:00,000 - a\\nb - DEBUG - \n");
    }
}

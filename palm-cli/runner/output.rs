//! What a component writes: read without a pause, cut into lines.

use std::io::{self, Read};

/// Bytes of a line; of a longer one each part but the last is marked: it goes on in the next.
const LONGEST_LINE: usize = 1 << 20;

/// Bytes that are read at a time.
const BUFFER: usize = 64 << 10;

/// Bytes of a line that may name its level.
const HEAD: usize = 200;

/// Reads lines to the end, each with whether it goes on in the next. They come without their newline; what is not UTF-8 in them is
/// replaced by U+FFFD.
pub(super) fn read_lines(mut stream: impl Read, mut take: impl FnMut(String, bool)) {
    let mut buffer = vec![0; BUFFER];
    let mut line = Vec::new();
    loop {
        let mut read = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            extend(&mut line, &read[..end]);
            read = &read[end + 1..];
            cut(&mut line, &mut take);
            take(text(std::mem::take(&mut line)), false);
        }
        extend(&mut line, read);
        cut(&mut line, &mut take);
    }
    if !line.is_empty() {
        take(text(line), false);
    }
}

/// A `Vec` that grows by itself takes up to twice what a line may have.
fn extend(line: &mut Vec<u8>, read: &[u8]) {
    let length = line.len() + read.len();
    if length > line.capacity() {
        line.reserve_exact((length * 2).min(LONGEST_LINE + BUFFER).max(length) - line.len());
    }
    line.extend_from_slice(read);
}

/// Takes off what is too much for one line, between characters.
fn cut(line: &mut Vec<u8>, take: &mut impl FnMut(String, bool)) {
    while line.len() > LONGEST_LINE {
        let is_inside = |at: &usize| line[*at] & 0b1100_0000 == 0b1000_0000;
        let at = (LONGEST_LINE - 3..=LONGEST_LINE).rev().find(|at| !is_inside(at)).unwrap_or(LONGEST_LINE);
        let rest = line.split_off(at);
        take(text(std::mem::replace(line, rest)), true);
    }
}

fn text(line: Vec<u8>) -> String {
    String::from_utf8(line).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The level that a line names among its first words, as the components of either implementation and most others do.
pub(super) fn level(line: &str) -> &'static str {
    let mut end = line.len().min(HEAD);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line[..end].split(|letter: char| !letter.is_ascii_alphanumeric()).find_map(known).unwrap_or_default()
}

fn known(word: &str) -> Option<&'static str> {
    Some(match word {
        "TRACE" => "TRACE",
        "DEBUG" => "DEBUG",
        "INFO" => "INFO",
        "WARN" | "WARNING" => "WARN",
        "ERROR" => "ERROR",
        "CRITICAL" | "FATAL" => "CRITICAL",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        parts(bytes).into_iter().map(|(line, _)| line).collect()
    }

    fn parts(bytes: &[u8]) -> Vec<(String, bool)> {
        let mut parts = Vec::new();
        read_lines(bytes, |line, continues| parts.push((line, continues)));
        parts
    }

    #[test]
    fn lines_come_as_they_were_written() {
        assert_eq!(lines(b"a\n\n\tb\0 \x1b[31mred\x1b[0m\r\nend"), ["a", "", "\tb\0 \u{1b}[31mred\u{1b}[0m\r", "end"]);
        assert_eq!(lines(b""), [""; 0]);
    }

    #[test]
    fn what_is_not_utf8_is_replaced() {
        assert_eq!(lines(b"caf\xe9 \xff\n"), ["caf\u{fffd} \u{fffd}"]);
    }

    #[test]
    fn a_megabyte_is_one_line_and_more_is_cut_between_characters() {
        let megabyte = "x".repeat(LONGEST_LINE);
        assert_eq!(lines(format!("{megabyte}\n").as_bytes()), [megabyte.as_str()]);
        let long = "é".repeat(LONGEST_LINE) + "\nnext";
        let (found, goes_on): (Vec<_>, Vec<_>) = parts(format!("x{long}").as_bytes()).into_iter().unzip();
        assert_eq!(goes_on, [true, true, false, false]);
        assert_eq!(found.last().map(String::as_str), Some("next"));
        assert_eq!(found[..found.len() - 1].concat(), format!("x{}", long.trim_end_matches("\nnext")));
        assert!(found.iter().all(|line| line.len() <= LONGEST_LINE && !line.contains('\u{fffd}')));
    }

    #[test]
    fn levels_are_those_the_line_names() {
        assert_eq!(level("2017-02-01 10:11:41,485 - server - INFO - Starting the router"), "INFO");
        assert_eq!(level("[WARNING] disk"), "WARN");
        assert_eq!(level("error in words only, INFORMATION"), "");
    }
}

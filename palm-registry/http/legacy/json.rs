//! JSON as Python writes it: blanks after `,` and `:`, and nothing but ASCII.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

pub(super) fn text(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    // Writing into memory fails for no value that JSON has a form for.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut bytes, Python));
    String::from_utf8(bytes).unwrap_or_default()
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for run in fragment.split_inclusive(|character: char| !character.is_ascii()) {
            let last = run.chars().next_back().filter(|character| !character.is_ascii());
            writer.write_all(run.get(..run.len() - last.map_or(0, char::len_utf8)).unwrap_or_default().as_bytes())?;
            for unit in last.map(|character| character.encode_utf16(&mut [0; 2]).to_vec()).unwrap_or_default() {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn it_is_what_python_writes() {
        let value = json!({"a": [1, "é\u{1f600}x\u{0}\u{1b}\t\n\"\\/<\u{7f}"], "b": {}});
        assert_eq!(
            super::text(&value),
            r#"{"a": [1, "\u00e9\ud83d\ude00x\u0000\u001b\t\n\"\\/<"#.to_owned() + "\u{7f}\"], \"b\": {}}"
        );
    }
}

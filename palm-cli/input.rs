//! What is read from files and from stdin.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::failure::Failure;

/// The largest message that a component takes, in bytes.
pub(crate) const LARGEST: u64 = 64 << 20;

/// A file, or stdin for `-`.
pub(crate) fn reader(file: &Path) -> Result<Box<dyn BufRead + Send>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    Ok(Box::new(BufReader::new(File::open(file).map_err(|error| unreadable(file, &error))?)))
}

/// The whole of a file, or of stdin for `-`. What is larger than a message may be is refused, and not read whole.
pub(crate) fn whole(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    reader(file)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(file, &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(unreadable(file, &"it is larger than a message may be, 64 MiB"));
    }
    Ok(bytes)
}

/// A file that is text.
pub(crate) fn text(file: &Path) -> Result<String, Failure> {
    String::from_utf8(whole(file)?).map_err(|_| unreadable(file, &"it is not UTF-8"))
}

fn unreadable(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    let name = if file == Path::new("-") { "stdin".to_owned() } else { file.display().to_string() };
    Failure::failed(format!("cannot read {name}: {error}"))
}

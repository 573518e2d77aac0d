//! What is sent.

use std::ffi::OsString;
use std::io::{self, BufRead, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;

use palm::Bytes;
use palm::client::IntoPayload;

use crate::failure::Failure;
use crate::input::{LARGEST, reader, whole};

/// Where payloads come from.
#[derive(Debug)]
pub(super) enum Origin {
    Word(OsString),
    /// A file as a whole; `-` is stdin.
    File(PathBuf),
    /// Each line of a file.
    Lines(PathBuf),
}

/// The payloads that are to be sent.
pub(super) struct Payloads {
    kind: Kind,
    taken: Arc<Taken>,
    /// Who is told of the end.
    waiting: Thread,
}

enum Kind {
    Same { payload: Bytes, left: u64 },
    Lines { reader: Box<dyn BufRead + Send>, number: u64, over: bool },
}

/// How many payloads were taken, and whether there are more: for whoever waits for answers.
#[derive(Debug, Default)]
pub(super) struct Taken {
    count: AtomicU64,
    over: AtomicBool,
}

impl Taken {
    /// Whether so many answers are one for each payload.
    pub(super) fn is_all(&self, answers: u64) -> bool {
        self.over.load(Ordering::SeqCst) && answers >= self.count.load(Ordering::SeqCst)
    }
}

impl Payloads {
    pub(super) fn open(origin: Origin, repeat: u64) -> Result<(Self, Arc<Taken>), Failure> {
        let kind = match origin {
            Origin::Word(word) => Kind::Same { payload: word.into_encoded_bytes().into(), left: repeat },
            Origin::File(file) => Kind::Same { payload: whole(&file)?.into(), left: repeat },
            Origin::Lines(file) => Kind::Lines { reader: reader(&file)?, number: 0, over: false },
        };
        let taken = Arc::new(Taken::default());
        Ok((Self { kind, taken: taken.clone(), waiting: std::thread::current() }, taken))
    }
}

impl Kind {
    fn next(&mut self) -> Option<io::Result<Bytes>> {
        match self {
            Self::Same { left: 0, .. } | Self::Lines { over: true, .. } => None,
            Self::Same { payload, left } => {
                *left -= 1;
                Some(Ok(payload.clone()))
            }
            Self::Lines { reader, number, over } => {
                *number += 1;
                let line = read_line(reader, *number).transpose();
                *over = !matches!(line, Some(Ok(_)));
                line
            }
        }
    }
}

/// The next line without its end; `None` behind the last one.
fn read_line(reader: &mut dyn BufRead, number: u64) -> io::Result<Option<Bytes>> {
    let mut line = Vec::new();
    // Two more for the end of the line.
    if reader.take(LARGEST + 2).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_some() {
        line.pop_if(|last| *last == b'\r');
    }
    if line.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("line {number} is larger than a message may be, 64 MiB")));
    }
    Ok(Some(line.into()))
}

impl Iterator for Payloads {
    type Item = Payload;

    fn next(&mut self) -> Option<Payload> {
        let payload = self.kind.next();
        if payload.is_some() {
            self.taken.count.fetch_add(1, Ordering::SeqCst);
        } else {
            self.taken.over.store(true, Ordering::SeqCst);
            self.waiting.unpark();
        }
        payload.map(Payload)
    }
}

/// One payload, or why it cannot be read.
pub(super) struct Payload(io::Result<Bytes>);

impl IntoPayload for Payload {
    fn into_payload(self) -> palm::Result<impl AsRef<[u8]> + Send> {
        self.0.map_err(|error| palm::Error::System { action: "read what is to be sent", source: error.into() })
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn lines_are_payloads_without_their_ends() {
        let mut reader = BufReader::with_capacity(3, &b"one\n\ntwo\r\nth\rree\r"[..]);
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut reader, 1).expect("it is readable") {
            lines.push(line);
        }
        assert_eq!(lines, [&b"one"[..], b"", b"two", b"th\rree\r"]);
    }

    #[test]
    fn a_line_beyond_the_largest_message_is_refused_without_being_read_whole() {
        let mut reader = BufReader::new(io::repeat(b'x'));
        let error = read_line(&mut reader, 7).expect_err("it has no end");
        assert!(error.to_string().contains("line 7"), "{error}");
    }

    #[test]
    fn all_are_answered_when_no_more_is_to_come() {
        let (mut payloads, taken) = Payloads::open(Origin::Word("x".into()), 2).expect("it is there");
        assert!(payloads.next().is_some() && !taken.is_all(1));
        assert!(payloads.next().is_some() && !taken.is_all(2));
        assert!(payloads.next().is_none() && taken.is_all(2) && !taken.is_all(1));
    }
}

//! Log lines as they travel, from runners of any age.

use prost::Message;
use prost::bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::super::Refusal;
use crate::logs::LogOrigin;
use crate::store::WrittenLine;

/// Lines in one batch.
const LINES: usize = 100_000;
const MESSAGES: u32 = 1;
const ORIGINS: u32 = 2;

/// Reads a batch. What is not UTF-8 in a line is replaced; fields that are not known, or of another type, are skipped.
pub(super) fn parse(body: Bytes) -> Result<Vec<WrittenLine>, Refusal> {
    let (lines, origins) = decode(body)?;
    if lines.len() > LINES {
        return Err(Refusal::too_large(format!("there are at most {LINES} lines in a batch")));
    }
    if !origins.is_empty() && origins.len() != lines.len() {
        return Err(Refusal::bad(format!("{} log lines have {} origins", lines.len(), origins.len())));
    }
    let mut origins = origins.into_iter();
    Ok(lines.into_iter().map(|text| WrittenLine { text, origin: origins.next().unwrap_or_default() }).collect())
}

fn decode(mut body: Bytes) -> Result<(Vec<String>, Vec<LogOrigin>), Refusal> {
    let (mut lines, mut origins) = (Vec::new(), Vec::new());
    while body.has_remaining() {
        match decode_key(&mut body).map_err(garbage)? {
            (MESSAGES, WireType::LengthDelimited) => {
                lines.push(String::from_utf8_lossy(&piece(&mut body)?).into_owned());
            }
            (ORIGINS, WireType::LengthDelimited) => {
                origins.push(LogOrigin::decode(piece(&mut body)?).map_err(garbage)?);
            }
            (tag, wire_type) => skip_field(wire_type, tag, &mut body, DecodeContext::default()).map_err(garbage)?,
        }
        // The rest is not worth the memory.
        if lines.len() > LINES || origins.len() > LINES {
            break;
        }
    }
    Ok((lines, origins))
}

fn piece(body: &mut Bytes) -> Result<Bytes, Refusal> {
    let length = decode_varint(body).map_err(garbage)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= body.remaining());
    Ok(body.split_to(length.ok_or_else(|| garbage("it ends too early"))?))
}

fn garbage(error: impl std::fmt::Display) -> Refusal {
    Refusal::bad(format!("the body is no batch of log lines: {error}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;
    use crate::logs::LogMessages;

    fn texts(body: &[u8]) -> Option<Vec<String>> {
        parse(Bytes::copy_from_slice(body)).ok().map(|lines| lines.into_iter().map(|line| line.text).collect())
    }

    #[test]
    fn lines_are_read_and_the_unknown_is_skipped() {
        assert_eq!(texts(b""), Some(vec![]));
        assert_eq!(texts(b"\x0a\x02hi\x0a\x00"), Some(vec!["hi".into(), String::new()]));
        // A number in field 1, and a field 15.
        assert_eq!(texts(b"\x08\x05\x0a\x01a\x7a\x01x"), Some(vec!["a".into()]));
        assert_eq!(texts(b"\x0a\x02\xffa"), Some(vec!["\u{fffd}a".into()]));
        for garbage in [
            &b"\x0a\x05hi"[..],
            b"\x0a",
            b"\xff\xff",
            b"garbage",
            b"\x00",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert_eq!(texts(garbage), None, "{garbage:?}");
        }
    }

    #[test]
    fn origins_belong_to_lines() {
        let origin = LogOrigin { instance: "Worker 1".into(), ..LogOrigin::default() };
        let batch = LogMessages { messages: vec!["a".into()], origins: vec![origin.clone()] };
        assert_eq!(parse(batch.encode_to_vec().into()).unwrap()[0].origin, origin);
        let batch = LogMessages { messages: vec!["a".into()], origins: vec![origin.clone(), origin] };
        assert!(parse(batch.encode_to_vec().into()).is_err());
    }
}

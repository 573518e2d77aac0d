//! Finds the stream of an encoded message by its header bytes, so that a header is decoded once a stream.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::budget::{BUDGET, Budget};
use super::header::Header;
use super::id::Id;
use super::message::{ID, Message};
use super::scan::{DecodeError, Field, Scan, Value};

/// Headers kept at most. A peer that sends a new one with each message must not fill the memory.
const MAX_STREAMS: usize = 4096;
/// Longest header that is kept, in bytes, for the same reason.
const MAX_HEADER: usize = 4096;

/// The streams that a part has met.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    last: Option<Arc<Header>>,
    known: HashMap<Bytes, Arc<Header>>,
}

impl Streams {
    /// Reads one message; its payload stays a slice of `frame`.
    pub(crate) fn decode(&mut self, frame: Bytes) -> Result<Message, DecodeError> {
        if let Some(last) = &self.last
            && frame.starts_with(&last.encoded)
            && let Some(message) = Body::read(&frame, last.encoded.len())?
        {
            return Ok(message.of(&frame, last.clone()));
        }
        self.decode_other(frame)
    }

    fn decode_other(&mut self, frame: Bytes) -> Result<Message, DecodeError> {
        let length = header_length(&frame)?;
        let key = frame.slice(..length);
        let header = match self.known.get(&key) {
            Some(header) => header.clone(),
            None => {
                let header = Arc::new(read_header(&frame)?);
                if header.encoded != key {
                    // Fields twice or out of order: legal, rare, and not worth keeping.
                    return Ok(Body::read_around(&frame)?.of(&frame, header));
                }
                if self.known.len() >= MAX_STREAMS {
                    self.known.clear();
                }
                if key.len() <= MAX_HEADER {
                    self.known.insert(header.encoded.clone(), header.clone());
                }
                header
            }
        };
        match Body::read(&frame, length)? {
            Some(body) => {
                self.last = Some(header.clone());
                Ok(body.of(&frame, header))
            }
            None => {
                let header = Arc::new(read_header(&frame)?);
                Ok(Body::read_around(&frame)?.of(&frame, header))
            }
        }
    }
}

/// Length of the leading run of fields 1 to 4 in rising order.
fn header_length(frame: &[u8]) -> Result<usize, DecodeError> {
    let (mut length, mut above) = (0, 0);
    for field in Scan::new(frame, 0) {
        let field = field?;
        if field.number <= above || field.number > 4 {
            break;
        }
        (above, length) = (field.number, field.span.end);
    }
    Ok(length)
}

fn read_header(frame: &[u8]) -> Result<Header, DecodeError> {
    let (mut pipeline, mut client, mut stage, mut function) = ("", "", 0_i64, "");
    for field in Scan::new(frame, 0) {
        let field = field?;
        match field.number {
            1 => pipeline = text(frame, &field)?,
            2 => client = text(frame, &field)?,
            3 => match field.value {
                Value::Varint(value) => stage = value.cast_signed(),
                _ => return wrong_type(&field),
            },
            4 => function = text(frame, &field)?,
            _ => {}
        }
    }
    Ok(Header::new(pipeline, client, stage, function))
}

fn text<'a>(frame: &'a [u8], field: &Field) -> Result<&'a str, DecodeError> {
    let Value::Bytes(range) = &field.value else { return wrong_type(field) };
    std::str::from_utf8(&frame[range.clone()])
        .map_err(|error| DecodeError { offset: range.start + error.valid_up_to(), reason: "text is not UTF-8" })
}

const fn wrong_type<T>(field: &Field) -> Result<T, DecodeError> {
    Err(DecodeError { offset: field.span.start, reason: "field of another type" })
}

/// Where the fields after the header lie.
struct Body {
    cache: std::ops::Range<usize>,
    payload: std::ops::Range<usize>,
    id: Option<Id>,
    extra: Extra,
    budget: Option<Budget>,
}

/// Unknown and extension fields: nearly always one run of bytes at the end.
enum Extra {
    Run(std::ops::Range<usize>),
    Scattered(Vec<u8>),
}

impl Body {
    /// Reads the fields from `at` on; `None` if one of them belongs to the header.
    fn read(frame: &[u8], at: usize) -> Result<Option<Self>, DecodeError> {
        let mut body = Self { cache: 0..0, payload: 0..0, id: None, extra: Extra::Run(0..0), budget: None };
        for field in Scan::new(frame, at) {
            let field = field?;
            if field.number <= 4 {
                return Ok(None);
            }
            body.take(frame, &field)?;
        }
        Ok(Some(body))
    }

    /// The same for a message whose header is strewn over it.
    fn read_around(frame: &[u8]) -> Result<Self, DecodeError> {
        let mut body = Self { cache: 0..0, payload: 0..0, id: None, extra: Extra::Run(0..0), budget: None };
        for field in Scan::new(frame, 0) {
            let field = field?;
            if field.number > 4 {
                body.take(frame, &field)?;
            }
        }
        Ok(body)
    }

    #[inline(always)]
    fn take(&mut self, frame: &[u8], field: &Field) -> Result<(), DecodeError> {
        match (field.number, &field.value) {
            (5, Value::Bytes(range)) => {
                // Nearly always it is ASCII, which is a fifth of the work to see.
                if !frame[range.clone()].is_ascii() {
                    text(frame, field)?;
                }
                self.cache = range.clone();
            }
            (6, Value::Bytes(range)) => self.payload = range.clone(),
            (ID, Value::Bytes(range)) if range.len() == size_of::<Id>() => {
                self.id = frame[range.clone()].try_into().ok();
            }
            (BUDGET, Value::Varint(millis)) => self.budget = Some(Budget::of_field(*millis)),
            (5 | 6, _) => return wrong_type(field),
            _ => self.extra.add(frame, field),
        }
        Ok(())
    }

    fn of(self, frame: &Bytes, header: Arc<Header>) -> Message {
        let extra = match self.extra {
            Extra::Run(range) => frame.slice(range),
            Extra::Scattered(bytes) => bytes.into(),
        };
        Message::from_parts(header, frame.slice(self.cache), frame.slice(self.payload), self.id, extra, self.budget)
    }
}

impl Extra {
    fn add(&mut self, frame: &[u8], field: &Field) {
        match self {
            Self::Run(run) if run.start == run.end => *run = field.span.clone(),
            Self::Run(run) if run.end == field.span.start => run.end = field.span.end,
            Self::Run(run) => {
                let mut bytes = frame[run.clone()].to_vec();
                bytes.extend_from_slice(&frame[field.span.clone()]);
                *self = Self::Scattered(bytes);
            }
            Self::Scattered(bytes) => bytes.extend_from_slice(&frame[field.span.clone()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn plain(decoded: Result<Message, DecodeError>) -> Result<(Vec<u8>, i64, Vec<u8>), DecodeError> {
        decoded.map(|message| (message.encode(), message.stage(), message.payload().to_vec()))
    }

    /// Frames that look alike: a few headers, whole, cut, in another order, with a field twice.
    fn frame() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(vec![0x0a, 1, b'p']),
            Just(vec![0x0a, 0]),
            Just(vec![0x12, 1, b'c']),
            Just(vec![0x18, 1]),
            Just(vec![0x18, 0x81, 0]),
            Just(vec![0x22, 3, b'a', b'.', b'b']),
            Just(vec![0x2a, 1, b'k']),
            Just(vec![0x32, 1, b'x']),
            Just(vec![0x82, 1, 1, 7]),
            Just(vec![0xff]),
        ];
        vec(piece, 0..7).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_was_met_before_makes_no_difference(frames in vec(frame(), 1..30)) {
            let mut streams = Streams::default();
            for frame in frames {
                let frame = Bytes::from(frame);
                prop_assert_eq!(plain(streams.decode(frame.clone())), plain(Message::decode(frame)));
            }
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut streams = Streams::default();
        for number in 0..10_000 {
            let message = Message::of_stream("", &number.to_string(), "server.foo", "");
            streams.decode(message.encode().into()).expect("a message");
        }
        assert!(streams.known.len() <= MAX_STREAMS);
        let known = streams.known.len();
        let large = Message::of_stream("", &"x".repeat(100_000), "server.foo", "");
        streams.decode(large.encode().into()).expect("a message");
        assert_eq!(streams.known.len(), known);
    }
}

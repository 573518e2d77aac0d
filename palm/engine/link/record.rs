//! Records: what a data frame is made of. Lengths and numbers are little-endian.

use bytes::{Buf, BufMut, Bytes};

/// Number of a stream within one direction of a session.
pub(crate) type StreamNumber = u32;

const OPEN: u8 = 1;
pub(super) const MESSAGE: u8 = 2;
pub(super) const WORK: u8 = 3;
pub(super) const RESULT: u8 = 4;
const SETTLED: u8 = 5;
const RESET: u8 = 7;
pub(super) const REPLY: u8 = 8;

pub(super) const LAST_RESULT: u8 = 1;

pub(super) const LAST: u8 = 1;
const ERROR: u8 = 2;

/// What a worker's result says beside its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultKind {
    /// More follow.
    More,
    /// The last one.
    Last,
    /// There is none, or none any more.
    End,
    /// An error, as an encoded `RemoteError`; and the last one.
    Failed,
}

/// One piece of a data frame: with its own bytes as it is read, with borrowed ones as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record<B = Bytes> {
    /// From now on, `stream` has this header: fields 1 to 4 of a message, encoded. Its requests are those of `client`: the
    /// first half of their identifiers, 0 if they have none.
    Open { stream: StreamNumber, client: u64, header: B },
    /// One message. `extra` is its fields from 5 on without payload and identifier, encoded.
    Message { stream: StreamNumber, request: u64, extra: B, payload: B },
    /// A message for a worker, with the master's number for it.
    Work { stream: StreamNumber, request: u64, sequence: u64, attempt: u32, extra: B, payload: B },
    /// What a worker gave for a message.
    Result { sequence: u64, attempt: u32, kind: ResultKind, payload: B },
    /// One result of a request, for its client; as an encoded `RemoteError` if it is an error. `last`: there is no other one.
    Reply { request: u64, last: bool, error: bool, payload: B },
    /// `branches` messages of that request are done with; their client was given so many results of them.
    Settled { client: u64, request: u64, branches: u32, results: u32 },
    /// All streams are closed: their numbers begin anew.
    Reset,
}

impl<B: AsRef<[u8]>> Record<B> {
    /// Appends the record to a frame.
    pub(crate) fn write(&self, into: &mut Vec<u8>) {
        if let Some(payload) = self.write_before(into) {
            into.put_slice(payload.as_ref());
        }
    }

    /// Appends the record up to its payload, which is to follow if there is one.
    pub(crate) fn write_before(&self, into: &mut Vec<u8>) -> Option<&B> {
        match self {
            Self::Open { stream, client, header } => {
                put_head::<17>(into, OPEN, header.as_ref().len(), |head| {
                    head.put_u32_le(*stream);
                    head.put_u64_le(*client);
                });
                Some(header)
            }
            Self::Message { stream, request, extra, payload } => {
                let extra = extra.as_ref();
                put_head::<21>(into, MESSAGE, extra.len() + payload.as_ref().len(), |head| {
                    head.put_u32_le(*stream);
                    head.put_u64_le(*request);
                    head.put_u32_le(length_of(extra.len()));
                });
                into.put_slice(extra);
                Some(payload)
            }
            Self::Work { stream, request, sequence, attempt, extra, payload } => {
                let extra = extra.as_ref();
                put_head::<33>(into, WORK, extra.len() + payload.as_ref().len(), |head| {
                    head.put_u32_le(*stream);
                    head.put_u64_le(*request);
                    head.put_u64_le(*sequence);
                    head.put_u32_le(*attempt);
                    head.put_u32_le(length_of(extra.len()));
                });
                into.put_slice(extra);
                Some(payload)
            }
            Self::Result { sequence, attempt, kind, payload } => {
                put_head::<18>(into, RESULT, payload.as_ref().len(), |head| {
                    head.put_u64_le(*sequence);
                    head.put_u32_le(*attempt);
                    head.put_u8(match kind {
                        ResultKind::More => 0,
                        ResultKind::Last => LAST_RESULT,
                        ResultKind::End => 2,
                        ResultKind::Failed => 3,
                    });
                });
                Some(payload)
            }
            Self::Reply { request, last, error, payload } => {
                put_head::<14>(into, REPLY, payload.as_ref().len(), |head| {
                    head.put_u64_le(*request);
                    head.put_u8(if *last { LAST } else { 0 } | if *error { ERROR } else { 0 });
                });
                Some(payload)
            }
            Self::Settled { client, request, branches, results } => {
                put_head::<29>(into, SETTLED, 0, |head| {
                    head.put_u64_le(*client);
                    head.put_u64_le(*request);
                    head.put_u32_le(*branches);
                    head.put_u32_le(*results);
                });
                None
            }
            Self::Reset => {
                put_head::<5>(into, RESET, 0, |_| {});
                None
            }
        }
    }
}

impl Record {
    /// Takes the next record off `records`; `None` if that is no record.
    pub(crate) fn read(records: &mut Bytes) -> Option<Self> {
        let (record, length) = Self::first(records)?;
        records.advance(length);
        Some(record)
    }

    /// The first of `records`, and its length. What it holds is a slice of them.
    fn first(records: &Bytes) -> Option<(Self, usize)> {
        let mut body = Fields { of: records, at: 0, end: records.len() };
        let length = usize::try_from(body.u32()?).ok()?;
        body.end = body.at.checked_add(length).filter(|end| *end <= records.len())?;
        let end = body.end;
        let record = match body.u8()? {
            OPEN => Self::Open { stream: body.u32()?, client: body.u64()?, header: body.rest() },
            MESSAGE => {
                Self::Message { stream: body.u32()?, request: body.u64()?, extra: body.sized()?, payload: body.rest() }
            }
            WORK => Self::Work {
                stream: body.u32()?,
                request: body.u64()?,
                sequence: body.u64()?,
                attempt: body.u32()?,
                extra: body.sized()?,
                payload: body.rest(),
            },
            RESULT => Self::Result {
                sequence: body.u64()?,
                attempt: body.u32()?,
                kind: match body.u8()? {
                    0 => ResultKind::More,
                    LAST_RESULT => ResultKind::Last,
                    2 => ResultKind::End,
                    3 => ResultKind::Failed,
                    _ => return None,
                },
                payload: body.rest(),
            },
            REPLY => {
                let (request, flags) = (body.u64()?, body.u8()?);
                if flags & !(LAST | ERROR) != 0 {
                    return None;
                }
                Self::Reply { request, last: flags & LAST != 0, error: flags & ERROR != 0, payload: body.rest() }
            }
            SETTLED if length == 25 => {
                Self::Settled { client: body.u64()?, request: body.u64()?, branches: body.u32()?, results: body.u32()? }
            }
            RESET if length == 1 => Self::Reset,
            _ => return None,
        };
        Some((record, end))
    }
}

/// The fields of one record, in order.
struct Fields<'a> {
    of: &'a Bytes,
    at: usize,
    end: usize,
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = self.of.get(self.at..self.end)?.first_chunk()?;
        self.at += N;
        Some(*bytes)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// Bytes behind their length.
    fn sized(&mut self) -> Option<Bytes> {
        let length = usize::try_from(self.u32()?).ok()?;
        let from = self.at;
        self.at = from.checked_add(length).filter(|end| *end <= self.end)?;
        // A slice counts its references even if it is empty.
        Some(if length == 0 { Bytes::new() } else { self.of.slice(from..self.at) })
    }

    fn rest(&mut self) -> Bytes {
        let from = std::mem::replace(&mut self.at, self.end);
        if from == self.end { Bytes::new() } else { self.of.slice(from..self.end) }
    }
}

/// Where a message's record has the numbers of its stream and of its request.
const STREAM_AT: usize = 5;
const REQUEST_AT: usize = 9;
const CALL_AT: usize = 13;

/// The records of messages that were written, each with the number of its request.
pub(crate) fn written(mut records: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        let length: [u8; 4] = records.get(..4)?.try_into().ok()?;
        let (record, rest) = records.split_at_checked(4 + usize::try_from(u32::from_le_bytes(length)).ok()?)?;
        records = rest;
        let request = record.get(REQUEST_AT..REQUEST_AT + 8)?.try_into().ok()?;
        Some((u64::from_le_bytes(request), record))
    })
}

/// Puts messages that were written into another stream, as those of another call. The payload of the last one may be elsewhere.
pub(crate) fn move_messages(mut records: &mut [u8], stream: StreamNumber, call: u32) {
    while let Some(length) = records.get(..4).and_then(|length| length.try_into().ok()) {
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let (record, rest) = records.split_at_mut(length.saturating_add(4).min(records.len()));
        if let Some(number) = record.get_mut(STREAM_AT..REQUEST_AT) {
            number.copy_from_slice(&stream.to_le_bytes());
        }
        if let Some(number) = record.get_mut(CALL_AT..CALL_AT + 4) {
            number.copy_from_slice(&call.to_le_bytes());
        }
        records = rest;
    }
}

/// Appends the part of a record that always has `N` bytes: length, kind, and these fields. `rest` bytes are to follow.
fn put_head<const N: usize>(into: &mut Vec<u8>, kind: u8, rest: usize, fields: impl FnOnce(&mut &mut [u8])) {
    let mut head = [0; N];
    let mut at = &mut head[..];
    at.put_u32_le(length_of(N - 4 + rest));
    at.put_u8(kind);
    fields(&mut at);
    debug_assert!(at.is_empty(), "a record of kind {kind} has other fields");
    into.extend_from_slice(&head);
}

/// A message is 64 MiB at most, so its record's length has room in 32 bits.
fn length_of(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Bytes> {
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
    }

    fn record() -> impl Strategy<Value = Record> {
        let kind = prop_oneof![
            Just(ResultKind::More),
            Just(ResultKind::Last),
            Just(ResultKind::End),
            Just(ResultKind::Failed)
        ];
        prop_oneof![
            (any::<u32>(), any::<u64>(), bytes()).prop_map(|(stream, client, header)| Record::Open {
                stream,
                client,
                header
            }),
            (any::<u32>(), any::<u64>(), bytes(), bytes())
                .prop_map(|(stream, request, extra, payload)| { Record::Message { stream, request, extra, payload } }),
            (any::<u32>(), any::<u64>(), any::<u64>(), any::<u32>(), bytes(), bytes()).prop_map(
                |(stream, request, sequence, attempt, extra, payload)| Record::Work {
                    stream,
                    request,
                    sequence,
                    attempt,
                    extra,
                    payload
                }
            ),
            (any::<u64>(), any::<u32>(), kind, bytes()).prop_map(|(sequence, attempt, kind, payload)| Record::Result {
                sequence,
                attempt,
                kind,
                payload
            }),
            (any::<u64>(), any::<bool>(), any::<bool>(), bytes())
                .prop_map(|(request, last, error, payload)| Record::Reply { request, last, error, payload }),
            (any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>()).prop_map(
                |(client, request, branches, results)| Record::Settled { client, request, branches, results }
            ),
            Just(Record::Reset),
        ]
    }

    #[test]
    fn messages_are_found_and_moved_where_they_were_written() {
        let mut records = Vec::new();
        for (request, payload) in [(7_u64, &b"a"[..]), (u64::MAX, b""), (9, b"a longer one")] {
            Record::Message { stream: 0, request, extra: &b"x"[..], payload }.write(&mut records);
        }
        move_messages(&mut records, 0x0102_0304, 5);
        let found: Vec<_> = written(&records).map(|(request, record)| (request, record.to_vec())).collect();
        assert_eq!(
            found.iter().map(|(request, _)| *request).collect::<Vec<_>>(),
            [5 << 32 | 7, 5 << 32 | 0xffff_ffff, 5 << 32 | 9]
        );
        for (request, record) in found {
            let read = Record::read(&mut record.into()).unwrap();
            assert!(
                matches!(read, Record::Message { stream: 0x0102_0304, request: of, .. } if of == request),
                "{read:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn records_come_back(records in proptest::collection::vec(record(), 0..20)) {
            let mut written = Vec::new();
            records.iter().for_each(|record| record.write(&mut written));
            let mut rest = Bytes::from(written);
            let mut read = Vec::new();
            while !rest.is_empty() {
                read.push(Record::read(&mut rest).unwrap());
            }
            prop_assert_eq!(read, records);
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in bytes()) {
            let mut rest = bytes;
            while !rest.is_empty() && Record::read(&mut rest).is_some() {}
        }
    }
}

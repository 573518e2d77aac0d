//! Records: what a data frame is made of. Lengths and numbers are little-endian.

use bytes::{Buf, BufMut, Bytes};

/// Number of a stream within one direction of a session.
pub(crate) type StreamNumber = u32;

const OPEN: u8 = 1;
const MESSAGE: u8 = 2;
const WORK: u8 = 3;
const RESULT: u8 = 4;
const SETTLED: u8 = 5;
const CANCEL: u8 = 6;
const RESET: u8 = 7;

/// What a result says beside its payload.
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

/// One piece of a data frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// From now on, `stream` has this header: fields 1 to 4 of a message, encoded.
    Open { stream: StreamNumber, header: Bytes },
    /// One message. `extra` is its fields from 5 on without the payload, encoded.
    Message { stream: StreamNumber, extra: Bytes, payload: Bytes },
    /// A message for a worker, with the master's number for it.
    Work { stream: StreamNumber, sequence: u64, attempt: u32, extra: Bytes, payload: Bytes },
    /// What a worker gave for a message.
    Result { sequence: u64, attempt: u32, kind: ResultKind, payload: Bytes },
    /// The request with this id has all its results.
    Settled { id: Bytes },
    /// The request with this id is wanted no more.
    Cancel { id: Bytes },
    /// All streams are closed: their numbers begin anew.
    Reset,
}

impl Record {
    /// Appends the record to a frame.
    pub(crate) fn write(&self, into: &mut Vec<u8>) {
        match self {
            Self::Open { stream, header } => {
                begin(into, OPEN, 4 + header.len());
                into.put_u32_le(*stream);
                into.put_slice(header);
            }
            Self::Message { stream, extra, payload } => {
                begin(into, MESSAGE, 8 + extra.len() + payload.len());
                into.put_u32_le(*stream);
                put_extra(into, extra);
                into.put_slice(payload);
            }
            Self::Work { stream, sequence, attempt, extra, payload } => {
                begin(into, WORK, 20 + extra.len() + payload.len());
                into.put_u32_le(*stream);
                into.put_u64_le(*sequence);
                into.put_u32_le(*attempt);
                put_extra(into, extra);
                into.put_slice(payload);
            }
            Self::Result { sequence, attempt, kind, payload } => {
                begin(into, RESULT, 13 + payload.len());
                into.put_u64_le(*sequence);
                into.put_u32_le(*attempt);
                into.put_u8(match kind {
                    ResultKind::More => 0,
                    ResultKind::Last => 1,
                    ResultKind::End => 2,
                    ResultKind::Failed => 3,
                });
                into.put_slice(payload);
            }
            Self::Settled { id } => {
                begin(into, SETTLED, id.len());
                into.put_slice(id);
            }
            Self::Cancel { id } => {
                begin(into, CANCEL, id.len());
                into.put_slice(id);
            }
            Self::Reset => begin(into, RESET, 0),
        }
    }

    /// Takes the next record off `records`; `None` if that is no record.
    pub(crate) fn read(records: &mut Bytes) -> Option<Self> {
        let length = usize::try_from(records.try_get_u32_le().ok()?).ok()?;
        if length == 0 || length > records.remaining() {
            return None;
        }
        let mut body = records.split_to(length);
        Some(match body.try_get_u8().ok()? {
            OPEN => Self::Open { stream: body.try_get_u32_le().ok()?, header: body },
            MESSAGE => {
                let stream = body.try_get_u32_le().ok()?;
                let extra = get_extra(&mut body)?;
                Self::Message { stream, extra, payload: body }
            }
            WORK => {
                let stream = body.try_get_u32_le().ok()?;
                let sequence = body.try_get_u64_le().ok()?;
                let attempt = body.try_get_u32_le().ok()?;
                let extra = get_extra(&mut body)?;
                Self::Work { stream, sequence, attempt, extra, payload: body }
            }
            RESULT => {
                let sequence = body.try_get_u64_le().ok()?;
                let attempt = body.try_get_u32_le().ok()?;
                let kind = match body.try_get_u8().ok()? {
                    0 => ResultKind::More,
                    1 => ResultKind::Last,
                    2 => ResultKind::End,
                    3 => ResultKind::Failed,
                    _ => return None,
                };
                Self::Result { sequence, attempt, kind, payload: body }
            }
            SETTLED => Self::Settled { id: body },
            CANCEL => Self::Cancel { id: body },
            RESET if body.is_empty() => Self::Reset,
            _ => return None,
        })
    }
}

fn begin(into: &mut Vec<u8>, kind: u8, length: usize) {
    // A message is 64 MiB at most, so its record's length has room in 32 bits.
    into.put_u32_le(u32::try_from(length + 1).unwrap_or(u32::MAX));
    into.put_u8(kind);
}

fn put_extra(into: &mut Vec<u8>, extra: &[u8]) {
    into.put_u32_le(u32::try_from(extra.len()).unwrap_or(u32::MAX));
    into.put_slice(extra);
}

fn get_extra(body: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(body.try_get_u32_le().ok()?).ok()?;
    (length <= body.remaining()).then(|| body.split_to(length))
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
            (any::<u32>(), bytes()).prop_map(|(stream, header)| Record::Open { stream, header }),
            (any::<u32>(), bytes(), bytes()).prop_map(|(stream, extra, payload)| Record::Message {
                stream,
                extra,
                payload
            }),
            (any::<u32>(), any::<u64>(), any::<u32>(), bytes(), bytes()).prop_map(
                |(stream, sequence, attempt, extra, payload)| Record::Work {
                    stream,
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
            bytes().prop_map(|id| Record::Settled { id }),
            bytes().prop_map(|id| Record::Cancel { id }),
            Just(Record::Reset),
        ]
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

//! The records that nearly all are, read as they lie there: those with nothing but numbers and a payload.

use std::ops::Range;

use super::record::{LAST, LAST_RESULT, MESSAGE, REPLY, RESULT, StreamNumber, WORK};

/// A message.
pub(crate) struct PlainMessage {
    pub(crate) stream: StreamNumber,
    pub(crate) request: u64,
    /// Where the payload is. The record ends with it.
    pub(crate) payload: Range<usize>,
}

impl PlainMessage {
    /// The first of `records`, if it is such a one.
    pub(crate) fn first(records: &[u8]) -> Option<Self> {
        let (head, payload) = first::<21>(records, MESSAGE)?;
        let has_no_extra = u32_at(head, 17) == 0;
        has_no_extra.then_some(Self { stream: u32_at(head, 5), request: u64_at(head, 9), payload })
    }
}

/// A message for a worker.
pub(crate) struct PlainWork {
    pub(crate) stream: StreamNumber,
    pub(crate) request: u64,
    pub(crate) sequence: u64,
    pub(crate) attempt: u32,
    pub(crate) payload: Range<usize>,
}

impl PlainWork {
    /// The first of `records`, if it is such a one.
    pub(crate) fn first(records: &[u8]) -> Option<Self> {
        let (head, payload) = first::<33>(records, WORK)?;
        let has_no_extra = u32_at(head, 29) == 0;
        has_no_extra.then_some(Self {
            stream: u32_at(head, 5),
            request: u64_at(head, 9),
            sequence: u64_at(head, 17),
            attempt: u32_at(head, 25),
            payload,
        })
    }
}

/// A worker's last result for a message, which is no error.
pub(crate) struct PlainResult {
    pub(crate) sequence: u64,
    pub(crate) attempt: u32,
    pub(crate) payload: Range<usize>,
}

impl PlainResult {
    /// The first of `records`, if it is such a one.
    pub(crate) fn first(records: &[u8]) -> Option<Self> {
        let (head, payload) = first::<18>(records, RESULT)?;
        let is_last = head[17] == LAST_RESULT;
        is_last.then_some(Self { sequence: u64_at(head, 5), attempt: u32_at(head, 13), payload })
    }
}

/// A result for a client, which is no error.
pub(crate) struct PlainReply {
    pub(crate) request: u64,
    pub(crate) last: bool,
    pub(crate) payload: Range<usize>,
}

impl PlainReply {
    /// The first of `records`, if it is such a one.
    pub(crate) fn first(records: &[u8]) -> Option<Self> {
        let (head, payload) = first::<14>(records, REPLY)?;
        let is_plain = head[13] & !LAST == 0;
        is_plain.then_some(Self { request: u64_at(head, 5), last: head[13] == LAST, payload })
    }
}

/// What stands before the payload of the first record, if it is of that kind and whole; and where the payload is.
fn first<const HEAD: usize>(records: &[u8], kind: u8) -> Option<(&[u8; HEAD], Range<usize>)> {
    let head: &[u8; HEAD] = records.first_chunk()?;
    let end = usize::try_from(u32_at(head, 0)).ok()?.checked_add(4)?;
    (head[4] == kind && (HEAD..=records.len()).contains(&end)).then_some((head, HEAD..end))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::record::{Record, ResultKind};
    use super::*;

    /// What is read as plain is what the whole reading makes of it, be it nothing.
    fn check(mut records: Bytes) {
        let at = |payload: Range<usize>| (payload.end, records.slice(payload));
        let message = PlainMessage::first(&records).map(|plain| {
            let (end, payload) = at(plain.payload);
            (Record::Message { stream: plain.stream, request: plain.request, extra: Bytes::new(), payload }, end)
        });
        let work = PlainWork::first(&records).map(|plain| {
            let PlainWork { stream, request, sequence, attempt, payload } = plain;
            let (end, payload) = at(payload);
            (Record::Work { stream, request, sequence, attempt, extra: Bytes::new(), payload }, end)
        });
        let result = PlainResult::first(&records).map(|plain| {
            let (end, payload) = at(plain.payload);
            let PlainResult { sequence, attempt, .. } = plain;
            (Record::Result { sequence, attempt, kind: ResultKind::Last, payload }, end)
        });
        let reply = PlainReply::first(&records).map(|plain| {
            let (end, payload) = at(plain.payload);
            (Record::Reply { request: plain.request, last: plain.last, error: false, payload }, end)
        });
        let plain: Vec<_> = [message, work, result, reply].into_iter().flatten().collect();
        let length = records.len();
        let whole = Record::read(&mut records).map(|record| (record, length - records.len()));
        let is_plain = match &whole {
            Some((Record::Message { extra, .. } | Record::Work { extra, .. }, _)) => extra.is_empty(),
            Some((Record::Result { kind, .. }, _)) => *kind == ResultKind::Last,
            Some((Record::Reply { error, .. }, _)) => !error,
            _ => false,
        };
        assert_eq!(plain, whole.filter(|_| is_plain).into_iter().collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn plain_records_are_read_as_all_are(
            kind in 0..4_usize,
            numbers: (u32, u64, u64, u32, bool),
            rest: (Vec<u8>, Vec<u8>, Vec<u8>),
            cut in 0..80_usize,
        ) {
            let ((stream, request, sequence, attempt, flag), (extra, payload, behind)) = (numbers, rest);
            let extra = if flag { Vec::new() } else { extra };
            let record = match kind {
                0 => Record::Message { stream, request, extra, payload },
                1 => Record::Work { stream, request, sequence, attempt, extra, payload },
                2 => Record::Result { sequence, attempt, kind: if flag { ResultKind::Last } else { ResultKind::More }, payload },
                _ => Record::Reply { request, last: flag, error: attempt % 2 == 0, payload },
            };
            let mut bytes = Vec::new();
            record.write(&mut bytes);
            bytes.extend(behind);
            let cut = cut.min(bytes.len());
            check(Bytes::copy_from_slice(&bytes[..bytes.len() - cut]));
            check(bytes.into());
        }

        #[test]
        fn any_bytes_are_read_as_all_are(bytes: Vec<u8>) {
            check(bytes.into());
        }
    }
}

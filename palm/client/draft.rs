//! The messages of one call as they are written for the link.

use std::time::Instant;

use bytes::Bytes;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::id::Place;
use super::payload::Payload;
use crate::engine::link::{DATA_HEAD, FRAME_BYTES, Record, StreamNumber, buffers};
use crate::wire::put_budget;

const CACHE: u32 = 5;

/// What a message's record has besides its fields and its payload, at most.
const RECORD_HEAD: usize = 32;

/// Records that are being written.
#[derive(Debug)]
pub(super) struct Draft {
    call: u32,
    /// Number of the next message.
    sequence: u32,
    first: u32,
    /// After room for a frame's head.
    records: Vec<u8>,
    /// What the last record ends with, if that is large.
    payload: Bytes,
    stream: StreamNumber,
    /// Fields that each message has, and where those begin that each has its own.
    extra: Vec<u8>,
    shared: usize,
    deadline: Option<Instant>,
}

/// Records that are written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) call: u32,
    pub(super) first: u32,
    pub(super) count: u32,
    /// The stream that they were written for.
    pub(super) stream: StreamNumber,
    pub(super) records: Vec<u8>,
    /// What the last record ends with, if it is not in there.
    pub(super) payload: Bytes,
}

impl Draft {
    pub(super) fn new(call: u32, cache: &str, deadline: Option<Instant>) -> Self {
        let mut extra = Vec::new();
        if !cache.is_empty() {
            encode_key(CACHE, WireType::LengthDelimited, &mut extra);
            encode_varint(cache.len() as u64, &mut extra);
            extra.extend_from_slice(cache.as_bytes());
        }
        let shared = extra.len();
        Self {
            call,
            sequence: 0,
            first: 0,
            records: Vec::new(),
            payload: Bytes::new(),
            stream: 0,
            extra,
            shared,
            deadline,
        }
    }

    pub(super) fn write(&mut self, payload: Payload<'_>) {
        if !self.payload.is_empty() {
            // Whoever writes takes out what is full first; if not, nothing is lost by that.
            self.records.extend_from_slice(&std::mem::take(&mut self.payload));
        }
        if let Some(deadline) = self.deadline {
            self.extra.truncate(self.shared);
            put_budget(deadline.saturating_duration_since(Instant::now()), &mut self.extra);
        }
        if self.records.is_empty() {
            self.records.resize(DATA_HEAD, 0);
        }
        let request = Place { call: self.call, sequence: self.sequence }.request();
        let (stream, extra, bytes) = (self.stream, &self.extra[..], payload.as_ref());
        let record = Record::Message { stream, request, extra, payload: bytes };
        if let Payload::Shared(bytes) = &payload {
            record.write_before(&mut self.records);
            self.payload = bytes.clone();
        } else {
            if bytes.len() >= FRAME_BYTES {
                // It fills the frame: no more room than it needs is grown.
                self.records.reserve_exact(bytes.len() + extra.len() + RECORD_HEAD);
            }
            record.write(&mut self.records);
        }
        self.sequence = self.sequence.wrapping_add(1);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether it fills a frame.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= FRAME_BYTES || !self.payload.is_empty()
    }

    /// What was written since the last time; `None` if nothing was.
    pub(super) fn take(&mut self) -> Option<Written> {
        if self.records.is_empty() {
            return None;
        }
        let count = self.sequence.wrapping_sub(self.first);
        // The next frame is likely to be as large, unless one message filled it.
        let room = if self.is_full() && count > 1 { buffers::ROOM } else { 0 };
        let records = std::mem::replace(&mut self.records, buffers::with_room(room));
        let first = std::mem::replace(&mut self.first, self.sequence);
        let payload = std::mem::take(&mut self.payload);
        Some(Written { call: self.call, first, count, stream: self.stream, records, payload })
    }

    /// The number under which the component knows the stream.
    pub(super) const fn set_stream(&mut self, stream: StreamNumber) {
        self.stream = stream;
    }
}

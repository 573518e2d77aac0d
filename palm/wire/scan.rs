//! A walk over the top level of an encoded protobuf message, field by field, without a copy.

use std::ops::Range;

/// Why bytes are no PALM message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a PALM message: {reason} at byte {offset}")]
pub struct DecodeError {
    /// Offset of the byte where reading ended.
    pub offset: usize,
    /// What was wrong there.
    pub reason: &'static str,
}

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;
const GROUP_START: u32 = 3;
const GROUP_END: u32 = 4;
const FIXED32: u32 = 5;

/// Groups nest no deeper than protobuf's own readers allow.
const MAX_DEPTH: u32 = 100;

/// One field: its number, its place in the bytes, and its value.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) number: u32,
    /// Tag and value.
    pub(super) span: Range<usize>,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Varint(u64),
    Bytes(Range<usize>),
    Other,
}

/// Walks the fields of `bytes`, from `at`.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    const fn fail<T>(&self, reason: &'static str) -> Result<T, DecodeError> {
        Err(DecodeError { offset: self.at, reason })
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, DecodeError> {
        if let Some(byte @ ..0x80) = self.bytes.get(self.at) {
            self.at += 1;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for (position, byte) in self.bytes[self.at..].iter().take(10).enumerate() {
            // The tenth byte holds one bit; protobuf drops what is beyond it.
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                if position == 9 && *byte > 1 {
                    return self.fail("number too large");
                }
                self.at += position + 1;
                return Ok(value);
            }
        }
        self.fail(if self.bytes.len() - self.at < 10 { "truncated number" } else { "number too long" })
    }

    #[inline]
    fn skip(&mut self, length: u64) -> Result<Range<usize>, DecodeError> {
        let rest = self.bytes.len() - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= rest => {
                let start = self.at;
                self.at += length;
                Ok(start..self.at)
            }
            _ => self.fail("truncated field"),
        }
    }

    #[inline]
    fn tag(&mut self) -> Result<(u32, u32), DecodeError> {
        let start = self.at;
        let tag = self.varint()?;
        match u32::try_from(tag) {
            Ok(tag) if tag >> 3 != 0 => Ok((tag >> 3, tag & 7)),
            _ => {
                self.at = start;
                self.fail("field number out of range")
            }
        }
    }

    #[inline(always)]
    fn value(&mut self, number: u32, wire_type: u32, depth: u32) -> Result<Value, DecodeError> {
        Ok(match wire_type {
            VARINT => Value::Varint(self.varint()?),
            LENGTH => {
                let length = self.varint()?;
                Value::Bytes(self.skip(length)?)
            }
            _ => {
                self.pass(number, wire_type, depth)?;
                Value::Other
            }
        })
    }

    /// Goes over a value of a type that no field of a PALM message has.
    fn pass(&mut self, number: u32, wire_type: u32, depth: u32) -> Result<(), DecodeError> {
        match wire_type {
            FIXED64 => self.skip(8).map(drop),
            FIXED32 => self.skip(4).map(drop),
            GROUP_START if depth < MAX_DEPTH => loop {
                let (inner, wire_type) = self.tag()?;
                if wire_type == GROUP_END {
                    return if inner == number { Ok(()) } else { self.fail("group ends that did not start") };
                }
                self.value(inner, wire_type, depth + 1)?;
            },
            GROUP_START => self.fail("groups nested too deep"),
            GROUP_END => self.fail("group ends that did not start"),
            _ => self.fail("unknown wire type"),
        }
    }

    #[inline(always)]
    fn field(&mut self) -> Result<Field, DecodeError> {
        let start = self.at;
        let (number, wire_type) = self.tag()?;
        let value = self.value(number, wire_type, 0)?;
        Ok(Field { number, span: start..self.at, value })
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Field, DecodeError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        (self.at < self.bytes.len()).then(|| self.field())
    }
}

/// Whether an encoded message brings an `id`: its answers are then matched by it, not by the call they belong to.
pub(crate) fn has_id(bytes: &[u8]) -> bool {
    Scan::new(bytes, 0).map_while(Result::ok).any(|field| {
        field.number == super::message::ID
            && matches!(field.value, Value::Bytes(range) if range.len() == size_of::<super::Id>())
    })
}

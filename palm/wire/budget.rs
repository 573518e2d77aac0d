//! How much time is left for a request.

use std::time::{Duration, Instant};

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

pub(super) const BUDGET: u32 = 20;

/// The time that is left: a length on the wire, so that clocks need not agree; a point in time within a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Budget {
    /// As it was when the message came in.
    Left(Duration),
    /// Since the message was taken in, or from its caller.
    Until(Instant),
}

impl Budget {
    pub(super) fn of_millis(millis: u64) -> Self {
        // The field has 32 bits: what is beyond them is cut off, as protobuf has it.
        Self::Left(Duration::from_millis(millis & u64::from(u32::MAX)))
    }

    pub(super) fn left(self, now: Instant) -> Duration {
        match self {
            Self::Left(left) => left,
            Self::Until(deadline) => deadline.saturating_duration_since(now),
        }
    }

    /// The point in time, for a message that came in at `now`. A budget beyond the clock's range is none.
    pub(super) fn from(self, now: Instant) -> Option<Self> {
        match self {
            Self::Left(left) => now.checked_add(left).map(Self::Until),
            until => Some(until),
        }
    }
}

/// Longest encoded form.
pub(super) const MAX_BUDGET_BYTES: usize = 2 + 5;

/// Puts the field at the end of a message.
pub(crate) fn put_budget(left: Duration, into: &mut Vec<u8>) {
    let millis = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
    debug_assert!(encoded_len_varint(u64::from(millis)) <= 5);
    encode_key(BUDGET, WireType::Varint, into);
    encode_varint(u64::from(millis), into);
}

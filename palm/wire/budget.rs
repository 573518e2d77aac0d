//! How much time is left for a request.

use std::time::{Duration, Instant};

use prost::encoding::{WireType, encode_key, encode_varint};

pub(super) const BUDGET: u32 = 20;

/// The time that is left: a length on the wire, so that clocks need not agree; a point in time within a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Budget {
    /// Milliseconds that were left when the message came in.
    Left(u32),
    /// Since the message was taken in, or from its caller.
    Until(Instant),
}

impl Budget {
    /// As it is decoded.
    #[expect(clippy::cast_possible_truncation, reason = "the field has 32 bits; protobuf cuts off what is beyond them")]
    pub(super) const fn of_field(value: u64) -> Self {
        Self::Left(value as u32)
    }

    pub(super) fn of(left: Duration) -> Self {
        Self::Left(millis(left))
    }

    pub(super) fn left(self, now: Instant) -> Duration {
        match self {
            Self::Left(left) => Duration::from_millis(left.into()),
            Self::Until(deadline) => deadline.saturating_duration_since(now),
        }
    }

    /// The point in time, for a message that came in at `now`. A budget beyond the clock's range is none.
    pub(super) fn began_at(self, now: Instant) -> Option<Self> {
        match self {
            Self::Left(_) => now.checked_add(self.left(now)).map(Self::Until),
            until => Some(until),
        }
    }
}

/// Longest encoded form.
pub(super) const MAX_BUDGET_BYTES: usize = 2 + 5;

/// Puts the field at the end of a message.
pub(crate) fn put_budget(left: Duration, into: &mut Vec<u8>) {
    encode_key(BUDGET, WireType::Varint, into);
    encode_varint(millis(left).into(), into);
}

fn millis(left: Duration) -> u32 {
    u32::try_from(left.as_millis()).unwrap_or(u32::MAX)
}

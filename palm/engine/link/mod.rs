//! The link: how peers of this library talk to each other, beside the classic sockets.
//!
//! One ROUTER at a component, one DEALER at each peer. What both say travels in frames that are numbered, kept until they
//! are acknowledged, and sent again after a reconnection; a frame holds many records. The header of a stream crosses once;
//! after that a record names the stream by its number. Nothing here does I/O.

pub(crate) mod buffers;
mod exchange;
mod frame;
mod hear;
mod limits;
mod linked;
mod links;
mod load;
mod packet;
mod plain;
mod record;
mod session;

pub(crate) use exchange::Answered;
pub(crate) use frame::{DATA_HEAD, Frame, FrameNumber};
pub(crate) use limits::LinkLimits;
pub(crate) use links::{Audience, LinkId, Links, PROTOCOL};
pub(crate) use packet::Packet;
pub(crate) use plain::{PlainReply, PlainWork};
pub(crate) use record::{Record, ResultKind, StreamNumber, move_messages, written};
pub(crate) use session::{FRAME_BYTES, SHARED_FROM, Session, Violation};

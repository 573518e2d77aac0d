use bytes::{BufMut, Bytes};
use prost::Message as _;

use crate::wire::proto::{LinkHello, LinkWelcome};

/// Number of a frame within its session, from 1.
pub(crate) type FrameNumber = u64;

const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const DATA: u8 = 3;
const ACK: u8 = 4;
const BYE: u8 = 5;
const CANCEL: u8 = 6;
const ALIVE: u8 = 7;

/// Bytes before the records of a data frame: kind, number, acknowledgement.
pub(crate) const DATA_HEAD: usize = 17;

/// What crosses the link at once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    /// Who the connecting peer is, what it wants, and what it has received: the first frame on each connection.
    Hello(LinkHello),
    /// The component's answer.
    Welcome(LinkWelcome),
    /// Records, in order; and which frames of the other side were processed.
    Data { number: FrameNumber, processed: FrameNumber, records: Bytes },
    /// Which frames of the other side were processed, when there is nothing else to say.
    Ack { processed: FrameNumber },
    /// The peer leaves for good.
    Bye,
    /// Nobody waits any more for that call of a client: the requests whose numbers begin with it.
    Cancel { client: u64, call: u32 },
    /// Something that the peer has asked for is still being worked on.
    Alive,
}

impl Frame {
    /// Whether these bytes are a greeting.
    pub(crate) fn is_hello(frame: &[u8]) -> bool {
        frame.first() == Some(&HELLO)
    }

    pub(crate) fn read(frame: Bytes) -> Option<Self> {
        let number = |at: usize| frame.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        Some(match *frame.first()? {
            HELLO => Self::Hello(LinkHello::decode(&frame[1..]).ok()?),
            WELCOME => Self::Welcome(LinkWelcome::decode(&frame[1..]).ok()?),
            DATA => Self::Data { number: number(1)?, processed: number(9)?, records: frame.slice(DATA_HEAD..) },
            ACK => Self::Ack { processed: number(1)? },
            BYE => Self::Bye,
            CANCEL => Self::Cancel { client: number(1)?, call: u32::from_le_bytes(frame.get(9..13)?.try_into().ok()?) },
            ALIVE => Self::Alive,
            _ => return None,
        })
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Hello(hello) => {
                bytes.push(HELLO);
                bytes.extend(hello.encode_to_vec());
            }
            Self::Welcome(welcome) => {
                bytes.push(WELCOME);
                bytes.extend(welcome.encode_to_vec());
            }
            Self::Data { number, processed, records } => {
                put_data_head(&mut bytes, *number, *processed);
                bytes.extend_from_slice(records);
            }
            Self::Ack { processed } => {
                bytes.push(ACK);
                bytes.put_u64_le(*processed);
            }
            Self::Bye => bytes.push(BYE),
            Self::Cancel { client, call } => {
                bytes.push(CANCEL);
                bytes.put_u64_le(*client);
                bytes.put_u32_le(*call);
            }
            Self::Alive => bytes.push(ALIVE),
        }
        bytes
    }
}

pub(super) fn put_data_head(bytes: &mut Vec<u8>, number: FrameNumber, processed: FrameNumber) {
    bytes.push(DATA);
    bytes.put_u64_le(number);
    bytes.put_u64_le(processed);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_come_back() {
        for frame in [
            Frame::Hello(LinkHello { name: "worker1".to_owned(), work: true, ..LinkHello::default() }),
            Frame::Welcome(LinkWelcome { epoch: 7, ..LinkWelcome::default() }),
            Frame::Data { number: 1, processed: 2, records: Bytes::from_static(b"abc") },
            Frame::Ack { processed: u64::MAX },
            Frame::Bye,
            Frame::Cancel { client: 1, call: u32::MAX },
            Frame::Alive,
        ] {
            assert_eq!(Frame::read(frame.write().into()), Some(frame));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(bytes: Vec<u8>) {
            let _ = Frame::read(bytes.into());
        }
    }
}

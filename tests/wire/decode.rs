//! Decoding, held against prost's.
//!
//! One difference is meant: what stands in extension fields (from 16 on) is not looked at while a message is decoded, so
//! that a broken one passes on untouched. prost, which knows these fields, refuses the whole message.

use palm::Message;
use palm::wire::proto::PalmMessage;
use proptest::prelude::*;
use prost::Message as _;

use crate::soup;

/// The documentation's message, without extensions.
#[derive(Clone, PartialEq, prost::Message)]
struct Classic {
    #[prost(string, tag = "1")]
    pipeline: String,
    #[prost(string, tag = "2")]
    client: String,
    #[prost(int64, tag = "3")]
    stage: i64,
    #[prost(string, tag = "4")]
    function: String,
    #[prost(string, tag = "5")]
    cache: String,
    #[prost(bytes = "vec", tag = "6")]
    payload: Vec<u8>,
}

fn classic(message: &Message) -> Classic {
    Classic {
        pipeline: message.pipeline().to_owned(),
        client: message.client().to_owned(),
        stage: message.stage(),
        function: message.function().to_owned(),
        cache: message.cache().to_owned(),
        payload: message.payload().to_vec(),
    }
}

fn whole(message: &Message) -> PalmMessage {
    let Classic { pipeline, client, stage, function, cache, payload } = classic(message);
    let id = message.id().map(|id| id.to_vec()).unwrap_or_default();
    let (payload, id) = (payload.into(), id.into());
    let budget_ms = message.remaining().map(|left| u32::try_from(left.as_millis()).unwrap());
    let (delivery, error) = (message.delivery(), message.error());
    PalmMessage {
        pipeline,
        client,
        stage,
        function,
        cache,
        payload,
        id,
        delivery,
        error,
        budget_ms,
        ..PalmMessage::default()
    }
}

proptest! {
    #![proptest_config(soup::config(4_000))]

    #[test]
    fn bytes_are_taken_and_refused_as_prost_does(bytes in soup::bytes()) {
        let ours = Message::decode(bytes.clone().into());
        let theirs = Classic::decode(&bytes[..]);
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(&classic(ours), theirs),
            (Err(error), Err(_)) => prop_assert!(error.offset <= bytes.len(), "{}", error),
            _ => prop_assert!(false, "ours {:?}, prost's {:?}", ours, theirs),
        }
        if let Ok(theirs) = PalmMessage::decode(&bytes[..]) {
            // `part` is read by masters alone: a message does not tell it.
            let mut ours = whole(&ours.unwrap());
            if theirs.id.len() != 16 {
                // No identifier of this library's, and passed on as it is.
                ours.id = theirs.id.clone();
            }
            prop_assert_eq!(ours, PalmMessage { part: None, ..theirs });
        }
    }

    #[test]
    fn what_prost_encodes_comes_back_byte_for_byte(message in soup::message()) {
        let bytes = message.encode_to_vec();
        let decoded = Message::decode(bytes.clone().into()).unwrap();
        prop_assert_eq!(whole(&decoded), message);
        prop_assert_eq!(decoded.encode(), bytes);
    }

    #[test]
    fn what_was_taken_is_the_same_after_another_hop(bytes in soup::bytes()) {
        if let Ok(message) = Message::decode(bytes.into()) {
            let once = message.encode();
            let again = Message::decode(once.clone().into()).unwrap();
            prop_assert_eq!(whole(&again), whole(&message));
            prop_assert_eq!(again.encode(), once);
        }
    }
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| [[0xfb, 0x01].repeat(depth), [0xfc, 0x01].repeat(depth)].concat();
    assert!(Message::decode(nested(50).into()).is_ok());
    assert!(Message::decode(nested(100_000).into()).is_err());
}

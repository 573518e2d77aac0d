//! Hops that only forward, or change one field: everything else passes as it is.

use std::time::Duration;

use palm::Message;
use palm::wire::RemoteError;
use palm::wire::proto::PalmMessage;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use crate::soup;

/// Unknown fields: none of those that this library reads.
fn unknown() -> impl Strategy<Value = Vec<u8>> {
    let known = |field: &Vec<u8>| {
        let key = prost::encoding::decode_key(&mut &field[..]).unwrap().0;
        (1..=6).contains(&key) || [16, 18, 20].contains(&key)
    };
    vec(soup::field().prop_filter("known", move |field| !known(field)), 1..5).prop_map(|fields| fields.concat())
}

proptest! {
    #![proptest_config(soup::config(1_000))]

    #[test]
    fn unknown_fields_outlive_every_change(message in soup::message(), unknown in unknown(), error in soup::error()) {
        let bytes = [message.encode_to_vec(), unknown.clone()].concat();
        let decoded = Message::decode(bytes.clone().into()).unwrap();
        prop_assert_eq!(decoded.encode(), bytes);

        let mut expected = message.clone();
        let mut changed = decoded;
        changed.set_payload("another payload");
        expected.payload = "another payload".into();
        prop_assert_eq!(changed.encode(), [expected.encode_to_vec(), unknown.clone()].concat());

        changed.next_stage();
        expected.stage = expected.stage.wrapping_add(1);
        prop_assert_eq!(changed.encode(), [expected.encode_to_vec(), unknown.clone()].concat());

        changed.set_pipeline("session");
        changed.set_client("client");
        changed.set_function("server.foo");
        changed.set_cache("key");
        (expected.pipeline, expected.client) = ("session".into(), "client".into());
        (expected.function, expected.cache) = ("server.foo".into(), "key".into());
        prop_assert_eq!(changed.encode(), [expected.encode_to_vec(), unknown.clone()].concat());

        // An error takes its place among the other fields from 7 on; their order is nobody's business.
        changed.set_error(&error);
        let again = Message::decode(changed.encode().into()).unwrap();
        prop_assert_eq!(again.payload(), "0");
        prop_assert_eq!(again.error(), Some(error));
        prop_assert_eq!(again.id().map(|id| id.to_vec()).unwrap_or_default(), expected.id.to_vec());
        prop_assert!(again.encode().windows(unknown.len()).any(|window| window == unknown));
    }
}

#[test]
fn what_is_left_of_the_time_passes_and_takes_one_place() {
    let expected =
        |millis| PalmMessage { function: "server.foo".into(), budget_ms: Some(millis), ..PalmMessage::default() };
    for millis in [0, 1, 300, u32::MAX] {
        let message = Message::decode(expected(millis).encode_to_vec().into()).unwrap();
        assert_eq!(message.remaining(), Some(Duration::from_millis(millis.into())));
        assert_eq!(message.encode(), expected(millis).encode_to_vec());
    }
    let twice = [expected(1).encode_to_vec(), expected(2).encode_to_vec()].concat();
    let mut message = Message::decode(twice.into()).unwrap();
    assert_eq!(message.encode(), expected(2).encode_to_vec());
    message.set_remaining(Duration::MAX);
    assert_eq!(message.encode(), expected(u32::MAX).encode_to_vec());
    message.set_remaining(None);
    assert_eq!(message.encode(), Message::new("server.foo", "").encode());
}

#[test]
fn a_second_error_takes_the_place_of_the_first() {
    let mut message = Message::new("server.foo", "payload");
    for text in ["first", "second"] {
        message.set_error(&RemoteError { code: 1, text: text.to_owned(), ..RemoteError::default() });
    }
    let again = Message::decode(message.encode().into()).unwrap();
    assert_eq!(again.error().unwrap().text, "second");
    assert_eq!(again.payload(), "0");
}

#[test]
fn a_large_payload_is_no_copy() {
    let frame: palm::Bytes = Message::new("server.foo", vec![7; 1 << 20]).encode().into();
    let message = Message::decode(frame.clone()).unwrap();
    assert!(frame.as_ptr_range().contains(&message.payload().as_ptr()));
}

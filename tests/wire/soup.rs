//! What properties are tested with: messages, and what a bad peer makes of them.

use palm::wire::proto::PalmMessage;
use palm::wire::{Delivery, RemoteError};
use proptest::collection::vec;

use proptest::option::of as option;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};

/// Cases that have failed are kept in git, and run first.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/regressions.txt");
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        ..ProptestConfig::with_cases(cases)
    }
}

/// A message that a peer of any kind may send.
pub(crate) fn message() -> impl Strategy<Value = PalmMessage> {
    let text = || prop_oneof![Just(String::new()), "[a-z]{1,8}(\\.[a-z]{1,8})?", any::<String>()];
    let stage = prop_oneof![Just(0), -2..300_i64, any::<i64>()];
    let payload = prop_oneof![vec(any::<u8>(), 0..40), vec(any::<u8>(), 120..140), Just(b"0".to_vec())];
    let id = prop_oneof![Just(Vec::new()), vec(any::<u8>(), 16)];
    (text(), text(), stage, text(), text(), payload, id, option(delivery()), option(error())).prop_map(
        |(pipeline, client, stage, function, cache, payload, id, delivery, error)| PalmMessage {
            pipeline,
            client,
            stage,
            function,
            cache,
            payload: payload.into(),
            id: id.into(),
            delivery,
            error,
            budget_ms: None,
            part: None,
        },
    )
}

fn delivery() -> impl Strategy<Value = Delivery> {
    (any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>()).prop_map(|(epoch, sequence, attempt, threads)| Delivery {
        epoch,
        sequence,
        attempt,
        threads,
    })
}

pub(crate) fn error() -> impl Strategy<Value = RemoteError> {
    (any::<u32>(), any::<String>(), "[a-z]{0,5}", "[a-z]{0,5}", any::<bool>())
        .prop_map(|(code, text, component, method, retryable)| RemoteError { code, text, component, method, retryable })
}

/// Any field at all, well formed.
pub(crate) fn field() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![8 => 1_u32..8, 3 => 15_u32..22, 1 => 1_u32..(1 << 29)];
    let value = vec(any::<u8>(), 0..12);
    (number, any::<u64>(), value, 0..6_u8).prop_map(|(number, varint, value, kind)| {
        let mut field = Vec::new();
        match kind {
            0 => {
                encode_key(number, WireType::Varint, &mut field);
                encode_varint(varint, &mut field);
            }
            1 => {
                encode_key(number, WireType::SixtyFourBit, &mut field);
                field.extend_from_slice(&varint.to_le_bytes());
            }
            2 => {
                encode_key(number, WireType::ThirtyTwoBit, &mut field);
                field.extend_from_slice(&varint.to_le_bytes()[..4]);
            }
            3 => {
                encode_key(number, WireType::StartGroup, &mut field);
                encode_key(1, WireType::Varint, &mut field);
                encode_varint(varint, &mut field);
                encode_key(number, WireType::EndGroup, &mut field);
            }
            _ => {
                encode_key(number, WireType::LengthDelimited, &mut field);
                encode_varint(value.len() as u64, &mut field);
                field.extend_from_slice(&value);
            }
        }
        field
    })
}

/// One change to encoded bytes.
fn damage(mut bytes: Vec<u8>, (kind, at, byte): (u8, prop::sample::Index, u8)) -> Vec<u8> {
    if bytes.is_empty() {
        return vec![byte];
    }
    let at = at.index(bytes.len());
    match kind {
        0 => bytes[at] = byte,
        1 => bytes[at] ^= 1 << (byte % 8),
        2 => bytes.truncate(at),
        3 => bytes.insert(at, byte),
        4 => drop(bytes.remove(at)),
        5 => bytes.rotate_left(at),
        _ => bytes.extend_from_within(at..),
    }
    bytes
}

/// Bytes of every sort: noise, messages, messages with more fields around them, and any of them damaged.
pub(crate) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let message = || message().prop_map(|message| message.encode_to_vec());
    let fields = || vec(field(), 0..8).prop_map(|fields| fields.concat());
    let whole = prop_oneof![
        1 => vec(any::<u8>(), 0..200),
        2 => message(),
        2 => fields(),
        2 => (fields(), message(), fields()).prop_map(|(before, message, after)| [before, message, after].concat()),
        1 => (message(), message()).prop_map(|(first, second)| [first, second].concat()),
    ];
    (whole, vec((0..7_u8, any::<prop::sample::Index>(), any::<u8>()), 0..4))
        .prop_map(|(bytes, damages)| damages.into_iter().fold(bytes, damage))
}

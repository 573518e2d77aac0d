//! Bytes that pylm has encoded.

use palm::Message;
use palm::wire::proto::PalmMessage;
use prost::Message as _;
use serde_json::Value;

struct Golden {
    name: String,
    fields: Value,
    bytes: Vec<u8>,
}

fn golden() -> Vec<Golden> {
    let lines = include_str!("golden.txt").lines();
    let golden = lines.map(|line| {
        let [name, fields, bytes] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        Golden { name: name.to_owned(), fields: serde_json::from_str(fields).unwrap(), bytes: from_hex(bytes) }
    });
    golden.collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).unwrap();
    text.as_bytes().chunks(2).map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).unwrap()).collect()
}

impl Golden {
    fn text(&self, field: &str) -> &str {
        self.fields[field].as_str().unwrap_or_default()
    }

    fn stage(&self) -> i64 {
        self.fields["stage"].as_i64().unwrap_or_default()
    }

    fn payload(&self) -> Vec<u8> {
        let times = self.fields["payload_times"].as_u64().unwrap_or(1);
        from_hex(self.text("payload")).repeat(usize::try_from(times).unwrap())
    }
}

#[test]
fn golden_bytes_say_what_pylm_put_in() {
    let golden = golden();
    assert!(golden.len() >= 20, "{}", golden.len());
    for golden in golden {
        let message = Message::decode(golden.bytes.clone().into()).unwrap();
        let name = &golden.name;
        assert_eq!(message.pipeline(), golden.text("pipeline"), "{name}");
        assert_eq!(message.client(), golden.text("client"), "{name}");
        assert_eq!(message.stage(), golden.stage(), "{name}");
        assert_eq!(message.function(), golden.text("function"), "{name}");
        assert_eq!(message.cache(), golden.text("cache"), "{name}");
        assert_eq!(message.payload()[..], golden.payload(), "{name}");
    }
}

#[test]
fn golden_bytes_come_out_as_they_went_in() {
    for golden in golden() {
        let message = Message::decode(golden.bytes.clone().into()).unwrap();
        assert_eq!(message.encode(), golden.bytes, "{}", golden.name);
    }
}

/// As a client makes it: from its fields.
#[test]
fn messages_are_encoded_as_pylm_encodes_them() {
    for golden in golden().into_iter().filter(|golden| golden.fields.get("unknown").is_none()) {
        let mut message = Message::new(golden.text("function"), golden.payload());
        message.set_pipeline(golden.text("pipeline"));
        message.set_client(golden.text("client"));
        message.set_stage(golden.stage());
        message.set_cache(golden.text("cache"));
        assert_eq!(message.encode(), golden.bytes, "{}", golden.name);
    }
}

#[test]
fn the_generated_types_agree() {
    for golden in golden().into_iter().filter(|golden| golden.name != "unknown_field_16") {
        let message = PalmMessage::decode(&golden.bytes[..]).unwrap();
        assert_eq!((message.stage, message.payload), (golden.stage(), golden.payload().into()), "{}", golden.name);
    }
}

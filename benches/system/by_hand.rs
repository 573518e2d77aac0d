//! What a careful user writes with the crates zmq and prost, without this library: the classic wire, and no guarantees. Nothing
//! is remembered of what is under way, and an error ends the process.

use std::collections::HashMap;
use std::mem::take;

use palm::Bytes;
use prost::Message as _;
use zmq::{Message, SNDMORE, Socket};

use crate::bare::TOPIC;
use crate::client::{Client, Format};
use crate::peer::BoxError;
use crate::roles::{PROBE, Roles};
use crate::sockets;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PalmMessage {
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
    #[prost(bytes = "bytes", tag = "6")]
    payload: Bytes,
}

type Method<'a> = Box<dyn Fn(Bytes) -> Bytes + 'a>;

/// Owns what was received for as long as the payload is a slice of it.
struct Received(Message);

impl AsRef<[u8]> for Received {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn read(message: Message) -> Result<PalmMessage, BoxError> {
    Ok(PalmMessage::decode(Bytes::from_owner(Received(message)))?)
}

fn send(message: &PalmMessage, to: &Socket) -> Result<(), BoxError> {
    Ok(to.send(message.encode_to_vec(), 0)?)
}

fn publish(message: &PalmMessage, to: &Socket) -> Result<(), BoxError> {
    to.send(&message.client, SNDMORE)?;
    send(message, to)
}

/// What the method makes of a message.
fn call(message: Message, methods: &HashMap<&str, Method<'_>>) -> Result<PalmMessage, BoxError> {
    let mut message = read(message)?;
    let (_, name) = message.function.split_once('.').ok_or("a function has a server and a method")?;
    let method = methods.get(name).ok_or("no such method")?;
    message.payload = method(take(&mut message.payload));
    message.stage += 1;
    Ok(message)
}

/// As a client it has what all its messages have in common.
#[derive(Default)]
pub(crate) struct ByHand {
    request: PalmMessage,
}

impl Roles for ByHand {
    type Client = Client<Self>;

    fn server(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        let methods = HashMap::from([("foo", Box::new(|payload| payload) as Method<'_>)]);
        sockets::server(ready, |message, to| publish(&call(message, &methods)?, to))
    }

    fn master(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        sockets::master(ready, |message, to| send(&read(message)?, to), |message, to| publish(&read(message)?, to))
    }

    fn worker(self, addresses: &[&str], number: &str, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        let answer = |payload| if payload == PROBE { Bytes::copy_from_slice(number.as_bytes()) } else { payload };
        let methods = HashMap::from([("foo", Box::new(answer) as Method<'_>)]);
        sockets::worker(addresses, ready, |message, to| send(&call(message, &methods)?, to))
    }

    fn client(self, addresses: &[&str], answering: usize, size: usize) -> Result<Self::Client, BoxError> {
        let identifier = str::from_utf8(TOPIC)?.to_owned();
        let request = PalmMessage {
            pipeline: identifier.clone(),
            client: identifier,
            function: "server.foo".to_owned(),
            ..PalmMessage::default()
        };
        Client::connect(Self { request }, addresses, answering, size)
    }
}

impl Format for ByHand {
    fn topic(&self) -> &'static [u8] {
        TOPIC
    }

    fn pack(&mut self, payload: &Bytes, _count: usize) -> Message {
        self.request.payload = payload.clone();
        self.request.encode_to_vec().into()
    }

    fn unpack(&self, frame: Message, mut each: impl FnMut(&[u8])) -> Result<(), BoxError> {
        each(&read(frame)?.payload);
        Ok(())
    }
}

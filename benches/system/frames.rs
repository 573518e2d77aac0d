//! The bare sockets with many messages in a frame: what that alone makes of them, where each message is still looked at.

use palm::Bytes;
use zmq::Message;

use crate::client::{Client, Format};
use crate::peer::BoxError;
use crate::records;
use crate::roles::{PROBE, Roles};
use crate::sockets;

/// With up to so many messages in a frame.
#[derive(Clone, Copy)]
pub(crate) struct Frames<const TOGETHER: usize>;

/// A new frame with a copy of each payload, which is what the method is here; a probe is answered with something else.
fn answer(frame: &[u8], probe: &[u8]) -> Vec<u8> {
    let mut answer = Vec::with_capacity(frame.len());
    for payload in records::payloads(frame) {
        records::push(&mut answer, if payload == PROBE { probe } else { payload });
    }
    answer
}

impl<const TOGETHER: usize> Roles for Frames<TOGETHER> {
    type Client = Client<Self>;

    fn server(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        sockets::server(ready, |frame, to| Ok(to.send(answer(&frame, PROBE), 0)?))
    }

    fn master(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        sockets::master(ready, |frame, to| Ok(to.send(frame, 0)?), |frame, to| Ok(to.send(frame, 0)?))
    }

    fn worker(self, addresses: &[&str], number: &str, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        sockets::worker(addresses, ready, |frame, to| Ok(to.send(answer(&frame, number.as_bytes()), 0)?))
    }

    fn client(self, addresses: &[&str], answering: usize, size: usize) -> Result<Self::Client, BoxError> {
        Client::connect(self, addresses, answering, size)
    }
}

impl<const TOGETHER: usize> Format for Frames<TOGETHER> {
    const TOGETHER: usize = TOGETHER;

    fn topic(&self) -> &'static [u8] {
        b""
    }

    fn pack(&mut self, payload: &Bytes, count: usize) -> Message {
        let mut frame = Vec::with_capacity(records::size(payload) * count);
        for _ in 0..count {
            records::push(&mut frame, payload);
        }
        frame.into()
    }

    fn unpack(&self, frame: Message, each: impl FnMut(&[u8])) -> Result<(), BoxError> {
        records::payloads(&frame).for_each(each);
        Ok(())
    }
}

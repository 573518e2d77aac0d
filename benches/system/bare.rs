//! The baseline: a message is a frame, and nothing of this library is between the sockets. Messages are moved on and not copied.

use bytes::Bytes;
use zmq::{Message, SNDMORE, Socket};

use crate::client::{Client, Format};
use crate::peer::BoxError;
use crate::roles::{PROBE, Roles};
use crate::sockets;

/// The client's identifier stands before what is published, where the wire of PALM is compared.
pub(crate) const TOPIC: &[u8] = b"01234567-89ab-cdef-0123-456789abcdef";

#[derive(Clone, Copy)]
pub(crate) struct Bare {
    pub(crate) topic: bool,
}

impl Bare {
    fn publish(self, message: Message, to: &Socket) -> Result<(), BoxError> {
        if self.topic {
            to.send(TOPIC, SNDMORE)?;
        }
        Ok(to.send(message, 0)?)
    }
}

impl Roles for Bare {
    type Client = Client<Self>;

    fn server(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        sockets::server(ready, |message, to| self.publish(message, to))
    }

    fn master(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        sockets::master(ready, |message, to| Ok(to.send(message, 0)?), |message, to| self.publish(message, to))
    }

    fn worker(self, addresses: &[&str], number: &str, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        sockets::worker(addresses, ready, |message, to| {
            let answer = if message[..] == *PROBE { number.into() } else { message };
            Ok(to.send(answer, 0)?)
        })
    }

    fn client(self, addresses: &[&str], answering: usize, size: usize) -> Result<Self::Client, BoxError> {
        Client::connect(self, addresses, answering, size)
    }
}

impl Format for Bare {
    fn topic(&self) -> &'static [u8] {
        if self.topic { TOPIC } else { b"" }
    }

    fn pack(&mut self, payload: &Bytes, _count: usize) -> Message {
        payload[..].into()
    }

    fn unpack(&self, frame: Message, mut each: impl FnMut(&[u8])) -> Result<(), BoxError> {
        each(&frame);
        Ok(())
    }
}

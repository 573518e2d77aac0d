//! What many clients cost if nothing is done but to send: a ROUTER and a DEALER for each client, with as many bytes in a frame
//! and under way as this library has. Each message is copied at the client and at the server, and nothing is remembered of it.

use std::iter::repeat_n;

use palm::Bytes;
use zmq::{Context, DONTWAIT, Error, SNDMORE, Socket, SocketType};

use crate::peer::BoxError;
use crate::records;
use crate::unbounded::socket;

/// Bytes of a frame.
const FRAME: usize = 64 << 10;

pub(crate) struct Client {
    socket: Socket,
    /// Bytes that it may have under way.
    window: usize,
}

/// Sends back what comes, for ever.
pub(crate) fn server(ready: impl FnOnce(&str)) -> Result<(), BoxError> {
    let context = Context::new();
    let router = socket(&context, SocketType::ROUTER)?;
    router.bind("tcp://127.0.0.1:*")?;
    ready(&router.get_last_endpoint()?.map_err(|_| "the address is not UTF-8")?);
    loop {
        let (client, frame) = (router.recv_msg(0)?, router.recv_msg(0)?);
        router.send(client, SNDMORE)?;
        router.send(packed(records::payloads(&frame)), 0)?;
    }
}

fn packed<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut frame = Vec::with_capacity(FRAME);
    payloads.for_each(|payload| records::push(&mut frame, payload));
    frame
}

impl Client {
    /// Connects one of so many, and waits for an answer.
    pub(crate) fn connect(context: &Context, address: &str, of: usize) -> Result<Self, BoxError> {
        let socket = socket(context, SocketType::DEALER)?;
        socket.connect(address)?;
        // As the link allows: see `LinkService::intake_bytes`.
        let client = Self { socket, window: if of > 2 { ((16 << 20) / of).max(128 << 10) } else { 8 << 20 } };
        client.job(&Bytes::new(), 1)?;
        Ok(client)
    }

    pub(crate) fn job(&self, payload: &Bytes, count: usize) -> Result<(), BoxError> {
        let together = FRAME / records::size(payload);
        let window = (self.window / records::size(payload)).min(8_192);
        let (mut sent, mut answered) = (0, 0);
        while answered < count {
            while sent < count && sent - answered < window {
                let together = together.min(count - sent).min(window - (sent - answered));
                self.socket.send(packed(repeat_n(&**payload, together)), 0)?;
                sent += together;
            }
            // Waits for one, and takes what else is there.
            let mut flags = 0;
            while answered < count {
                match self.socket.recv_msg(flags) {
                    Err(Error::EAGAIN) => break,
                    frame => answered += records::payloads(&frame?).filter(|answer| answer == payload).count(),
                }
                flags = DONTWAIT;
            }
        }
        Ok(())
    }
}

//! The client of the systems on ZeroMQ sockets.

use bytes::Bytes;
use zmq::{Context, DONTWAIT, Error, Message, Socket};

use crate::load::Caller;
use crate::peer::BoxError;
use crate::roles::{PROBE, window};
use crate::sockets::connected;

/// What is in the frames of a system.
pub(crate) trait Format {
    /// How many payloads share a frame at most.
    const TOGETHER: usize = 1;

    /// Stands in a frame of its own before what is published; if it is empty, that frame is not there.
    fn topic(&self) -> &'static [u8];

    /// A frame with the payload in it so many times.
    fn pack(&mut self, payload: &Bytes, count: usize) -> Message;

    fn unpack(&self, frame: Message, each: impl FnMut(&[u8])) -> Result<(), BoxError>;
}

/// It has one payload.
pub(crate) struct Client<F> {
    format: F,
    push: Socket,
    sub: Socket,
    payload: Bytes,
    window: usize,
}

impl<F: Format> Client<F> {
    /// Connects, and waits until answers have come from everybody who gives them.
    pub(crate) fn connect(format: F, addresses: &[&str], answering: usize, size: usize) -> Result<Self, BoxError> {
        let context = Context::new();
        let push = connected(&context, zmq::PUSH, addresses[0])?;
        let sub = connected(&context, zmq::SUB, addresses[1])?;
        sub.set_subscribe(format.topic())?;
        let mut client = Self { format, push, sub, payload: vec![b'x'; size].into(), window: window(size) };
        client.find(answering)?;
        Ok(client)
    }

    fn find(&mut self, answering: usize) -> Result<(), BoxError> {
        let (mut sent, mut seen) = (0, Vec::new());
        self.sub.set_rcvtimeo(50)?;
        while seen.len() < answering {
            if sent > 1_000 {
                return Err("nobody answers".into());
            }
            self.push.send(self.format.pack(&Bytes::from_static(PROBE), 1), 0)?;
            sent += 1;
            while let Some(frame) = self.receive(0)? {
                self.format.unpack(frame, |answer| {
                    if !seen.contains(&answer[0]) {
                        seen.push(answer[0]);
                    }
                })?;
            }
        }
        self.sub.set_rcvtimeo(-1)?;
        Ok(())
    }

    /// The next frame, or `None` if there is none for as long as the flags and the socket say.
    fn receive(&self, flags: i32) -> Result<Option<Message>, Error> {
        let mut frame = match self.sub.recv_msg(flags) {
            Err(Error::EAGAIN) => return Ok(None),
            frame => frame?,
        };
        if !self.format.topic().is_empty() {
            self.sub.recv(&mut frame, 0)?;
        }
        Ok(Some(frame))
    }
}

impl<F: Format> Caller for Client<F> {
    fn job(&mut self, count: usize) -> Result<(), BoxError> {
        let size = self.payload.len();
        let (mut sent, mut answered) = (0, 0);
        while answered < count {
            while sent < count && sent - answered < self.window {
                let together = F::TOGETHER.min(count - sent).min(self.window - (sent - answered));
                self.push.send(self.format.pack(&self.payload, together), 0)?;
                sent += together;
            }
            // Waits for one, and takes what else is there.
            let mut flags = 0;
            while answered < count
                && let Some(frame) = self.receive(flags)?
            {
                self.format.unpack(frame, |answer| answered += usize::from(answer.len() == size))?;
                flags = DONTWAIT;
            }
        }
        Ok(())
    }

    fn call(&mut self) -> Result<(), BoxError> {
        self.job(1)
    }
}

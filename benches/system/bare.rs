//! The baseline: ZeroMQ sockets of the same types over the same hops, with nothing of this library between them, at their
//! best settings: no high-water mark, messages are moved on and not copied, and a window instead of a bound that loses.

use std::thread;

use zmq::{Context, DONTWAIT, Error, Message, SNDMORE, Socket, SocketType};

use crate::load::Caller;
use crate::peer::BoxError;

/// Stands before what is published where the wire of PALM is compared: it has the client's identifier there.
const TOPIC: &[u8] = b"01234567-89ab-cdef-0123-456789abcdef";

/// As much as a job of this library has under way at most.
const WINDOW_MESSAGES: usize = 8_192;
const WINDOW_BYTES: usize = 16 << 20;

/// What only says that a path is open.
const PROBE: u8 = b'?';

fn socket(context: &Context, kind: SocketType) -> Result<Socket, Error> {
    let socket = context.socket(kind)?;
    socket.set_sndhwm(0)?;
    socket.set_rcvhwm(0)?;
    socket.set_linger(0)?;
    Ok(socket)
}

/// A socket on a port of the system's choice, and its address.
fn bound(context: &Context, kind: SocketType) -> Result<(Socket, String), BoxError> {
    let socket = socket(context, kind)?;
    socket.bind("tcp://127.0.0.1:*")?;
    let address = socket.get_last_endpoint()?.map_err(|_| "the address is not UTF-8")?;
    Ok((socket, address))
}

fn connected(context: &Context, kind: SocketType, address: &str) -> Result<Socket, Error> {
    let socket = socket(context, kind)?;
    socket.connect(address)?;
    Ok(socket)
}

/// Moves everything on, for ever. A blocking read takes what is there without a system call, and waits only when nothing is.
fn forward(from: &Socket, to: &Socket, topic: bool) -> Result<(), Error> {
    loop {
        let message = from.recv_msg(0)?;
        if topic {
            to.send(TOPIC, SNDMORE)?;
        }
        to.send(message, 0)?;
    }
}

pub(crate) fn server(topic: bool, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
    let context = Context::new();
    let (pull, pull_address) = bound(&context, zmq::PULL)?;
    let (publish, pub_address) = bound(&context, zmq::PUB)?;
    ready(&[pull_address, pub_address]);
    Ok(forward(&pull, &publish, topic)?)
}

pub(crate) fn master(topic: bool, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
    let context = Context::new();
    let (pull, pull_address) = bound(&context, zmq::PULL)?;
    let (publish, pub_address) = bound(&context, zmq::PUB)?;
    let (push, push_address) = bound(&context, zmq::PUSH)?;
    let (results, results_address) = bound(&context, zmq::PULL)?;
    ready(&[pull_address, pub_address, push_address, results_address]);
    thread::spawn(move || forward(&pull, &push, false));
    Ok(forward(&results, &publish, topic)?)
}

/// `addresses` are the master's, `number` is one digit.
pub(crate) fn worker(addresses: &[&str], number: &str, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
    let [_, _, push_address, results_address] = addresses[..] else { return Err("a master has four addresses".into()) };
    let context = Context::new();
    let pull = connected(&context, zmq::PULL, push_address)?;
    let push = connected(&context, zmq::PUSH, results_address)?;
    ready(&[]);
    loop {
        let message = pull.recv_msg(0)?;
        if message[..] == [PROBE] { push.send(number, 0)? } else { push.send(message, 0)? }
    }
}

/// A client with one payload.
pub(crate) struct Bare {
    push: Socket,
    sub: Socket,
    topic: bool,
    payload: Vec<u8>,
    window: usize,
}

impl Bare {
    /// Connects, and waits until answers have come from everybody who gives them.
    pub(crate) fn connect(addresses: &[&str], topic: bool, workers: usize, size: usize) -> Result<Self, BoxError> {
        let context = Context::new();
        let push = connected(&context, zmq::PUSH, addresses[0])?;
        let sub = connected(&context, zmq::SUB, addresses[1])?;
        sub.set_subscribe(if topic { TOPIC } else { b"" })?;
        let window = (WINDOW_BYTES / size).clamp(1, WINDOW_MESSAGES);
        let bare = Self { push, sub, topic, payload: vec![b'x'; size], window };
        let (mut sent, mut seen) = (0, Vec::new());
        bare.sub.set_rcvtimeo(50)?;
        while seen.len() < workers {
            if sent > 1_000 {
                return Err("nobody answers".into());
            }
            bare.push.send(&[PROBE][..], 0)?;
            sent += 1;
            while let Some(answer) = bare.receive(0)? {
                if !seen.contains(&answer[0]) {
                    seen.push(answer[0]);
                }
            }
        }
        bare.sub.set_rcvtimeo(-1)?;
        Ok(bare)
    }

    /// The next message, or `None` if there is none for as long as the flags and the socket say.
    fn receive(&self, flags: i32) -> Result<Option<Message>, Error> {
        let mut message = match self.sub.recv_msg(flags) {
            Err(Error::EAGAIN) => return Ok(None),
            message => message?,
        };
        if self.topic {
            self.sub.recv(&mut message, 0)?;
        }
        Ok(Some(message))
    }
}

impl Caller for Bare {
    fn job(&mut self, count: usize) -> Result<(), BoxError> {
        let (mut sent, mut answered) = (0, 0);
        while answered < count {
            while sent < count && sent - answered < self.window {
                self.push.send(&self.payload[..], 0)?;
                sent += 1;
            }
            // Waits for one, and takes what else is there.
            let mut flags = 0;
            while answered < count
                && let Some(message) = self.receive(flags)?
            {
                answered += usize::from(message.len() == self.payload.len());
                flags = DONTWAIT;
            }
        }
        Ok(())
    }

    fn call(&mut self) -> Result<(), BoxError> {
        self.job(1)
    }
}

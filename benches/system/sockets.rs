//! ZeroMQ sockets of the types that the wire of PALM has, over the same hops, at their best settings: no high-water mark, and
//! the client's window instead of a bound that loses. What is done with a message on its way is the system's.

use std::thread;

use zmq::{Context, Error, Message, Socket, SocketType};

use crate::peer::BoxError;
use crate::unbounded::socket;

/// A socket on a port of the system's choice, and its address.
fn bound(context: &Context, kind: SocketType) -> Result<(Socket, String), BoxError> {
    let socket = socket(context, kind)?;
    socket.bind("tcp://127.0.0.1:*")?;
    let address = socket.get_last_endpoint()?.map_err(|_| "the address is not UTF-8")?;
    Ok((socket, address))
}

pub(crate) fn connected(context: &Context, kind: SocketType, address: &str) -> Result<Socket, Error> {
    let socket = socket(context, kind)?;
    socket.connect(address)?;
    Ok(socket)
}

/// What becomes of a message: it, or what is made of it, is sent on.
pub(crate) trait Step: FnMut(Message, &Socket) -> Result<(), BoxError> {}
impl<S: FnMut(Message, &Socket) -> Result<(), BoxError>> Step for S {}

/// For ever. A blocking read takes what is there without a system call, and waits only when nothing is.
fn forward(from: &Socket, to: &Socket, mut step: impl Step) -> Result<(), BoxError> {
    loop {
        step(from.recv_msg(0)?, to)?;
    }
}

pub(crate) fn server(ready: impl FnOnce(&[String]), answer: impl Step) -> Result<(), BoxError> {
    let context = Context::new();
    let (pull, pull_address) = bound(&context, zmq::PULL)?;
    let (publish, pub_address) = bound(&context, zmq::PUB)?;
    ready(&[pull_address, pub_address]);
    forward(&pull, &publish, answer)
}

/// `inward` is for what goes to the workers, `outward` for what comes from them.
pub(crate) fn master(
    ready: impl FnOnce(&[String]),
    inward: impl Step + Send + 'static,
    outward: impl Step,
) -> Result<(), BoxError> {
    let context = Context::new();
    let (pull, pull_address) = bound(&context, zmq::PULL)?;
    let (publish, pub_address) = bound(&context, zmq::PUB)?;
    let (push, push_address) = bound(&context, zmq::PUSH)?;
    let (results, results_address) = bound(&context, zmq::PULL)?;
    ready(&[pull_address, pub_address, push_address, results_address]);
    thread::spawn(move || forward(&pull, &push, inward));
    forward(&results, &publish, outward)
}

pub(crate) fn worker(addresses: &[&str], ready: impl FnOnce(&[String]), answer: impl Step) -> Result<(), BoxError> {
    let [_, _, push_address, results_address] = addresses[..] else { return Err("a master has four addresses".into()) };
    let context = Context::new();
    let pull = connected(&context, zmq::PULL, push_address)?;
    let push = connected(&context, zmq::PUSH, results_address)?;
    ready(&[]);
    forward(&pull, &push, answer)
}

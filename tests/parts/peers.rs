//! Raw ZeroMQ peers.

use std::sync::LazyLock;

use palm::Message;
use palm::wire::Code;

static CONTEXT: LazyLock<zmq::Context> = LazyLock::new(zmq::Context::new);

/// Far beyond what anything takes.
const PATIENCE: i32 = 20_000;

pub(crate) fn socket(kind: zmq::SocketType) -> zmq::Socket {
    let socket = CONTEXT.socket(kind).unwrap();
    socket.set_rcvtimeo(PATIENCE).unwrap();
    socket.set_sndtimeo(PATIENCE).unwrap();
    socket.set_linger(0).unwrap();
    socket
}

pub(crate) fn connected(kind: zmq::SocketType, address: &str) -> zmq::Socket {
    let socket = socket(kind);
    socket.connect(address).unwrap();
    socket
}

/// A socket that binds, and its address.
pub(crate) fn bound(kind: zmq::SocketType) -> (zmq::Socket, String) {
    let socket = socket(kind);
    socket.bind("tcp://127.0.0.1:*").unwrap();
    let address = socket.get_last_endpoint().unwrap().unwrap();
    (socket, address)
}

/// An address where nobody is: it was bound a moment ago.
pub(crate) fn nobody() -> String {
    bound(zmq::REP).1
}

pub(crate) fn message(function: &str, payload: &str) -> Vec<u8> {
    let mut message = Message::new(function, payload.to_owned());
    message.set_client("me");
    message.encode()
}

pub(crate) fn decode(frame: Vec<u8>) -> Message {
    Message::decode(frame.into()).unwrap()
}

pub(crate) fn text(message: &Message) -> String {
    String::from_utf8_lossy(message.payload()).into_owned()
}

/// The code of the error that a message brings.
pub(crate) fn code_of(message: &Message) -> Code {
    message.error().unwrap().code.into()
}

/// The one frame that answers a request.
pub(crate) fn ask_raw(socket: &zmq::Socket, request: &[u8]) -> Vec<u8> {
    socket.send(request, 0).unwrap();
    socket.recv_bytes(0).unwrap()
}

pub(crate) fn ask(socket: &zmq::Socket, function: &str, payload: &str) -> Message {
    decode(ask_raw(socket, &message(function, payload)))
}

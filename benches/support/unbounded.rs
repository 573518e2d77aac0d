//! A socket without a high-water mark, which drops nothing and stops nobody.

use zmq::{Context, Error, Socket, SocketType};

pub(crate) fn socket(context: &Context, kind: SocketType) -> Result<Socket, Error> {
    let socket = context.socket(kind)?;
    socket.set_sndhwm(0)?;
    socket.set_rcvhwm(0)?;
    socket.set_linger(0)?;
    Ok(socket)
}

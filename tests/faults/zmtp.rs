//! A peer that speaks just enough ZMTP to say what libzmq's sockets never would, and to break off at any time.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

/// How long nobody takes anything before a connection counts as blocked.
const BLOCKED: Duration = Duration::from_millis(300);

/// With a time to live of zero, as ours are.
pub(crate) const PING: &[u8] = b"\x04\x07\x04PING\0\0";

pub(crate) const PONG: &[u8] = b"\x04\x05\x04PONG";

/// The first bytes of a connection.
pub(crate) fn greeting() -> Vec<u8> {
    let mut greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL".to_vec();
    greeting.resize(64, 0);
    greeting
}

/// What follows the greeting: the kind of socket.
pub(crate) fn ready(kind: &str) -> Vec<u8> {
    let body = [&b"\x05READY\x0bSocket-Type\0\0\0"[..], &[kind.len() as u8], kind.as_bytes()].concat();
    [&[4, body.len() as u8][..], &body].concat()
}

/// A message of one frame.
pub(crate) fn message(body: &[u8]) -> Vec<u8> {
    [&[2][..], &(body.len() as u64).to_be_bytes(), body].concat()
}

#[derive(Debug)]
pub(crate) struct Peer(TcpStream);

impl Peer {
    /// Returns when the handshake is done. What is not read soon stays with who sent it.
    pub(crate) fn connect(address: &str, kind: &str) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.connect(&address.strip_prefix("tcp://").unwrap().parse::<SocketAddr>().unwrap().into()).unwrap();
        let mut peer = Self(socket.into());
        let greeting = greeting();
        peer.send(&[&greeting[..], &ready(kind)].concat());
        peer.0.read_exact(&mut vec![0; greeting.len()]).unwrap();
        assert_eq!(peer.frame().get(..6), Some(&b"\x05READY"[..]));
        peer
    }

    /// The next frame, a command or a message.
    pub(crate) fn frame(&mut self) -> Vec<u8> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        let [flags, length] = head;
        let length = if flags & 2 == 0 {
            u64::from(length)
        } else {
            let mut rest = [0; 7];
            self.0.read_exact(&mut rest).unwrap();
            rest.iter().fold(u64::from(length), |high, low| high << 8 | u64::from(*low))
        };
        let mut body = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut body).unwrap();
        body
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Sends that without end, and reads nothing, until nobody takes any more.
    pub(crate) fn block(&mut self, bytes: &[u8]) {
        let many = bytes.repeat(1 + 65_536 / bytes.len());
        self.0.set_write_timeout(Some(BLOCKED)).unwrap();
        let refused = loop {
            if let Err(error) = self.0.write_all(&many) {
                break error.kind();
            }
        };
        assert_eq!(refused, ErrorKind::WouldBlock, "the connection was cut, where its input should have been stopped");
    }

    /// What the kernel says for a process that is killed with something unread.
    pub(crate) fn reset(self) {
        SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

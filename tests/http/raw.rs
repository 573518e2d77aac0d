//! HTTP by hand, so that a test can say what no client would.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use palm::Message;

/// Far beyond what any answer takes.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Takes an answer apart that ended with its connection.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {bytes:?}"));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_lowercase(), body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line == header)
    }

    pub(crate) fn message(&self) -> Message {
        Message::decode(self.body.clone().into()).unwrap()
    }
}

/// A connection to `http://host:port`.
pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address.split_once("://").unwrap().1).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// Says something and reads until the connection ends.
pub(crate) fn say(address: &str, what: &[u8]) -> Answer {
    let mut stream = connect(address);
    // Who is told enough may hang up before the end.
    let _ = stream.write_all(what);
    Answer::read(&rest(stream))
}

/// What comes until the connection ends, be it by a reset.
pub(crate) fn rest(mut stream: TcpStream) -> Vec<u8> {
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut some) {
            Ok(0) => return all,
            Ok(count) => all.extend_from_slice(&some[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("nothing came; so far {all:?}"),
            Err(_) => return all,
        }
    }
}

pub(crate) fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub(crate) fn post(address: &str, path: &str, body: &[u8]) -> Answer {
    say(address, &request("POST", path, "", body))
}

pub(crate) fn get(address: &str, path: &str) -> Answer {
    say(address, format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").as_bytes())
}

/// A call as the classic peers make it, and the message that it is answered with.
pub(crate) fn call(address: &str, function: &str, payload: &str) -> Answer {
    post(address, "/", &Message::new(function, payload.to_owned()).encode())
}

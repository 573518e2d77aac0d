//! What bad peers do.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use palm::Message;

/// Rounds of each attack: enough to last through a job, and an end.
const ROUNDS: usize = 300;

/// Numbers that look random.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next().to_le_bytes()[3]).collect()
    }

    /// A message as it should not be: cut short, bent, noise, or nothing.
    pub(crate) fn garbage(&mut self) -> Vec<u8> {
        let mut message = Message::new("server.foo other.foo", self.bytes(100));
        message.set_client("nobody");
        let mut message = message.encode();
        match self.below(5) {
            0 => Vec::new(),
            1 => self.bytes(200),
            2 => {
                message.truncate(self.below(message.len()));
                message
            }
            3 => {
                let at = self.below(message.len());
                message[at] = self.next().to_le_bytes()[0];
                message
            }
            // No field has that number.
            _ => [vec![0xff; 11], self.bytes(20)].concat(),
        }
    }

    fn frames(&mut self) -> Vec<Vec<u8>> {
        (0..2 + self.below(4)).map(|_| self.garbage()).collect()
    }
}

/// Attacks that run until they are called off, at most so many rounds each.
pub(crate) struct Attack {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

impl Attack {
    pub(crate) fn new() -> Self {
        Self { over: Arc::default(), threads: Vec::new() }
    }

    /// `round` does its worst and says how much of it was certainly no message.
    fn start(&mut self, mut round: impl FnMut() -> u64 + Send + 'static) {
        let over = self.over.clone();
        self.threads.push(thread::spawn(move || {
            let mut bad = 0;
            for _ in 0..ROUNDS {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                bad += round();
                thread::sleep(Duration::from_millis(1));
            }
            bad
        }));
    }

    /// Messages over a socket of that kind: of one frame, of none in it, of several.
    pub(crate) fn messages(&mut self, kind: zmq::SocketType, address: &str) {
        let context = zmq::Context::new();
        let socket = context.socket(kind).unwrap();
        socket.set_linger(5_000).unwrap();
        socket.set_sndtimeo(5_000).unwrap();
        socket.connect(address).unwrap();
        let mut noise = Noise(address.bytes().fold(7, |sum: u64, byte| sum.rotate_left(7) ^ u64::from(byte)));
        let prefix: &[&[u8]] = if kind == zmq::DEALER { &[b""] } else { &[] };
        self.start(move || {
            let one = noise.garbage();
            let several = noise.frames();
            let bad = u64::from(Message::decode(one.clone().into()).is_err()) + 1;
            // A REQ peer sets an empty frame before its request; a rude one does not.
            let frames = prefix.iter().map(|frame| frame.to_vec()).filter(|_| noise.below(2) == 0);
            socket.send_multipart(frames.chain([one]).collect::<Vec<_>>(), 0).unwrap();
            socket.send_multipart(several, 0).unwrap();
            while socket.get_events().unwrap().contains(zmq::POLLIN) {
                socket.recv_multipart(0).unwrap();
            }
            bad
        });
    }

    /// A peer of a kind that does not belong there: the handshake fails, again and again.
    pub(crate) fn stranger(&mut self, kind: zmq::SocketType, address: &str) {
        let context = zmq::Context::new();
        let address = address.to_owned();
        self.start(move || {
            let socket = context.socket(kind).unwrap();
            socket.set_linger(0).unwrap();
            socket.connect(&address).unwrap();
            let _ = socket.send("hello", zmq::DONTWAIT);
            0
        });
    }

    /// Bytes over TCP: noise, half a greeting, a whole one with noise behind it, a frame that announces too much.
    pub(crate) fn bytes(&mut self, address: &str) {
        let address = address.strip_prefix("tcp://").unwrap().to_owned();
        let mut noise = Noise(address.bytes().fold(11, |sum: u64, byte| sum.rotate_left(9) ^ u64::from(byte)));
        let mut kept = Vec::new();
        self.start(move || {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
            greeting.extend_from_slice(b"NULL");
            greeting.resize(64, 0);
            let ready = b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH";
            let bytes = match noise.below(6) {
                0 => noise.bytes(300),
                1 => greeting[..noise.below(64)].to_vec(),
                2 => [greeting, noise.bytes(100)].concat(),
                3 => [&greeting[..], ready, &noise.bytes(100)].concat(),
                // Eight exabytes follow.
                4 => [&greeting[..], ready, &[2, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], b"x"].concat(),
                _ => b"GET / HTTP/1.1\r\nHost: here\r\n\r\n".to_vec(),
            };
            let _ = stream.write_all(&bytes);
            if noise.below(3) == 0 {
                let _ = stream.read(&mut [0; 64]);
            }
            // Some stay, and say nothing more.
            kept.push(stream);
            if kept.len() > 20 {
                kept.clear();
            }
            0
        });
    }

    /// Calls the attacks off, and says how many of the messages were certainly none.
    pub(crate) fn end(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    }
}

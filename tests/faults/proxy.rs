//! A TCP proxy that does to connections what networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(1);
const NEVER: u64 = u64::MAX;

/// What is done to one direction of each connection; can be changed while it runs.
#[derive(Debug)]
pub(crate) struct Way {
    /// Nothing passes while it is set; nothing is lost either.
    pub(crate) stalled: AtomicBool,
    /// What comes is thrown away.
    pub(crate) dropped: AtomicBool,
    /// Most bytes in one write.
    pub(crate) piece: AtomicU64,
    /// A write ends at this byte of the connection, and the next begins.
    pub(crate) split: AtomicU64,
    /// This byte of the connection is changed.
    pub(crate) corrupt: AtomicU64,
    pub(crate) delay_us: AtomicU64,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            stalled: AtomicBool::new(false),
            dropped: AtomicBool::new(false),
            piece: AtomicU64::new(NEVER),
            split: AtomicU64::new(NEVER),
            corrupt: AtomicU64::new(NEVER),
            delay_us: AtomicU64::new(0),
        }
    }
}

#[derive(Debug, Default)]
struct Inner {
    forth: Way,
    back: Way,
    connections: Mutex<Vec<(TcpStream, TcpStream)>>,
    closed: AtomicBool,
}

/// Stands before an address; dropping it ends its connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: String,
    inner: Arc<Inner>,
}

impl Proxy {
    /// `target` is `tcp://host:port`, as what peers are told to connect to.
    pub(crate) fn before(target: &str) -> Self {
        let target = target.strip_prefix("tcp://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner::default());
        let shared = inner.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.closed.load(SeqCst) {
                    break;
                }
                let Ok(server) = TcpStream::connect(&target) else { continue };
                for stream in [&client, &server] {
                    stream.set_nodelay(true).unwrap();
                }
                let pair = (client.try_clone().unwrap(), server.try_clone().unwrap());
                shared.connections.lock().unwrap().push(pair);
                let (from, to, inner) = (client.try_clone().unwrap(), server.try_clone().unwrap(), shared.clone());
                thread::spawn(move || pump(from, to, &inner, |inner| &inner.forth));
                let inner = shared.clone();
                thread::spawn(move || pump(server, client, &inner, |inner| &inner.back));
            }
        });
        Self { address, inner }
    }

    /// From who connects to whom it connects to.
    pub(crate) fn forth(&self) -> &Way {
        &self.inner.forth
    }

    pub(crate) fn back(&self) -> &Way {
        &self.inner.back
    }

    pub(crate) fn both(&self, set: impl Fn(&Way)) {
        set(self.forth());
        set(self.back());
    }

    /// Ends every connection with a reset, both ways; how many there were.
    pub(crate) fn reset(&self) -> usize {
        Self::cut(std::mem::take(&mut *self.inner.connections.lock().unwrap()))
    }

    /// Ends one connection that way, the one of that number in turn.
    pub(crate) fn reset_one(&self, number: u64) {
        let mut connections = self.inner.connections.lock().unwrap();
        // Those that their peers have ended meanwhile are no fault.
        connections.retain(|(client, server)| client.peer_addr().is_ok() && server.peer_addr().is_ok());
        if !connections.is_empty() {
            let place = usize::try_from(number).unwrap() % connections.len();
            let one = connections.swap_remove(place);
            drop(connections);
            Self::cut(vec![one]);
        }
    }

    fn cut(connections: Vec<(TcpStream, TcpStream)>) -> usize {
        for (client, server) in &connections {
            for stream in [client, server] {
                // Closing then sends RST in place of FIN. The pumps hold clones, so the shutdown ends those.
                let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        connections.len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.inner.closed.store(true, SeqCst);
        self.reset();
        let _ = TcpStream::connect(self.address.strip_prefix("tcp://").unwrap());
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, inner: &Inner, way: fn(&Inner) -> &Way) {
    let way = way(inner);
    let mut buffer = vec![0; 256 << 10];
    let mut passed = 0_u64;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        let delay = way.delay_us.load(SeqCst);
        if delay > 0 {
            thread::sleep(Duration::from_micros(delay));
        }
        while way.stalled.load(SeqCst) && !inner.closed.load(SeqCst) {
            thread::sleep(TICK);
        }
        if way.dropped.load(SeqCst) {
            continue;
        }
        let bytes = &mut buffer[..count];
        let place = way.corrupt.load(SeqCst).wrapping_sub(passed);
        if let Some(byte) = usize::try_from(place).ok().and_then(|place| bytes.get_mut(place)) {
            *byte ^= 0x55;
        }
        let cut = way.split.load(SeqCst).wrapping_sub(passed);
        let cut = usize::try_from(cut).unwrap_or(usize::MAX).min(count);
        let piece = usize::try_from(way.piece.load(SeqCst)).unwrap_or(usize::MAX);
        let (first, second) = bytes.split_at(cut);
        for (part, pause) in [(first, cut < count), (second, false)] {
            for piece in part.chunks(piece.min(part.len().max(1))) {
                if to.write_all(piece).is_err() {
                    let _ = from.shutdown(Shutdown::Both);
                    return;
                }
            }
            if pause {
                // So that the second half is read by itself.
                thread::sleep(TICK);
            }
        }
        passed += count as u64;
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// Each fault of the proxy, against an echo.
pub(crate) fn the_proxy_does_what_it_says() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::before(&format!("tcp://{}", listener.local_addr().unwrap()));
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut byte = [0; 64];
                while let Ok(count @ 1..) = stream.read(&mut byte) {
                    let _ = stream.write_all(&byte[..count]);
                }
            });
        }
    });
    let connect = || TcpStream::connect(proxy.address.strip_prefix("tcp://").unwrap()).unwrap();
    let echo = |stream: &mut TcpStream, text: &[u8]| {
        stream.write_all(text)?;
        let mut back = vec![0; text.len()];
        stream.read_exact(&mut back).map(|()| back)
    };
    let mut stream = connect();
    assert_eq!(echo(&mut stream, b"plain").unwrap(), b"plain");
    proxy.both(|way| way.piece.store(1, SeqCst));
    assert_eq!(echo(&mut stream, b"in pieces").unwrap(), b"in pieces");
    proxy.forth().corrupt.store(1, SeqCst);
    assert_eq!(echo(&mut connect(), b"abc").unwrap(), [b'a', b'b' ^ 0x55, b'c']);
    proxy.forth().corrupt.store(NEVER, SeqCst);
    proxy.back().dropped.store(true, SeqCst);
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(echo(&mut stream, b"away").is_err());
    proxy.back().dropped.store(false, SeqCst);
    assert!(proxy.reset() >= 1);
    assert!(echo(&mut stream, b"reset").is_err());
}

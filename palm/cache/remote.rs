//! The cache of another component.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::features;
use crate::socket::{Context, Ready, Received, Sent, Socket, SocketKind};
use crate::wire::Message;

/// How soon an interrupt ends a wait.
const SLICE: Duration = Duration::from_millis(100);

/// How long a refused `set` asks for the reason: it has its answer already.
const WHY: Duration = Duration::from_secs(1);

/// How long a call waits for its answer by default.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A request may be lost with the component that had taken it: who waits without limit asks again this often.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// How often a wait without limit says so.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// Asks the cache service at an address, one request at a time.
pub(crate) struct RemoteCache {
    context: Context,
    server: Box<str>,
    address: Box<str>,
    /// Whose requests these are.
    asker: Box<str>,
    timeout: Option<Duration>,
    /// Given up after a time-out: an answer that comes late finds no socket, and is never taken for another.
    socket: Mutex<Option<Socket>>,
    interrupted: AtomicBool,
}

impl RemoteCache {
    /// The cache of the component called `server`. Nothing is opened before the first request.
    pub(crate) fn new(context: &Context, server: &str, address: &str, asker: &str) -> Self {
        Self {
            context: context.clone(),
            server: server.into(),
            address: address.into(),
            asker: asker.into(),
            timeout: Some(TIMEOUT),
            socket: Mutex::new(None),
            interrupted: AtomicBool::new(false),
        }
    }

    /// How long each call waits for its answer; 60 s by default, `None` for no limit.
    pub(crate) fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The value of a key; a missing one and an empty one look the same over the wire.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Bytes>> {
        self.get_within(key, self.timeout)
    }

    /// As `get`, with a time limit of its own.
    pub(crate) fn get_within(&self, key: &str, limit: Option<Duration>) -> Result<Option<Bytes>> {
        let request = self.request("get", "", key.as_bytes());
        let answer = match limit {
            Some(limit) => self.ask(request, limit)?,
            None => self.ask_patiently(request)?,
        };
        Ok(Some(answer).filter(|value| !value.is_empty()))
    }

    /// Sets a key, or one that the service makes up if it is empty; gives the key.
    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<String> {
        let answer = self.call("set", key, value)?;
        match std::str::from_utf8(&answer) {
            Ok(key) if !key.is_empty() => Ok(key.to_owned()),
            _ => {
                let why = self.why_refused(key);
                let reason = format!("{why} (`{}` at {})", self.server, self.address);
                Err(Error::Cache { key: key.to_owned(), reason })
            }
        }
    }

    /// The service answers a refusal with nothing: what the key is tells why.
    fn why_refused(&self, key: &str) -> &'static str {
        let published = key == "name" || key.ends_with("_address");
        match self.get_within(key, Some(WHY)) {
            _ if key.starts_with(features::RESERVED) => "it is read-only",
            Ok(Some(_)) if published => "it is read-only",
            Ok(Some(_)) => "it is read-only, or the store is full",
            _ => "the store does not take it, and may be full",
        }
    }

    /// Removes a key; `false` if there was none, or it may not be removed.
    pub(crate) fn delete(&self, key: &str) -> Result<bool> {
        Ok(!self.call("delete", "", key.as_bytes())?.is_empty())
    }

    /// Ends the waits that are under way, and every later one, with `Error::Stopped`; within 100 ms.
    pub(crate) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    fn call(&self, action: &str, key: &str, payload: &[u8]) -> Result<Bytes> {
        let request = self.request(action, key, payload);
        match self.timeout {
            Some(limit) => self.ask(request, limit),
            None => self.ask_patiently(request),
        }
    }

    fn request(&self, action: &str, key: &str, payload: &[u8]) -> Message {
        let function = format!("{}.{action}", self.server);
        let mut message = Message::of_stream("", &self.asker, &function, Bytes::copy_from_slice(payload));
        message.set_cache(key);
        message
    }

    /// Asks until there is an answer, and says every 10 s what is being waited for.
    fn ask_patiently(&self, request: Message) -> Result<Bytes> {
        let mut warned = Instant::now();
        loop {
            match self.ask(request.clone(), ASK_AGAIN) {
                Err(Error::TimedOut { .. }) => {}
                done => return done,
            }
            if warned.elapsed() >= WARN_EVERY {
                warned = Instant::now();
                tracing::warn!("waiting for `{}` at {}", self.server, self.address);
            }
        }
    }

    fn ask(&self, request: Message, limit: Duration) -> Result<Bytes> {
        let start = Instant::now();
        let mut kept = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let mut socket = match kept.take() {
            Some(socket) => socket,
            None => self.open()?,
        };
        let body = request.encode();
        while socket.send(None, true, body.clone()) != Sent::Done {
            self.pause(&socket, Ready::Write, &request, start, limit)?;
        }
        loop {
            match socket.receive(|_| false) {
                Received::Message(incoming) => {
                    *kept = Some(socket);
                    return Ok(incoming.body);
                }
                Received::Malformed(_) => {}
                Received::Empty => self.pause(&socket, Ready::Read, &request, start, limit)?,
            }
        }
    }

    fn open(&self) -> Result<Socket> {
        let socket = Socket::new(&self.context, SocketKind::Dealer)?;
        socket.set_linger(Duration::ZERO);
        socket.connect(&self.address).map_err(|source| Error::Address {
            component: self.server.to_string(),
            part: "db_address".to_owned(),
            address: self.address.to_string(),
            source,
        })?;
        Ok(socket)
    }

    fn pause(&self, socket: &Socket, event: Ready, request: &Message, start: Instant, limit: Duration) -> Result<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Error::Stopped { component: self.asker.to_string() });
        }
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(Error::TimedOut {
                server: self.server.to_string(),
                function: request.function().to_owned(),
                address: self.address.to_string(),
                waited: limit,
            });
        }
        socket.wait_alone(event, left.min(SLICE));
        Ok(())
    }
}

impl fmt::Debug for RemoteCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteCache")
            .field("server", &self.server)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;
    use crate::cache::{MemoryCache, ReadOnly, answer};
    use crate::socket::Incoming;

    fn service(context: &Context, address: &str) -> Socket {
        let socket = Socket::new(context, SocketKind::Router).expect("socket");
        socket.bind(address).expect("bind");
        socket
    }

    fn serve(socket: &mut Socket, cache: &MemoryCache, requests: usize) {
        for _ in 0..requests {
            let incoming = next(socket);
            assert!(incoming.delimited);
            let read_only: ReadOnly = ["name"].into_iter().collect();
            let answer = answer(cache, &read_only, &|_, _| None, incoming.body.clone()).unwrap_or_default();
            let to = incoming.sender();
            assert_eq!(socket.reply(&to, answer), Sent::Done);
        }
    }

    fn next(socket: &mut Socket) -> Incoming {
        loop {
            match socket.receive(|_| false) {
                Received::Message(incoming) => return incoming,
                _ => socket.wait_alone(Ready::Read, Duration::from_secs(5)),
            }
        }
    }

    #[test]
    fn each_request_gets_its_answer() -> Result<()> {
        let context = Context::new();
        let mut socket = service(&context, "inproc://cache");
        let server = thread::spawn(move || serve(&mut socket, &MemoryCache::new(), 7));
        let cache = RemoteCache::new(&context, "server", "inproc://cache", "me");
        assert_eq!(cache.set("key", b"value")?, "key");
        assert_eq!(cache.get("key")?.as_deref(), Some(&b"value"[..]));
        assert!(cache.delete("key")?);
        assert!(!cache.delete("key")?);
        assert_eq!(cache.get_within("key", None)?, None);
        assert!(matches!(cache.set("name", b"x"), Err(Error::Cache { key, .. }) if key == "name"));
        server.join().expect("server");
        Ok(())
    }

    #[test]
    fn a_late_answer_is_never_taken_for_another() -> Result<()> {
        let context = Context::new();
        let mut socket = service(&context, "inproc://late");
        let cache =
            RemoteCache::new(&context, "server", "inproc://late", "me").timeout(Some(Duration::from_millis(30)));
        assert!(matches!(cache.get("first"), Err(Error::TimedOut { function, .. }) if function == "server.get"));
        let asking = thread::spawn(move || cache.get_within("second", Some(Duration::from_secs(10))));
        for answer in ["to the first", "to the second"] {
            let incoming = next(&mut socket);
            let _ = socket.reply(&incoming.sender(), answer.as_bytes().to_vec());
        }
        assert_eq!(asking.join().expect("thread")?.as_deref(), Some(&b"to the second"[..]));
        Ok(())
    }

    #[test]
    fn an_interrupt_ends_a_wait_without_limit() {
        let context = Context::new();
        let cache = Arc::new(RemoteCache::new(&context, "server", "inproc://nobody", "me"));
        let waiting = thread::spawn({
            let cache = cache.clone();
            move || cache.get_within("key", None)
        });
        cache.interrupt();
        assert!(matches!(waiting.join().expect("thread"), Err(Error::Stopped { component }) if component == "me"));
    }
}

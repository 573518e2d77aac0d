//! How a client finds its server and knows that it will hear the answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use uuid::Uuid;

use super::builder::ClientBuilder;
use super::ends::Ends;
use super::handle::{Client, Shared};
use crate::cache::RemoteCache;
use crate::error::{BoxError, Error, Result};
use crate::features;
use crate::socket::{Context, Interest, PeerEvent, Received, Socket, SocketKind, Wakeup, wait};

/// Publishers of this library answer the subscription to this topic. It is sent after that to the client's own, so the
/// answer proves that both have arrived. The address of a link has the same key.
const LINK: &str = features::TOPIC;

/// What a server of this library says of itself; a classic one has no such key.
const FEATURES: &str = features::KEY;

/// Silence that makes a publisher a classic one, counted from the end of its handshake.
const CLASSIC: Duration = Duration::from_millis(500);

const WARN_EVERY: Duration = Duration::from_secs(10);

/// Answers of a classic server that are kept until they are read: its publisher drops what is more.
const CLASSIC_RECEIVE_LIMIT: i32 = 20_000;

pub(super) fn connect(builder: ClientBuilder) -> Result<Client> {
    let id = builder.client_id.unwrap_or_else(|| Uuid::new_v4().to_string());
    let pipeline = builder.session.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let context = builder.context.unwrap_or_default();
    let cache = RemoteCache::new(&context, &builder.server, &builder.db_address, &id).timeout(builder.timeout);
    let server = Server { cache: &cache, limit: Limit::new(builder.connect_timeout) };

    let config = match builder.config {
        Some(config) => config,
        None => server.config()?,
    };
    server.check_name(&config)?;

    let mut ends = Ends::new(&context, &id, &pipeline)?;
    ends.core.resubmits = builder.resubmits;
    let here = builder.sub_address.is_none();
    let linked = !builder.classic
        && builder.push_address.is_none()
        && match server.link(&config)? {
            Some(address) => ends.link_to_submit(&address, here, server.limit.left()),
            None => false,
        };
    if !linked {
        let address = builder.push_address.map_or_else(|| server.address(&config, "pull_address"), Ok)?;
        ends.push(&address).map_err(|source| server.refused("push_address", &address, source))?;
    }
    if !linked || !here {
        let address = builder.sub_address.map_or_else(|| server.address(&config, "pub_address"), Ok)?;
        let mut socket = Socket::new(&context, SocketKind::Sub)?;
        if !config.contains_key(FEATURES) {
            socket.set_receive_limit(CLASSIC_RECEIVE_LIMIT);
        }
        let link = server.subscribe(&mut socket, &context, ends.wakeup(), &id, &address)?;
        let replaced = linked && link.is_some_and(|address| ends.link_for_results(&address, server.limit.left()));
        if !replaced {
            ends.subscribe(socket);
        }
    }
    let connection = ends.finish()?;
    Ok(Client {
        shared: Arc::new(Shared {
            server: builder.server,
            id,
            pipeline,
            session: builder.session,
            timeout: builder.timeout,
            connection,
            cache,
        }),
        deadline: None,
    })
}

/// How long connecting may take.
struct Limit {
    start: Instant,
    total: Option<Duration>,
}

impl Limit {
    fn new(total: Option<Duration>) -> Self {
        Self { start: Instant::now(), total }
    }

    fn left(&self) -> Option<Duration> {
        self.total.map(|total| total.saturating_sub(self.start.elapsed()))
    }
}

/// The component that is connected to, as far as it is known.
struct Server<'a> {
    cache: &'a RemoteCache,
    limit: Limit,
}

impl Server<'_> {
    fn config(&self) -> Result<HashMap<String, Bytes>> {
        let name = self.ask("name")?.unwrap_or_default();
        let mut config = HashMap::from([("name".to_owned(), name)]);
        self.check_name(&config)?;
        for key in ["pull_address", "pub_address", FEATURES] {
            if let Some(value) = self.ask(key)? {
                config.insert(key.to_owned(), value);
            }
        }
        match config.get(FEATURES) {
            Some(features) => tracing::debug!(
                server = self.cache.server(),
                features = %String::from_utf8_lossy(features),
                "found a server of this library"
            ),
            None => tracing::debug!(server = self.cache.server(), "found a classic server"),
        }
        Ok(config)
    }

    fn ask(&self, key: &str) -> Result<Option<Bytes>> {
        self.cache.get_within(key, self.limit.left()).map_err(|error| match error {
            Error::TimedOut { .. } => self.not_reached(self.cache.address()),
            other => other,
        })
    }

    /// Where the component is linked, if it is. One that has not said what it can do is not asked: a classic one would log it.
    fn link(&self, config: &HashMap<String, Bytes>) -> Result<Option<String>> {
        let value = match config.get(LINK) {
            Some(value) => Some(value.clone()),
            None if config.contains_key(FEATURES) => self.ask(LINK)?,
            None => None,
        };
        let address = value.as_deref().and_then(|value| std::str::from_utf8(value).ok());
        Ok(address.map(|address| reachable(address, self.cache.address())))
    }

    fn check_name(&self, config: &HashMap<String, Bytes>) -> Result<()> {
        match config.get("name") {
            Some(name) if name != self.cache.server().as_bytes() => Err(Error::WrongName {
                server: self.cache.server().to_owned(),
                found: String::from_utf8_lossy(name).into_owned(),
                address: self.cache.address().to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn address(&self, config: &HashMap<String, Bytes>, key: &str) -> Result<String> {
        let value = match config.get(key) {
            Some(value) => Some(value.clone()),
            None => self.ask(key)?,
        };
        let value = value.ok_or_else(|| {
            let reason = format!("its cache has no `{key}`; is it a component that clients send to?");
            self.refused(key, self.cache.address(), reason.into())
        })?;
        let address = std::str::from_utf8(&value)
            .map_err(|error| self.refused(key, &String::from_utf8_lossy(&value), error.into()))?;
        Ok(reachable(address, self.cache.address()))
    }

    /// Makes `socket` one on which every answer to the client `id` arrives. Where the publisher is linked, if it says so.
    fn subscribe(
        &self,
        socket: &mut Socket,
        context: &Context,
        wakeup: &Wakeup,
        id: &str,
        address: &str,
    ) -> Result<Option<String>> {
        let refused = |source| self.refused("sub_address", address, source);
        socket.watch_peers(context)?;
        socket.subscribe(id.as_bytes()).map_err(refused)?;
        socket.connect(address).map_err(refused)?;
        let mut joined = None;
        let mut warned = Instant::now();
        loop {
            if let Some(features) = hears_link(socket) {
                return Ok(features::link_of(&features).map(|link| reachable(&link, address)));
            }
            // In one process there is no handshake to be seen.
            if joined.is_none()
                && (address.starts_with("inproc://") || socket.peer_events().contains(&PeerEvent::Joined))
            {
                // Only now: what is subscribed before a connection stands is sent in alphabetical order.
                socket.subscribe(LINK.as_bytes()).map_err(refused)?;
                joined = Some(Instant::now());
            }
            let left = match joined {
                Some(joined) => Some(CLASSIC.saturating_sub(joined.elapsed())),
                None => self.limit.left(),
            };
            match left {
                Some(Duration::ZERO) if joined.is_some() => {
                    tracing::debug!(address, "taken for a classic publisher");
                    return Ok(None);
                }
                Some(Duration::ZERO) => return Err(self.not_reached(address)),
                _ => {}
            }
            if warned.elapsed() >= WARN_EVERY {
                warned = Instant::now();
                tracing::warn!("waiting for the publisher of `{}` at {address}", self.cache.server());
            }
            let interest = Interest { socket, read: true, write: false };
            wait(&[interest], wakeup, Some(left.unwrap_or(WARN_EVERY).min(WARN_EVERY)));
        }
    }

    fn not_reached(&self, address: &str) -> Error {
        Error::NotReached {
            server: self.cache.server().to_owned(),
            address: address.to_owned(),
            waited: self.limit.total.unwrap_or_else(|| self.limit.start.elapsed()),
        }
    }

    fn refused(&self, part: &str, address: &str, source: BoxError) -> Error {
        Error::Address {
            component: self.cache.server().to_owned(),
            part: part.to_owned(),
            address: address.to_owned(),
            source,
        }
    }
}

/// Reads up to the publisher's answer; nothing else can be there, as nothing was sent yet.
fn hears_link(socket: &mut Socket) -> Option<Bytes> {
    loop {
        match socket.receive(|_| false) {
            Received::Message(incoming) if *incoming.head == *LINK.as_bytes() => return Some(incoming.body),
            Received::Message(_) | Received::Malformed(_) => {}
            Received::Empty => return None,
        }
    }
}

/// An address to connect to: one bound on every interface is reached on the host that its cache was reached on.
fn reachable(address: &str, db_address: &str) -> String {
    let host = |address: &str| {
        let (host, port) = address.strip_prefix("tcp://")?.rsplit_once(':')?;
        Some((host.to_owned(), port.to_owned()))
    };
    match (host(address), host(db_address)) {
        (Some((any, port)), Some((host, _))) if matches!(&*any, "*" | "0.0.0.0" | "[::]") => {
            format!("tcp://{host}:{port}")
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::cache::{Cache, MemoryCache, ReadOnly, answer};
    use crate::wire::Message;

    #[test]
    fn an_address_on_every_interface_is_reached_where_the_cache_is() {
        let db_address = "tcp://10.0.0.7:5555";
        for (published, reached) in [
            ("tcp://*:5556", "tcp://10.0.0.7:5556"),
            ("tcp://0.0.0.0:5556", "tcp://10.0.0.7:5556"),
            ("tcp://[::]:5556", "tcp://10.0.0.7:5556"),
            ("tcp://127.0.0.1:5556", "tcp://127.0.0.1:5556"),
            ("inproc://pull", "inproc://pull"),
        ] {
            assert_eq!(reachable(published, db_address), reached);
        }
        assert_eq!(reachable("tcp://*:5556", "inproc://cache"), "tcp://*:5556");
    }

    /// A server in this process, until its cache is asked for `stop`.
    fn serve(context: &Context, has_link: bool) -> thread::JoinHandle<()> {
        let bind = |kind, address| {
            let socket = Socket::new(context, kind).expect("socket");
            socket.bind(address).expect("bind");
            socket
        };
        let mut requests = bind(SocketKind::Router, "inproc://db");
        let mut pull = bind(SocketKind::Pull, "inproc://pull");
        let mut publisher = bind(SocketKind::Pub, "inproc://pub");
        let cache = MemoryCache::new();
        for (key, value) in [("name", "server"), ("pull_address", "inproc://pull"), ("pub_address", "inproc://pub")] {
            cache.set(key, Bytes::from_static(value.as_bytes())).expect("fits");
        }
        let (_waker, wakeup) = Wakeup::pair(context).expect("wakeup");
        thread::spawn(move || {
            loop {
                let interests =
                    [&requests, &pull, &publisher].map(|socket| Interest { socket, read: true, write: false });
                wait(&interests, &wakeup, None);
                while let Received::Message(request) = requests.receive(|_| false) {
                    if request.body.ends_with(b"stop") {
                        return;
                    }
                    let answer = answer(&cache, &ReadOnly::default(), &|_, _| None, request.body);
                    requests.send(Some(&request.head), true, answer.expect("a message"));
                }
                while let Received::Message(subscription) = publisher.receive(|_| false) {
                    if has_link && subscription.body.ends_with(LINK.as_bytes()) {
                        publisher.send(Some(LINK.as_bytes()), false, b"{}".to_vec());
                    }
                }
                while let Received::Message(incoming) = pull.receive(|_| false) {
                    let message = Message::decode(incoming.body).expect("message");
                    publisher.send(Some(message.client().as_bytes()), false, message.encode());
                }
            }
        })
    }

    #[test]
    fn within_one_process_the_subscription_is_confirmed_too() -> Result<()> {
        for (has_link, least) in [(true, Duration::ZERO), (false, CLASSIC)] {
            let context = Context::new();
            let server = serve(&context, has_link);
            let start = Instant::now();
            let client = Client::builder("server", "inproc://db").context(&context).connect()?;
            assert!((least..least + CLASSIC).contains(&start.elapsed()), "{:?}", start.elapsed());
            assert_eq!(client.eval("server.echo", "a message")?, "a message");
            let stop = RemoteCache::new(&context, "server", "inproc://db", "me");
            assert!(stop.get_within("stop", Some(Duration::from_millis(100))).is_err());
            server.join().expect("server");
        }
        Ok(())
    }

    #[test]
    fn the_thread_that_serves_futures_ends_with_the_client() -> Result<()> {
        let context = Context::new();
        let server = serve(&context, true);
        let client = Client::builder("server", "inproc://db").context(&context).connect()?;
        let call = client.eval_async("server.echo", "a message");
        let link = Arc::downgrade(&client.shared.connection);
        drop(client);
        assert_eq!(futures::executor::block_on(call)?, "a message");
        let start = Instant::now();
        while link.strong_count() > 0 {
            assert!(start.elapsed() < Duration::from_secs(5), "the sockets are still open");
            thread::sleep(Duration::from_millis(1));
        }
        let stop = RemoteCache::new(&context, "server", "inproc://db", "me");
        assert!(stop.get_within("stop", Some(Duration::from_millis(100))).is_err());
        server.join().expect("server");
        Ok(())
    }
}

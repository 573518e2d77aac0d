use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::builder::ClientBuilder;
use super::functions::IntoFunctions;
use super::job::Job;
use super::link::{Call, Link};
use super::outgoing::Outgoing;
use super::payload::IntoPayload;
use super::reply::Reply;
use crate::cache::RemoteCache;
use crate::error::{Error, Result};
use crate::part::Address;
use crate::wire::Message;

/// A client of one server, master, hub or pipeline.
///
/// Its sockets are opened once. It may be shared by threads, behind a reference or as clones, which are cheap and the same
/// client: each call gets its own answers, whatever their order. It has no thread of its own.
///
/// A call gives up, with [`Error::TimedOut`], when nothing of it has arrived for 60 s, or what
/// [`timeout`](ClientBuilder::timeout) says. If a server that is not of this library loses an answer, that is how it shows.
///
/// When the last clone is dropped, and no job is left, its sockets are closed; what was not yet handed over is tried for
/// another second.
///
/// ```
/// # struct MyServer;
/// # #[palm::server]
/// # impl MyServer {
/// #     fn foo(&mut self, message: &[u8]) -> Vec<u8> { [b"you sent me ", message].concat() }
/// # }
/// # let server = palm::Server::new("my_server", MyServer).start()?;
/// # let db_address = server.address("db_address")?;
/// let client = palm::Client::connect("my_server", db_address)?;
/// let reply = client.eval("my_server.foo", b"a message")?;
/// assert_eq!(reply, "you sent me a message");
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    pub(super) shared: Arc<Shared>,
}

/// What the clones of a client have in common.
pub(super) struct Shared {
    pub(super) server: String,
    pub(super) id: String,
    /// Identifier of its streams.
    pub(super) pipeline: String,
    /// Put before the keys that are set, if the user gave one.
    pub(super) session: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) link: Arc<Link>,
    pub(super) cache: RemoteCache,
}

impl Shared {
    pub(super) fn timed_out(&self, function: &str, waited: Duration) -> Error {
        Error::TimedOut {
            server: self.server.clone(),
            function: function.to_owned(),
            address: self.cache.address().to_owned(),
            waited,
        }
    }

    fn until(&self) -> Option<Instant> {
        // A time-out beyond the clock's range is none.
        self.timeout.and_then(|timeout| Instant::now().checked_add(timeout))
    }
}

impl Client {
    /// Connects to the component called `server` by the address of its cache service.
    ///
    /// # Errors
    /// [`Error::NotReached`] if it does not answer within 10 s, [`Error::WrongName`] if another component does.
    pub fn connect(server: impl Into<String>, db_address: impl Into<Address>) -> Result<Self> {
        Self::builder(server, db_address).connect()
    }

    /// A client whose addresses, session and time-outs can be set before it connects.
    pub fn builder(server: impl Into<String>, db_address: impl Into<Address>) -> ClientBuilder {
        ClientBuilder::new(server.into(), db_address.into().to_string())
    }

    /// Name of the component that it is connected to.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.shared.server
    }

    /// The client's own identifier, which is the topic of its answers.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// Identifier of its streams: the session, or a UUID.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.shared.pipeline
    }

    /// Sends one message and waits for its first result.
    ///
    /// `functions` is one function, or one for each stage: `["my_server.foo", "my_pipeline.foo"]`.
    ///
    /// # Errors
    /// [`Error::Remote`] if a component answers with an error, [`Error::TimedOut`] if nothing arrives in time.
    pub fn eval(&self, functions: impl IntoFunctions, payload: impl IntoPayload) -> Result<Reply> {
        let function = functions.into_functions();
        let mut first = None;
        self.call(&function, payload, 1, |message| {
            first = Some(Reply::of(&message)?);
            Ok(())
        })?;
        first.ok_or(Error::NoResult { function })
    }

    /// Sends one message and waits for `messages` results of it, in order of arrival.
    ///
    /// # Errors
    /// As [`eval`](Self::eval); the first error ends the call.
    pub fn eval_all(
        &self,
        functions: impl IntoFunctions,
        payload: impl IntoPayload,
        messages: usize,
    ) -> Result<Vec<Reply>> {
        let mut replies = Vec::new();
        self.call(&functions.into_functions(), payload, messages, |message| {
            replies.push(Reply::of(&message)?);
            Ok(())
        })?;
        Ok(replies)
    }

    /// Sends a stream of messages, and gives their results as an iterator.
    ///
    /// ```
    /// # struct MyServer;
    /// # #[palm::server]
    /// # impl MyServer {
    /// #     fn foo(&mut self, message: &[u8]) -> Vec<u8> { [b"you sent me ", message].concat() }
    /// # }
    /// # let server = palm::Server::new("my_server", MyServer).start()?;
    /// # let db_address = server.address("db_address")?;
    /// # let client = palm::Client::connect("my_server", db_address)?;
    /// let messages = (0..10).map(|number| format!("message {number}"));
    /// for reply in client.job("my_server.foo", messages).messages(10) {
    ///     println!("{:?}", reply?);
    /// }
    /// # Ok::<(), palm::Error>(())
    /// ```
    pub fn job<S>(&self, functions: impl IntoFunctions, source: S) -> Job
    where
        S: IntoIterator<Item: IntoPayload, IntoIter: Send + 'static>,
    {
        let mut source = source.into_iter();
        let source = Box::new(move |outgoing: &mut Outgoing, id: &[u8; 16]| {
            let item = source.next()?;
            Some(item.into_payload().map(|payload| {
                outgoing.frame(payload.as_ref(), id);
            }))
        });
        Job::new(self.shared.clone(), functions.into_functions(), source)
    }

    /// The value of a key in the server's cache; `None` if there is none, or an empty one.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if the cache does not answer.
    pub fn get(&self, key: &str) -> Result<Option<Reply>> {
        Ok(self.shared.cache.get(key)?.map(Reply::from))
    }

    /// Sets a value in the server's cache, value first, and gives the key: with a session that is the session and `key`,
    /// without anything between them. An empty key is one to be made up.
    ///
    /// # Errors
    /// [`Error::Cache`] if the value is refused, [`Error::TimedOut`] if the cache does not answer.
    pub fn set(&self, value: impl AsRef<[u8]>, key: &str) -> Result<String> {
        if key.is_empty() {
            return self.set_value(value);
        }
        match &self.shared.session {
            Some(session) => self.shared.cache.set(&[session, key].concat(), value.as_ref()),
            None => self.shared.cache.set(key, value.as_ref()),
        }
    }

    /// Sets a value under a key that is made up, and gives that key.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_value(&self, value: impl AsRef<[u8]>) -> Result<String> {
        self.set(value, &uuid::Uuid::new_v4().to_string())
    }

    /// Removes a key from the server's cache; `false` if there was none. Some servers that are not of this library do not
    /// survive that.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if the cache does not answer.
    pub fn delete(&self, key: &str) -> Result<bool> {
        self.shared.cache.delete(key)
    }

    /// Sends one message, and hands `messages` answers to `take`.
    fn call(
        &self,
        function: &str,
        payload: impl IntoPayload,
        messages: usize,
        mut take: impl FnMut(Message) -> Result<()>,
    ) -> Result<()> {
        let shared = &*self.shared;
        let timed_out = || shared.timed_out(function, shared.timeout.unwrap_or_default());
        let payload = payload.into_payload()?;
        let mut outgoing = Outgoing::new(&shared.pipeline, &shared.id, function, "");
        let call = Call::open(&*shared.link);
        let frame = outgoing.frame(payload.as_ref(), &call.id(0));
        if !shared.link.outbox.send(frame, shared.until(), || true) {
            return Err(timed_out());
        }
        let mut arrived = VecDeque::new();
        for _ in 0..messages {
            if arrived.is_empty() {
                call.receive(&mut arrived, shared.until());
            }
            take(arrived.pop_front().ok_or_else(timed_out)?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.shared.server)
            .field("db_address", &self.shared.cache.address())
            .field("id", &self.shared.id)
            .finish_non_exhaustive()
    }
}

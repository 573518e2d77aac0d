use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

use futures_core::Stream;

use super::answer::End;
use super::builder::ClientBuilder;
use super::connection::{Call, Connection};
use super::draft::Draft;
use super::eval::{Eval, EvalAs};
use super::form::Form;
use super::functions::IntoFunctions;
use super::job::Job;
use super::outgoing::Outgoing;
use super::payload::{IntoPayload, Payload};
use super::reply::Reply;
use super::stream::JobStream;
use super::typed::FromReply;
use crate::cache::RemoteCache;
use crate::error::{Error, Result};
use crate::part::Address;

/// A client of one server, master, hub or pipeline.
///
/// Its sockets are opened once. It may be shared by threads, behind a reference or as clones, which are cheap and the same
/// client: each call gets its own answers, whatever their order. The first future that is polled starts a thread, which reads
/// for all of them.
///
/// It is linked to a component of this library, unless it was told to be [`classic`](ClientBuilder::classic): then each request
/// has exactly one outcome, whatever happens to the connection or to the server, and what nobody waits for any more is taken
/// back. What that promises in detail says the chapter on clients. With other components it speaks classic PALM.
///
/// A call gives up, with [`Error::TimedOut`], when nothing of it has arrived for 60 s, or what
/// [`timeout`](ClientBuilder::timeout) says; on the link, when the server has also not said for so long that it still works on
/// something. If a server that is not of this library loses an answer, that is how it shows.
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
    /// Of each call that is made by this handle.
    pub(super) deadline: Option<Duration>,
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
    pub(super) connection: Arc<Connection>,
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

    /// When a call that begins now, or has heard something now, is given up.
    pub(super) fn until(&self, deadline: Option<Duration>) -> Option<Instant> {
        // A time-out beyond the clock's range is none.
        deadline.or(self.timeout).and_then(|timeout| Instant::now().checked_add(timeout))
    }

    /// Until when a call waits that is given up now, if a component has said meanwhile that it still works on something.
    pub(super) fn spared(&self, deadline: Option<Duration>) -> Option<Instant> {
        let (alive, timeout) = (self.connection.alive()?, self.timeout?);
        let later = alive.checked_add(timeout)?;
        (deadline.is_none() && later > Instant::now()).then_some(later)
    }

    pub(super) fn no_result(&self, function: &str, wanted: usize, came: usize) -> Error {
        Error::NoResult { server: self.server.clone(), function: function.to_owned(), wanted, came }
    }

    /// How the messages of a call leave.
    pub(super) fn form<C: AsRef<Connection>>(
        &self,
        call: &Call<C>,
        function: &str,
        cache: &str,
        deadline: Option<Instant>,
    ) -> Form {
        if self.connection.outbox.is_none() {
            return Form::Link(Draft::new(call.number(), cache, deadline));
        }
        let mut outgoing = Outgoing::new(&self.pipeline, &self.id, function, cache);
        outgoing.set_deadline(deadline);
        Form::Classic(outgoing)
    }

    pub(super) fn gave_up(&self, function: &str, deadline: Option<Duration>) -> Error {
        self.timed_out(function, deadline.or(self.timeout).unwrap_or_default())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.connection.retire();
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

    /// Whether it is linked to the component: then it learns what is settled, as long as all components on the way are of this
    /// library. On classic sockets only a count or a time-out ends a job.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.shared.connection.outbox.is_none()
    }

    /// Identifier of its streams: the session, or a UUID.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.shared.pipeline
    }

    /// The same client, whose calls must be answered within `deadline`, each counted from its beginning.
    ///
    /// The time travels with the message. Each component takes off what it used, and refuses a message whose time is used
    /// up, [`Code::Late`](crate::wire::Code::Late), instead of working for nobody; a method can ask
    /// [how much is left](crate::Call::remaining). At the deadline the call ends with [`Error::TimedOut`] if nothing has
    /// come by then. The client's time-out does not count for such a call. Components that are not of this library
    /// pass the time on as it is.
    ///
    /// ```
    /// use std::time::Duration;
    /// use palm::Call;
    /// # struct MyServer;
    /// #[palm::server]
    /// impl MyServer {
    ///     fn has_time(&mut self, call: &Call) -> &'static str {
    ///         if call.remaining() > Some(Duration::from_secs(1)) { "enough" } else { "not enough" }
    ///     }
    /// }
    /// # let server = palm::Server::new("my_server", MyServer).start()?;
    /// # let db_address = server.address("db_address").unwrap();
    /// # let client = palm::Client::connect("my_server", db_address)?;
    /// assert_eq!(client.with_deadline(Duration::from_secs(5)).eval("my_server.has_time", "")?, "enough");
    /// # Ok::<(), palm::Error>(())
    /// ```
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { shared: self.shared.clone(), deadline: Some(deadline) }
    }

    /// Sends one message and waits for its first result.
    ///
    /// `functions` is one function, or one for each stage: `["my_server.foo", "my_pipeline.foo"]`.
    ///
    /// # Errors
    /// [`Error::Remote`] if a component answers with an error, [`Error::NoResult`] if there is none, [`Error::TimedOut`] if
    /// nothing arrives in time.
    pub fn eval(&self, functions: impl IntoFunctions, payload: impl IntoPayload) -> Result<Reply> {
        let function = functions.into_functions();
        let mut first = None;
        self.call(&function, payload, 1, |reply| first = Some(reply))?;
        first.ok_or_else(|| self.shared.no_result(&function, 1, 0))
    }

    /// Sends one message, and reads its first result as `T`: `Json<T>` (feature `json`) and [`Proto<T>`](crate::Proto)
    /// give the `T` itself, `String` and `Vec<u8>` what they say; see [`FromReply`].
    ///
    /// ```
    /// # struct MyServer;
    /// # #[palm::server]
    /// # impl MyServer {
    /// #     fn foo(&mut self, message: &[u8]) -> Vec<u8> { [b"you sent me ", message].concat() }
    /// # }
    /// # let server = palm::Server::new("my_server", MyServer).start()?;
    /// # let db_address = server.address("db_address").unwrap();
    /// # let client = palm::Client::connect("my_server", db_address)?;
    /// let text: String = client.eval_as::<String>("my_server.foo", "a message")?;
    /// assert_eq!(text, "you sent me a message");
    /// # Ok::<(), palm::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`eval`](Self::eval); [`Error::Reply`] if the result cannot be read as `T`.
    pub fn eval_as<T: FromReply>(&self, functions: impl IntoFunctions, payload: impl IntoPayload) -> Result<T::Value> {
        T::from_reply(&self.eval(functions, payload)?)
    }

    /// As [`eval`](Self::eval), for tasks of any runtime. The future borrows nothing, and sends when it is first polled;
    /// dropping it takes the call back.
    ///
    /// ```
    /// # struct MyServer;
    /// # #[palm::server]
    /// # impl MyServer {
    /// #     fn foo(&mut self, message: &[u8]) -> Vec<u8> { [b"you sent me ", message].concat() }
    /// # }
    /// # let server = palm::Server::new("my_server", MyServer).start()?;
    /// # let db_address = server.address("db_address").unwrap();
    /// # let client = palm::Client::connect("my_server", db_address)?;
    /// # futures::executor::block_on(async {
    /// let reply = client.eval_async("my_server.foo", b"a message").await?;
    /// assert_eq!(reply, "you sent me a message");
    /// # Ok::<(), palm::Error>(())
    /// # })?;
    /// # Ok::<(), palm::Error>(())
    /// ```
    pub fn eval_async(&self, functions: impl IntoFunctions, payload: impl IntoPayload) -> Eval {
        let function = functions.into_functions();
        let payload = payload.into_payload().map(|payload| payload.as_ref().to_vec());
        Eval::new(self.shared.clone(), function, self.deadline, payload)
    }

    /// As [`eval_as`](Self::eval_as), for tasks of any runtime.
    ///
    /// ```
    /// # struct MyServer;
    /// # #[palm::server]
    /// # impl MyServer {
    /// #     fn foo(&mut self, message: &[u8]) -> Vec<u8> { [b"you sent me ", message].concat() }
    /// # }
    /// # let server = palm::Server::new("my_server", MyServer).start()?;
    /// # let db_address = server.address("db_address").unwrap();
    /// # let client = palm::Client::connect("my_server", db_address)?;
    /// # futures::executor::block_on(async {
    /// let text: String = client.eval_as_async::<String>("my_server.foo", "a message").await?;
    /// # Ok::<(), palm::Error>(())
    /// # })?;
    /// # Ok::<(), palm::Error>(())
    /// ```
    pub fn eval_as_async<T: FromReply>(&self, functions: impl IntoFunctions, payload: impl IntoPayload) -> EvalAs<T> {
        EvalAs::new(self.eval_async(functions, payload))
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
        self.call(&functions.into_functions(), payload, messages, |reply| replies.push(reply))?;
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
        S: IntoIterator<Item: IntoPayload + 'static, IntoIter: Send + 'static>,
    {
        let mut source = source.into_iter();
        let source = Box::new(move |take: &mut dyn FnMut(Payload<'_>)| {
            let item = source.next()?;
            Some(item.into_payload().map(|payload| Payload::give(payload, take)))
        });
        Job::new(self.shared.clone(), functions.into_functions(), self.deadline, source)
    }

    /// As [`job`](Self::job), for tasks of any runtime: the messages are a stream, and so are their results.
    ///
    /// ```
    /// use futures::{StreamExt, TryStreamExt, stream};
    /// # struct MyServer;
    /// # #[palm::server]
    /// # impl MyServer {
    /// #     fn foo(&mut self, message: &[u8]) -> Vec<u8> { [b"you sent me ", message].concat() }
    /// # }
    /// # let server = palm::Server::new("my_server", MyServer).start()?;
    /// # let db_address = server.address("db_address").unwrap();
    /// # let client = palm::Client::connect("my_server", db_address)?;
    /// # futures::executor::block_on(async {
    /// let messages = stream::iter(0..10).map(|number| format!("message {number}"));
    /// let replies: Vec<_> = client.job_stream("my_server.foo", messages).messages(10).ordered().try_collect().await?;
    /// assert_eq!(replies[9], "you sent me message 9");
    /// # Ok::<(), palm::Error>(())
    /// # })?;
    /// # Ok::<(), palm::Error>(())
    /// ```
    pub fn job_stream<S>(&self, functions: impl IntoFunctions, source: S) -> JobStream
    where
        S: Stream<Item: IntoPayload + 'static> + Send + 'static,
    {
        let mut source = Box::pin(source);
        let source = Box::new(move |context: &mut Context<'_>, take: &mut dyn FnMut(Payload<'_>)| {
            source
                .as_mut()
                .poll_next(context)
                .map(|item| item.map(|item| item.into_payload().map(|payload| Payload::give(payload, take))))
        });
        JobStream::polled(self.shared.clone(), functions.into_functions(), self.deadline, source)
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
        mut take: impl FnMut(Reply),
    ) -> Result<()> {
        let shared = &*self.shared;
        let timed_out = || shared.gave_up(function, self.deadline);
        let payload = payload.into_payload()?;
        let mut call = Call::open(&*shared.connection, function);
        let mut until = shared.until(self.deadline);
        match shared.form(&call, function, "", self.deadline.and(until)) {
            Form::Classic(mut outgoing) => {
                outgoing.encode(Payload::Copied(payload.as_ref()), &call.id(0));
                let outbox = shared.connection.outbox.as_ref();
                let sent = outbox.is_some_and(|outbox| outbox.send(outgoing.pieces(), until, || true));
                if !sent {
                    return Err(timed_out());
                }
            }
            Form::Link(draft) => shared.connection.ask(draft, payload.as_ref()),
        }
        let (mut arrived, mut settled) = (VecDeque::new(), false);
        let mut came = 0;
        while came < messages {
            if settled && arrived.is_empty() {
                return Err(shared.no_result(function, messages, came));
            }
            if arrived.is_empty() {
                if self.deadline.is_none() {
                    until = shared.until(None);
                }
                call.receive(&mut arrived, until);
                while arrived.is_empty() {
                    until = Some(shared.spared(self.deadline).ok_or_else(timed_out)?);
                    call.receive(&mut arrived, until);
                }
            }
            if let Some(answer) = arrived.pop_front() {
                settled |= answer.end == End::Last;
                if let Some(reply) = Reply::of(answer) {
                    take(reply?);
                    came += 1;
                }
            }
        }
        call.done();
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

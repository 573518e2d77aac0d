use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::handle::Client;
use crate::error::Result;
use crate::part::Address;
use crate::socket::Context;

/// How a client finds its server, made by [`Client::builder`].
///
/// ```
/// use std::time::Duration;
/// # struct MyServer;
/// # #[palm::server]
/// # impl MyServer {
/// #     fn foo(&mut self, message: &[u8]) -> Vec<u8> { [b"you sent me ", message].concat() }
/// # }
/// # let server = palm::Server::new("my_server", MyServer).start()?;
/// # let db_address = server.address("db_address")?;
/// let client = palm::Client::builder("my_server", db_address)
///     .session("today/")
///     .timeout(Duration::from_secs(5))
///     .connect()?;
/// assert_eq!(client.set("a value", "key")?, "today/key");
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a client connects with `connect()`"]
pub struct ClientBuilder {
    pub(super) server: String,
    pub(super) db_address: String,
    pub(super) push_address: Option<String>,
    pub(super) sub_address: Option<String>,
    pub(super) session: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) config: Option<HashMap<String, Bytes>>,
    pub(super) timeout: Option<Duration>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) context: Option<Context>,
    pub(super) classic: bool,
    pub(super) resubmits: bool,
}

impl ClientBuilder {
    pub(super) const fn new(server: String, db_address: String) -> Self {
        Self {
            server,
            db_address,
            push_address: None,
            sub_address: None,
            session: None,
            client_id: None,
            config: None,
            timeout: Some(Duration::from_secs(60)),
            connect_timeout: Some(Duration::from_secs(10)),
            context: None,
            classic: false,
            resubmits: true,
        }
    }

    /// Where messages are sent; by default the server's link, or its `pull_address`. Who is given this uses classic sockets.
    pub fn push_address(mut self, address: impl Into<Address>) -> Self {
        self.push_address = Some(address.into().to_string());
        self
    }

    /// Where results come from: the `pub_address` of the last component of a pipeline; by default the server's.
    pub fn sub_address(mut self, address: impl Into<Address>) -> Self {
        self.sub_address = Some(address.into().to_string());
        self
    }

    /// A tag that each message carries as its `pipeline`, and that is put before the keys that this client sets. By default
    /// messages carry a UUID, and keys are taken as they are.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// The client's own identifier, instead of a UUID. No two clients of a server may have the same one.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// The server's configuration, as its cache has it (`name`, `_palm.link`, or `pull_address` and `pub_address`), so that it
    /// need not be asked for. Only an address that is missing here is fetched; without `_palm.link` and `_palm.features` the
    /// server is taken for a classic one.
    pub fn this_config<K: Into<String>, V: Into<Bytes>>(mut self, config: impl IntoIterator<Item = (K, V)>) -> Self {
        self.config = Some(config.into_iter().map(|(key, value)| (key.into(), value.into())).collect());
        self
    }

    /// Uses the sockets of classic PALM alone, PUSH and SUB, as if the server were not of this library. Nothing is reported as
    /// settled, resumed, or taken back then; the chapter on clients has the differences. Default: the link, if the server has one
    /// and no [`push_address`](Self::push_address) is given.
    pub const fn classic(mut self) -> Self {
        self.classic = true;
        self
    }

    /// For the controls of the fault tests: what a component that was restarted had is not asked anew.
    #[doc(hidden)]
    pub const fn without_resubmission(mut self) -> Self {
        self.resubmits = false;
        self
    }

    /// How long a call waits while nothing of it arrives: 60 s by default; `None` for no limit.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// How long to try to connect: 10 s by default; `None` for no limit, with a warning in the log every 10 s.
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = timeout.into();
        self
    }

    /// The context that is shared with components of this process, which `inproc://` addresses need.
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// Connects, and returns when results can no longer be missed.
    ///
    /// A publisher that is not of this library cannot confirm that; for one of those it takes half a second.
    ///
    /// # Errors
    /// [`Error::NotReached`](crate::Error::NotReached) if the server or its publisher does not answer in time,
    /// [`Error::WrongName`](crate::Error::WrongName) if the server is called otherwise,
    /// [`Error::Address`](crate::Error::Address) if an address is none, or the server has none to send to.
    pub fn connect(self) -> Result<Client> {
        super::connect::connect(self)
    }
}

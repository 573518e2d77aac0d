use super::publishing::Publishing;
use crate::part::{Address, CacheService, Methods, PullService};
use crate::service::{ServerService, Service};
use crate::topology::{Route, ServerTemplate};

/// Answers the calls of clients with the methods of an impl block, one at a time, in the order they came, or several at a time with
/// [`threads`](Self::threads).
///
/// It binds `pull_address` for clients, `pub_address` for its answers, and `db_address` for its cache. Addresses that are not
/// given are chosen by the system, on loopback, and published in the cache.
///
/// ```
/// #[derive(Default)]
/// struct MyServer;
///
/// #[palm::server]
/// impl MyServer {
///     fn foo(&mut self, message: &[u8]) -> Vec<u8> {
///         [b"you sent me ", message].concat()
///     }
/// }
///
/// let server = palm::Server::new("my_server", MyServer).start()?;
/// let client = palm::Client::connect("my_server", server.address("db_address")?)?;
/// assert_eq!(&client.eval("my_server.foo", b"a message")?[..], b"you sent me a message");
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a component does nothing until it is started"]
pub struct Server {
    template: ServerTemplate,
    db_address: Address,
    cache_messages: u64,
    pull_address: Address,
    publishing: Publishing,
}

impl Server {
    /// A server of that name over an impl block with `#[palm::server]`.
    pub fn new(name: impl Into<String>, service: impl ServerService) -> Self {
        Self::boxed(name, Box::new(service))
    }

    pub(crate) fn boxed(name: impl Into<String>, service: Box<dyn Service>) -> Self {
        Self {
            template: ServerTemplate::new(name).boxed_service(Some(service)),
            db_address: Address::any(),
            cache_messages: u64::MAX,
            pull_address: Address::any(),
            publishing: Publishing::new(false),
        }
    }

    address! {
        /// Where clients push their messages. Default: a port of the system's choice on loopback.
        pull_address
    }

    /// Whether results go on to a `Pipeline`, `Sink` or `Hub` rather than back to the client. Default: back.
    ///
    /// At a [`Pipeline`](super::Pipeline) or [`Sink`](super::Sink) the same is said by `to_client(false)`. If several components
    /// take the stream, see [`expected_subscribers`](Self::expected_subscribers).
    pub const fn pipelined(mut self, pipelined: bool) -> Self {
        self.publishing.pipelined = pipelined;
        self
    }

    fn assemble(self) -> ServerTemplate {
        let template = self
            .template
            .register_inbound("Pull", PullService::new(self.pull_address), "Methods")
            .register_outbound("Methods", Methods::default(), "Pub")
            .register_bypass("Cache", CacheService::new(self.db_address).messages(self.cache_messages));
        self.publishing.register(template, Route::exterior().handle_stream())
    }
}

component!(Server);
methods!(Server);
with_cache!(Server);
publishing!(Server);

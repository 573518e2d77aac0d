use super::publishing::Publishing;
use super::working::Working;
use crate::part::{Address, CacheService, PullService, WorkerPullService};
use crate::service::{Kind, MasterService, Service};
use crate::topology::{Route, ServerTemplate};

/// Hands the messages of clients to workers, and their results back.
///
/// It binds `pull_address` for clients, `worker_push_address` and `worker_pull_address` for workers, `pub_address` for
/// results, and `db_address` for the cache that clients and workers share. An impl block with `#[palm::master]` may hold the
/// hooks `scatter`, `gather` and `handle_stream`.
///
/// ```
/// #[derive(Default)]
/// struct MyWorker;
///
/// #[palm::worker]
/// impl MyWorker {
///     fn foo(&mut self, message: &[u8]) -> Vec<u8> {
///         [b"processed ", message].concat()
///     }
/// }
///
/// let master = palm::Master::new("server").start()?;
/// let address = master.address("db_address")?;
/// let worker = palm::Worker::new("worker1", MyWorker).db_address(&address).start()?;
/// let client = palm::Client::connect("server", &address)?;
/// for reply in client.job("server.foo", std::iter::repeat_n("a message", 10)).messages(10) {
///     assert_eq!(&reply?[..], b"processed a message");
/// }
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a component does nothing until it is started"]
pub struct Master {
    template: ServerTemplate,
    db_address: Address,
    cache_messages: u64,
    pull_address: Address,
    worker_pull_address: Address,
    working: Working,
    publishing: Publishing,
}

impl Master {
    /// A master of that name.
    pub fn new(name: impl Into<String>) -> Self {
        Self::boxed(name, None)
    }

    /// A master of that name with the hooks of an impl block with `#[palm::master]`.
    pub fn with(name: impl Into<String>, service: impl MasterService) -> Self {
        Self::boxed(name, Some(Box::new(service)))
    }

    pub(crate) fn boxed(name: impl Into<String>, service: Option<Box<dyn Service>>) -> Self {
        Self {
            template: ServerTemplate::new(name).kind(Kind::Master).boxed_service(service),
            db_address: Address::any(),
            cache_messages: u64::MAX,
            pull_address: Address::any(),
            worker_pull_address: Address::any(),
            working: Working::new(),
            publishing: Publishing::new(false),
        }
    }

    address! {
        /// Where clients push their messages. Default: a port of the system's choice on loopback.
        pull_address
    }
    address! {
        /// Where workers push their results. Default: a port of the system's choice on loopback.
        worker_pull_address
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
            .register_inbound("Pull", PullService::new(self.pull_address), Route::to("WorkerPush").scatter())
            .register_inbound("WorkerPull", WorkerPullService::new(self.worker_pull_address), "Pub")
            .register_outbound("WorkerPush", self.working.part(), Route::exterior())
            .register_bypass("Cache", CacheService::new(self.db_address).messages(self.cache_messages));
        self.publishing.register(template, Route::exterior().gather().handle_stream())
    }
}

component!(Master);
with_cache!(Master);
publishing!(Master);
working!(Master);

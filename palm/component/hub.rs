use super::publishing::Publishing;
use super::working::Working;
use crate::part::{Address, CacheService, SubConnection, WorkerPullService};
use crate::service::{HubService, Kind, Service, Topic};
use crate::topology::{Route, ServerTemplate};

/// A [`Master`](super::Master) that takes its messages from another component's stream instead of from clients.
///
/// ```
/// let hub = palm::Hub::new("hub").sub_address("tcp://127.0.0.1:5557").previous("server").start()?;
/// assert!(hub.address("worker_pull_address")?.starts_with("tcp://127.0.0.1:"));
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a component does nothing until it is started"]
pub struct Hub {
    template: ServerTemplate,
    db_address: Address,
    cache_messages: u64,
    sub_address: Address,
    previous: Topic,
    worker_pull_address: Address,
    working: Working,
    publishing: Publishing,
}

impl Hub {
    /// A hub of that name.
    pub fn new(name: impl Into<String>) -> Self {
        Self::boxed(name, None)
    }

    /// A hub of that name with the hooks of an impl block with `#[palm::hub]`.
    pub fn with(name: impl Into<String>, service: impl HubService) -> Self {
        Self::boxed(name, Some(Box::new(service)))
    }

    pub(crate) fn boxed(name: impl Into<String>, service: Option<Box<dyn Service>>) -> Self {
        Self {
            template: ServerTemplate::new(name).kind(Kind::Hub).boxed_service(service),
            db_address: Address::any(),
            cache_messages: u64::MAX,
            sub_address: Address::any(),
            previous: Topic::default(),
            worker_pull_address: Address::any(),
            working: Working::new(),
            publishing: Publishing::new(false),
        }
    }

    address! {
        /// The `pub_address` of the component before this one. It has no default.
        sub_address
    }
    address! {
        /// Where workers push their results. Default: a port of the system's choice on loopback.
        worker_pull_address
    }

    /// The name of the component before this one, or the topic that its `handle_stream` chooses. Default: every topic.
    pub fn previous(mut self, previous: impl Into<Topic>) -> Self {
        self.previous = previous.into();
        self
    }

    /// Whether results go on to another component rather than back to the client. Default: back.
    ///
    /// At a [`Pipeline`](super::Pipeline) or [`Sink`](super::Sink) the same is said by `to_client(false)`. If several components
    /// take the stream, see [`expected_subscribers`](Self::expected_subscribers).
    pub const fn pipelined(mut self, pipelined: bool) -> Self {
        self.publishing.pipelined = pipelined;
        self
    }

    fn assemble(self) -> ServerTemplate {
        let sub = SubConnection::new(self.sub_address).previous(self.previous);
        let template = self
            .template
            .register_inbound("Sub", sub, Route::to("WorkerPush").scatter())
            .register_inbound("WorkerPull", WorkerPullService::new(self.worker_pull_address), "Pub")
            .register_outbound("WorkerPush", self.working.part(), Route::exterior())
            .register_bypass("Cache", CacheService::new(self.db_address).messages(self.cache_messages));
        self.publishing.register(template, Route::exterior().gather().handle_stream())
    }
}

component!(Hub);
with_cache!(Hub);
publishing!(Hub);
working!(Hub);

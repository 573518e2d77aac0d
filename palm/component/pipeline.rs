use super::publishing::Publishing;
use crate::part::{Address, CacheService, Methods, SubConnection};
use crate::service::{PipelineService, Service, Topic};
use crate::topology::{Route, ServerTemplate};

/// A step of a stream: takes what another component publishes, and hands its results on, or back to the client.
///
/// It connects to the `sub_address` of the component before it, on the topic `previous`. A method without a result delivers
/// no message.
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
/// #[derive(Default)]
/// struct MyPipeline;
///
/// #[palm::pipeline]
/// impl MyPipeline {
///     fn foo(&mut self, message: &[u8]) -> Vec<u8> {
///         [b"and I pipelined ", message].concat()
///     }
/// }
///
/// let server = palm::Server::new("my_server", MyServer).pipelined(true).start()?;
/// let pipeline = palm::Pipeline::new("my_pipeline", MyPipeline)
///     .sub_address(server.address("pub_address")?)
///     .previous("my_server")
///     .start()?;
/// let client = palm::Client::builder("my_server", server.address("db_address")?)
///     .sub_address(pipeline.address("pub_address")?)
///     .connect()?;
/// let reply = client.eval(["my_server.foo", "my_pipeline.foo"], b"a message")?;
/// assert_eq!(&reply[..], b"and I pipelined you sent me a message");
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a component does nothing until it is started"]
pub struct Pipeline {
    template: ServerTemplate,
    db_address: Address,
    cache_messages: u64,
    sub_address: Address,
    previous: Topic,
    publishing: Publishing,
}

impl Pipeline {
    /// A pipeline of that name over an impl block with `#[palm::pipeline]`.
    pub fn new(name: impl Into<String>, service: impl PipelineService) -> Self {
        Self::boxed(name, Box::new(service))
    }

    pub(crate) fn boxed(name: impl Into<String>, service: Box<dyn Service>) -> Self {
        Self {
            template: ServerTemplate::new(name).boxed_service(Some(service)),
            db_address: Address::any(),
            cache_messages: u64::MAX,
            sub_address: Address::any(),
            previous: Topic::default(),
            publishing: Publishing::new(false),
        }
    }

    address! {
        /// The `pub_address` of the component before this one. It has no default.
        sub_address
    }

    /// The name of the component before this one, or the topic that its `handle_stream` chooses. Default: every topic.
    pub fn previous(mut self, previous: impl Into<Topic>) -> Self {
        self.previous = previous.into();
        self
    }

    /// Whether results go back to the client rather than on to another component. Default: back.
    ///
    /// The other way round it is `pipelined` at a [`Server`](super::Server), [`Master`](super::Master) or [`Hub`](super::Hub). If
    /// it is `false` and several components take the stream, see [`expected_subscribers`](Self::expected_subscribers).
    pub const fn to_client(mut self, to_client: bool) -> Self {
        self.publishing.pipelined = !to_client;
        self
    }

    fn assemble(self) -> ServerTemplate {
        let template = self
            .template
            .register_inbound("Sub", SubConnection::new(self.sub_address).previous(self.previous), "Methods")
            .register_outbound("Methods", Methods::default(), "Pub")
            .register_bypass("Cache", CacheService::new(self.db_address).messages(self.cache_messages));
        self.publishing.register(template, Route::exterior().handle_stream())
    }
}

component!(Pipeline);
methods!(Pipeline);
with_cache!(Pipeline);
publishing!(Pipeline);

use std::time::Duration;

use crate::part::{Address, LinkConnection, Methods, PullConnection, PushConnection};
use crate::service::{Service, WorkerService};
use crate::topology::{Plan, Route, ServerTemplate};

/// Does the work of a [`Master`](super::Master) or [`Hub`](super::Hub) with the methods of an impl block.
///
/// It needs the `db_address` of its master alone, and fetches the other addresses from there; it waits for its master for as
/// long as it takes. Its methods use the master's cache. A method may give several results: it returns an iterator.
///
/// ```
/// #[derive(Default)]
/// struct MyWorker;
///
/// #[palm::worker]
/// impl MyWorker {
///     fn foo(&mut self, message: &[u8], call: &palm::Call) -> palm::Result<Vec<u8>> {
///         let cached = call.cache().get("cached")?.unwrap_or_default();
///         Ok([call.name().as_bytes(), &cached, message].concat())
///     }
/// }
///
/// let master = palm::Master::new("server").preset_cache("cached", " cached data ").start()?;
/// let address = master.address("db_address")?;
/// let worker = palm::Worker::new("worker1", MyWorker).db_address(&address).start()?;
/// let client = palm::Client::connect("server", &address)?;
/// assert_eq!(&client.eval("server.foo", "a message")?[..], b"worker1 cached data a message");
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a component does nothing until it is started"]
pub struct Worker {
    template: ServerTemplate,
    db_address: Option<String>,
    push_address: Address,
    pull_address: Address,
    classic: bool,
}

impl Worker {
    /// A worker of that name over an impl block with `#[palm::worker]`. An empty name becomes a UUID.
    pub fn new(name: impl Into<String>, service: impl WorkerService) -> Self {
        Self::boxed(name, Box::new(service))
    }

    pub(crate) fn boxed(name: impl Into<String>, service: Box<dyn Service>) -> Self {
        let name = Some(name.into()).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        Self {
            template: ServerTemplate::new(name).boxed_service(Some(service)),
            db_address: None,
            push_address: Address::lookup("worker_pull_address"),
            pull_address: Address::lookup("worker_push_address"),
            classic: false,
        }
    }

    /// The cache address of the master.
    pub fn db_address(mut self, address: impl Into<Address>) -> Self {
        self.db_address = Some(address.into().to_string());
        self
    }

    address! {
        /// Where results are pushed. Default: what the master's cache says.
        push_address
    }
    address! {
        /// Where messages are pulled. Default: what the master's cache says.
        pull_address
    }

    /// Uses the classic sockets, also where the master has a link. Default: the link where there is one, unless one of the
    /// other addresses is given by hand.
    pub const fn classic(mut self) -> Self {
        self.classic = true;
        self
    }

    /// How long a method may take before the worker fails with [`Error::Hung`](crate::Error::Hung): under
    /// [`run`](Self::run) the process ends with exit code 1, after [`start`](Self::start) the handle tells it. What the
    /// worker had goes to others. Default: what a master of this library says over the link, its own
    /// [`work_timeout`](super::Master::work_timeout); without a link, there is no limit.
    ///
    /// A method that goes on giving results, or whose results cannot leave, does not hang.
    ///
    /// ```
    /// # struct MyWorker;
    /// # #[palm::worker]
    /// # impl MyWorker {
    /// #     fn foo(&mut self, message: &[u8]) -> Vec<u8> {
    /// #         message.to_vec()
    /// #     }
    /// # }
    /// let worker = palm::Worker::new("worker1", MyWorker).work_timeout(std::time::Duration::from_secs(60));
    /// # drop(worker);
    /// ```
    pub fn work_timeout(mut self, timeout: Duration) -> Self {
        self.template = self.template.work_timeout(timeout);
        self
    }

    fn assemble(self) -> ServerTemplate {
        let mut template = self.template.master(self.db_address);
        if !self.classic && self.push_address.is_lookup() && self.pull_address.is_lookup() {
            template = template.over_link(over_link);
        }
        template
            .register_inbound("Pull", PullConnection::new(self.pull_address), "Methods")
            .register_outbound("Methods", Methods::default(), "Push")
            .register_outbound("Push", PushConnection::new(self.push_address), Route::exterior())
    }
}

/// The same component where the master has a link: messages and results share one connection.
pub(crate) fn over_link(plan: Plan, address: &str) -> Plan {
    let link = LinkConnection::new(address).threads(plan.together());
    plan.without_parts()
        .register_inbound("Link", link, Route::to("Methods").blocking())
        .register_outbound("Methods", Methods::default(), Route::exterior())
        .plan()
}

component!(Worker);
methods!(Worker);

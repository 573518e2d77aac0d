use std::any::type_name;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::plan::{Plan, Planned, PlannedBypass};
use super::route::Route;
use crate::cache::Cache;
use crate::engine::Object;
use crate::error::Result;
use crate::part::{Bypass, Inbound, Outbound};
use crate::runtime::{Handle, start, until_signal};
use crate::service::{Kind, Service};
use crate::socket::Context;

/// Builds a component from parts, at run time.
///
/// ```
/// use palm::part::{CacheService, PubService, PullService, WorkerPullService, WorkerPushService};
/// use palm::topology::{Route, ServerTemplate};
///
/// // A master, as the documentation builds it.
/// let server = ServerTemplate::new("server")
///     .register_inbound("Pull", PullService::new("tcp://127.0.0.1:*"), "WorkerPush")
///     .register_inbound("WorkerPull", WorkerPullService::new("tcp://127.0.0.1:*"), "Pub")
///     .register_outbound("WorkerPush", WorkerPushService::new("tcp://127.0.0.1:*"), Route::exterior())
///     .register_outbound("Pub", PubService::new("tcp://127.0.0.1:*"), Route::exterior())
///     .register_bypass("Cache", CacheService::new("tcp://127.0.0.1:*"));
/// let handle = server.start()?;
/// assert!(handle.address("worker_push_address")?.starts_with("tcp://127.0.0.1:"));
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a template does nothing until it is started"]
pub struct ServerTemplate {
    plan: Plan,
}

impl From<Plan> for ServerTemplate {
    fn from(plan: Plan) -> Self {
        Self { plan }
    }
}

impl ServerTemplate {
    /// A component of that name, without parts.
    pub fn new(name: impl Into<String>) -> Self {
        Self { plan: Plan::new(name) }
    }

    /// What starts a plan.
    #[cfg(feature = "cli")]
    pub(crate) const fn of(plan: Plan) -> Self {
        Self { plan }
    }

    /// Adds a part that brings messages from outside to the outbound part that `route` names.
    pub fn register_inbound<P: Inbound>(mut self, name: impl Into<String>, part: P, route: impl Into<Route>) -> Self {
        self.plan.parts.push(Planned {
            name: name.into(),
            inbound: true,
            part: Box::new(part),
            route: route.into(),
            replies: false,
            key: P::KEY,
            type_name: type_name::<P>(),
        });
        self
    }

    /// Adds a part that takes messages outside; its feedback, if it gives any, goes where `route` says.
    pub fn register_outbound<P: Outbound>(mut self, name: impl Into<String>, part: P, route: impl Into<Route>) -> Self {
        self.plan.parts.push(Planned {
            name: name.into(),
            inbound: false,
            part: Box::new(part),
            route: route.into(),
            replies: P::REPLIES,
            key: P::KEY,
            type_name: type_name::<P>(),
        });
        self
    }

    /// Adds a part that works beside the router.
    pub fn register_bypass<P: Bypass>(mut self, name: impl Into<String>, part: P) -> Self {
        self.plan.bypasses.push(PlannedBypass {
            name: name.into(),
            part: Box::new(part),
            key: P::KEY,
            type_name: type_name::<P>(),
        });
        self
    }

    /// The annotated impl block whose methods and hooks the parts run.
    pub fn service(mut self, service: impl Service) -> Self {
        self.plan.service = Some(Object::Alone(Box::new(service)));
        self
    }

    pub(crate) fn boxed_service(mut self, service: Option<Box<dyn Service>>) -> Self {
        self.plan.service = service.map(Object::Alone);
        self
    }

    /// How many calls of methods that take `&self` may run at a time, each on a thread of its own. Default: 1, and 0 is 1.
    ///
    /// Results then leave in the order in which the calls end. A method that takes `&mut self`, or a hook, waits until those
    /// that run have ended, and what came after it waits until it has.
    pub const fn threads(mut self, threads: usize) -> Self {
        self.plan.width.threads = threads;
        self
    }

    /// How many calls of `async` methods may be under way at a time, as tasks of a runtime; such methods need the feature
    /// `tokio`. Default: 256, and 0 is 1.
    ///
    /// The order of results, and what waits for what, is as with [`threads`](Self::threads).
    pub const fn tasks(mut self, tasks: usize) -> Self {
        self.plan.width.tasks = tasks;
        self
    }

    /// The runtime on which calls of `async` methods run (feature `tokio`). Default: one of the component's own.
    #[cfg(feature = "tokio")]
    pub fn runtime(mut self, handle: tokio::runtime::Handle) -> Self {
        self.plan.runtime = Some(handle);
        self
    }

    pub(crate) const fn kind(mut self, kind: Kind) -> Self {
        self.plan.kind = Some(kind);
        self
    }

    /// The cache address of the master that a worker's addresses are looked up at, and whose cache its methods use.
    pub(crate) fn master(mut self, db_address: Option<String>) -> Self {
        self.plan.master = db_address;
        self
    }

    pub(crate) const fn work_timeout(mut self, timeout: Duration) -> Self {
        self.plan.work_timeout = Some(timeout);
        self
    }

    /// What becomes of the parts where the master has a link.
    pub(crate) fn over_link(mut self, change: fn(Plan, &str) -> Plan) -> Self {
        self.plan.over_link = Some(change);
        self
    }

    pub(crate) const fn is_insecure(&self) -> bool {
        self.plan.insecure
    }

    /// Publishes addresses under `key` with a number, one or several.
    pub(crate) const fn numbered(mut self, key: &'static str) -> Self {
        self.plan.numbered = Some(key);
        self
    }

    /// Presets a key of the cache. Peers may read it, and not change it.
    pub fn preset_cache(mut self, key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.plan.presets.push((key.into(), value.into()));
        self
    }

    /// Where the cache is kept. Default: a [`MemoryCache`](crate::cache::MemoryCache).
    pub fn cache(mut self, cache: impl Cache) -> Self {
        self.plan.cache = Arc::new(cache);
        self
    }

    /// Ends the component after so many messages from outside. Default: no limit.
    pub const fn messages(mut self, messages: u64) -> Self {
        self.plan.messages = messages;
        self
    }

    /// Shares a ZeroMQ context, so that `inproc://` addresses lead to others that share it. Default: one of its own.
    pub fn context(mut self, context: &Context) -> Self {
        self.plan.context = context.clone();
        self
    }

    /// Allows addresses beyond loopback, unencrypted as they are.
    pub const fn insecure(mut self) -> Self {
        self.plan.insecure = true;
        self
    }

    /// The host name that peers are told for addresses beyond loopback. Default: this machine's own.
    pub fn advertise(mut self, host: impl Into<String>) -> Self {
        self.plan.advertise = Some(host.into());
        self
    }

    /// The least important level that the component logs. Default: INFO.
    ///
    /// It holds for the `log` layer of this library; other subscribers filter by their own rules.
    pub fn log_level(self, level: crate::Level) -> Self {
        crate::log_level::set(&self.plan.name, level);
        self
    }

    /// The parts and routes as data.
    #[must_use]
    pub fn plan(self) -> Plan {
        self.plan
    }

    /// Binds, connects and starts the component.
    ///
    /// # Errors
    /// The parts do not fit together, or an address cannot be used.
    pub fn start(self) -> Result<Handle> {
        start(self.plan)
    }

    /// Runs the component until it is told to end by SIGTERM or Ctrl-C, or has taken its `messages`.
    ///
    /// What is inside is handed over first, for 25 s at most; a second signal ends the process at once.
    ///
    /// # Errors
    /// As [`start`](Self::start); or the component failed.
    pub fn run(self) -> Result<()> {
        until_signal(|| self.start())
    }
}

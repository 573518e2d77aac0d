use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::route::{Route, Target};
use super::template::ServerTemplate;
use crate::cache::{Cache, MemoryCache};
use crate::engine::{Exit, Object, Part, PartId, Row, Width};
use crate::error::{Error, Result};
use crate::part::BypassPart;
use crate::service::{Hooks, Kind};
use crate::socket::Context;

/// A component as data: its parts, their routes, and what it is started with.
pub struct Plan {
    pub(crate) name: String,
    pub(crate) parts: Vec<Planned>,
    pub(crate) bypasses: Vec<PlannedBypass>,
    pub(crate) service: Option<Object>,
    /// What it is where it has no impl block that says so.
    pub(crate) kind: Option<Kind>,
    /// Calls that share the object that may run at a time.
    pub(crate) width: Width,
    /// Where calls of async methods run, if not on a runtime of the component's own.
    #[cfg(feature = "tokio")]
    pub(crate) runtime: Option<tokio::runtime::Handle>,
    pub(crate) presets: Vec<(String, Bytes)>,
    pub(crate) cache: Arc<dyn Cache>,
    /// A cache key that gets a number even where one part alone has it.
    pub(crate) numbered: Option<&'static str>,
    /// Cache address of the master, for a worker.
    pub(crate) master: Option<String>,
    /// How the parts are changed where the master has a link.
    pub(crate) over_link: Option<fn(Self, &str) -> Self>,
    /// How long a method of a worker may take, where its master does not say it.
    pub(crate) work_timeout: Option<Duration>,
    pub(crate) messages: u64,
    pub(crate) context: Context,
    pub(crate) insecure: bool,
    pub(crate) advertise: Option<String>,
}

/// A part that the router knows.
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) inbound: bool,
    pub(crate) part: Box<dyn Part>,
    pub(crate) route: Route,
    /// It hands something back to the router.
    pub(crate) replies: bool,
    pub(crate) key: Option<&'static str>,
    pub(crate) type_name: &'static str,
}

/// A part beside the router.
pub(crate) struct PlannedBypass {
    pub(crate) name: String,
    pub(crate) part: Box<dyn BypassPart>,
    pub(crate) key: Option<&'static str>,
    pub(crate) type_name: &'static str,
}

impl Plan {
    /// Calls of async methods that may run at a time, unless the component is told another number.
    pub(crate) const TASKS: usize = 256;

    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            parts: Vec::new(),
            bypasses: Vec::new(),
            service: None,
            kind: None,
            width: Width { threads: 1, tasks: Self::TASKS },
            #[cfg(feature = "tokio")]
            runtime: None,
            presets: Vec::new(),
            cache: Arc::new(MemoryCache::new()),
            numbered: None,
            master: None,
            over_link: None,
            work_timeout: None,
            messages: u64::MAX,
            context: Context::new(),
            insecure: false,
            advertise: None,
        }
    }

    /// The same component, to be given other parts.
    pub(crate) fn without_parts(mut self) -> ServerTemplate {
        self.parts.clear();
        ServerTemplate::from(self)
    }

    /// Name of the component.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Messages that the component works on at a time.
    pub(crate) fn together(&self) -> usize {
        self.service.as_deref().map_or(1, |service| self.width.of(service.description()).together())
    }

    /// Puts the object to where calls share it, if several are to be under way at a time.
    pub(crate) fn share(&mut self) -> Result<()> {
        let service = match self.service.take() {
            Some(Object::Alone(service)) => service,
            shared_or_none => {
                self.width = if shared_or_none.is_some() { self.width } else { Width::ALONE };
                self.service = shared_or_none;
                return Ok(());
            }
        };
        let description = service.description();
        let (name, threads) = (description.name, self.width.threads);
        self.width = self.width.of(description);
        if threads > 1 && self.width.threads == 0 {
            tracing::warn!(
                "{threads} threads have nothing to share: no method of `{name}` takes `&self`, async ones aside"
            );
        }
        if !self.width.shares() {
            self.service = Some(Object::Alone(service));
            return Ok(());
        }
        self.service = service.share().map(Object::Shared);
        let problem = match &self.service {
            Some(_) if self.width.tasks == 0 || cfg!(feature = "tokio") => return Ok(()),
            Some(_) => format!("`{name}` has async methods, which need the feature `tokio` of palm; enable it"),
            None => {
                format!(
                    "`{name}` is not `Sync`, so {threads} threads cannot share it; leave out `threads`, or let it be"
                )
            }
        };
        Err(Error::Topology { component: self.name.clone(), problems: problem })
    }

    /// The outbound part of that name.
    pub(crate) fn outbound(&self, name: &str) -> Option<PartId> {
        self.parts.iter().position(|part| !part.inbound && part.name == name).map(PartId)
    }

    /// The routing table. The plan is verified, so every route has its part.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let hooks = self.service.as_ref().map_or(Hooks::NONE, |service| service.hooks());
        let row = |planned: &Planned| Row {
            name: planned.name.as_str().into(),
            inbound: planned.inbound,
            exit: match &planned.route.target {
                Target::Part(name) => self.outbound(name).map_or(Exit::Exterior, Exit::Part),
                Target::Exterior | Target::Discard => Exit::Exterior,
            },
            log: planned.route.log.clone(),
            blocks: planned.route.blocking,
            results: planned.part.brings_results(),
            hands_out: planned.part.hands_out(),
            work_timeout: planned.part.work_timeout(),
            hands_back: planned.part.hands_back(),
            links: planned.key == Some(crate::features::TOPIC),
            submits: planned.part.is_linkable() && !planned.route.blocking,
            publishes: planned.key == Some("pub_address"),
            settles: planned.part.settles(),
            takes_batches: planned.part.takes_batches(),
            scatter: planned.route.scatter && hooks.scatter,
            gather: planned.route.gather && hooks.gather,
            handle_stream: planned.route.handle_stream && hooks.handle_stream,
        };
        self.parts.iter().map(row).collect()
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.parts.iter().map(|part| (&part.name, part.type_name)).collect();
        f.debug_struct("Plan").field("name", &self.name).field("parts", &parts).finish_non_exhaustive()
    }
}

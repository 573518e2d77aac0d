//! From flags to a component's plan.

use super::flags::{Flags, HubFlags, MasterFlags, Options, PipelineFlags, ServerFlags, SinkFlags, WorkerFlags};
use super::outline::Outline;
use crate::component::{Hub, Master, Pipeline, Server, Sink, Worker};
use crate::part::Address;
use crate::service::{Description, Service};
use crate::topology::Plan;

fn or_any(address: Option<String>) -> Address {
    address.map_or_else(Address::any, Address::from)
}

impl Options {
    fn applied(self, mut plan: Plan) -> Plan {
        plan.messages = self.messages.unwrap_or(plan.messages);
        plan.advertise = self.advertise;
        plan.insecure = self.insecure;
        plan
    }
}

/// The plan of a component with a link, of which an insecure one has none unless it is told where: that has to be said before
/// the plan is made.
macro_rules! linked {
    ($self:ident, $component:ident) => {{
        let component = if $self.options.insecure { $component.insecure() } else { $component };
        let component = match $self.publish.link {
            Some(address) => component.link_address(address),
            None => component,
        };
        $self.options.applied(component.plan())
    }};
}

impl ServerFlags {
    pub(super) fn plan(self, service: Box<dyn Service>) -> Plan {
        let server = Server::boxed(self.name.name, service)
            .pull_address(or_any(self.pull.pull))
            .pub_address(or_any(self.publish.address))
            .db_address(or_any(self.cache.db))
            .pipelined(self.stream.pipelined)
            .threads(self.threads.count())
            .tasks(self.threads.tasks());
        linked!(self, server)
    }
}

impl PipelineFlags {
    pub(super) fn plan(self, service: Box<dyn Service>) -> Plan {
        let pipeline = Pipeline::boxed(self.name.name, service)
            .sub_address(self.upstream.sub)
            .previous(self.upstream.previous.unwrap_or_default())
            .pub_address(or_any(self.publish.address))
            .db_address(or_any(self.cache.db))
            .to_client(self.stream.to_client)
            .threads(self.threads.count())
            .tasks(self.threads.tasks());
        linked!(self, pipeline)
    }
}

impl SinkFlags {
    pub(super) fn plan(self, service: Box<dyn Service>) -> Plan {
        let sink = Sink::boxed(self.name.name, service)
            .sub_addresses(self.upstreams.sub)
            .previous(self.upstreams.previous)
            .pub_address(or_any(self.publish.address))
            .db_address(or_any(self.cache.db))
            .to_client(self.stream.to_client)
            .threads(self.threads.count())
            .tasks(self.threads.tasks());
        linked!(self, sink)
    }
}

impl MasterFlags {
    pub(super) fn plan(self, service: Option<Box<dyn Service>>) -> Plan {
        let master = Master::boxed(self.name.name, service)
            .pull_address(or_any(self.pull.pull))
            .pub_address(or_any(self.publish.address))
            .worker_push_address(or_any(self.workers.wpush))
            .worker_pull_address(or_any(self.workers.wpull))
            .db_address(or_any(self.cache.db))
            .pipelined(self.stream.pipelined);
        linked!(self, master)
    }
}

impl HubFlags {
    pub(super) fn plan(self, service: Option<Box<dyn Service>>) -> Plan {
        let hub = Hub::boxed(self.name.name, service)
            .sub_address(self.upstream.sub)
            .previous(self.upstream.previous.unwrap_or_default())
            .pub_address(or_any(self.publish.address))
            .worker_push_address(or_any(self.workers.wpush))
            .worker_pull_address(or_any(self.workers.wpull))
            .db_address(or_any(self.cache.db))
            .pipelined(self.stream.pipelined);
        linked!(self, hub)
    }
}

impl WorkerFlags {
    pub(super) fn plan(self, service: Box<dyn Service>) -> Plan {
        let mut worker = Worker::boxed(self.name.unwrap_or_default(), service)
            .threads(self.threads.count())
            .tasks(self.threads.tasks());
        if let Some(address) = self.db {
            worker = worker.db_address(address);
        }
        if let Some(address) = self.pull {
            worker = worker.pull_address(address);
        }
        if let Some(address) = self.push {
            worker = worker.push_address(address);
        }
        self.options.applied(worker.plan())
    }
}

impl Flags {
    /// The plan of the component that these flags make out of `service`. Without one, masters and hubs are plain ones, and the
    /// others stand for their description: good for a look at the plan.
    pub(super) fn plan(self, description: &'static Description, service: Option<Box<dyn Service>>) -> Plan {
        let outline = || Box::new(Outline(description)) as Box<dyn Service>;
        match self {
            Self::Server(flags) => flags.plan(service.unwrap_or_else(outline)),
            Self::Pipeline(flags) => flags.plan(service.unwrap_or_else(outline)),
            Self::Sink(flags) => flags.plan(service.unwrap_or_else(outline)),
            Self::Master(flags) => flags.plan(service),
            Self::Hub(flags) => flags.plan(service),
            Self::Worker(flags) => flags.plan(service.unwrap_or_else(outline)),
        }
    }
}

//! A component without its value: enough for a look at it.

use serde_json::Value;

use super::catalog::Entry;
use super::flags::{Flags, HubFlags, MasterFlags, PipelineFlags, ServerFlags, SinkFlags, WorkerFlags};
use crate::service::{Description, Kind, Service};
use crate::topology::{PartOutline, Plan};

/// Stands for a component whose constructor nobody has asked for.
pub(super) struct Outline(pub(super) &'static Description);

impl Service for Outline {
    fn description(&self) -> &'static Description {
        self.0
    }

    fn resolve(&self, method: &str) -> Option<usize> {
        self.0.methods.iter().position(|one| one.name == method)
    }
}

/// The plan that a component has when no flag is given.
pub(super) fn plan(entry: Entry) -> Plan {
    let description = entry.description;
    let flags = match description.kind {
        Kind::Server => Flags::Server(ServerFlags::default()),
        Kind::Pipeline => Flags::Pipeline(PipelineFlags::default()),
        Kind::Sink => {
            let mut flags = SinkFlags::default();
            // It has as many as it is given.
            flags.upstreams.sub.push(String::new());
            Flags::Sink(flags)
        }
        Kind::Master => Flags::Master(MasterFlags::default()),
        Kind::Hub => Flags::Hub(HubFlags::default()),
        Kind::Worker => Flags::Worker(WorkerFlags::default()),
    };
    let mut plan = flags.plan(description, None);
    description.name.clone_into(&mut plan.name);
    plan
}

/// The parts of a plan, inbound ones first.
pub(super) fn parts(plan: &Plan) -> Vec<PartOutline> {
    let mut parts = plan.outline().parts;
    // A stable sort: within a direction they stay as they were registered.
    parts.sort_by_key(|part| (part.direction == "bypass", part.direction == "outbound"));
    parts
}

/// The same for `--json`.
pub(super) fn parts_json(plan: &Plan) -> Value {
    parts(plan).iter().map(PartOutline::json).collect()
}

use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::engine::CrewLimits;
use crate::part::{Address, WorkerPushService};

/// How a component has its work done: the options of its `WorkerPushService`.
#[derive(Debug)]
pub(super) struct Working {
    pub(super) address: Address,
    pub(super) crew: CrewLimits,
    pub(super) ports: Option<RangeInclusive<u16>>,
    pub(super) state_dir: Option<PathBuf>,
}

impl Working {
    pub(super) fn new() -> Self {
        Self { address: Address::any(), crew: CrewLimits::default(), ports: None, state_dir: None }
    }

    pub(super) fn part(self) -> WorkerPushService {
        let mut part = WorkerPushService::new(self.address).limits(self.crew);
        if let Some(ports) = self.ports {
            part = part.worker_ports(ports);
        }
        if let Some(directory) = self.state_dir {
            part = part.state_dir(directory);
        }
        part
    }
}

use std::time::Duration;

use crate::part::{Address, PubService};

/// How a component publishes: the options of its `PubService`.
#[derive(Debug)]
pub(super) struct Publishing {
    pub(super) address: Address,
    pub(super) pipelined: bool,
    pub(super) hold_time: Option<Duration>,
    pub(super) hold_bytes: Option<usize>,
    pub(super) stall_timeout: Option<Duration>,
    pub(super) expected_subscribers: u32,
}

impl Publishing {
    pub(super) const fn new(pipelined: bool) -> Self {
        Self {
            address: Address::any(),
            pipelined,
            hold_time: None,
            hold_bytes: None,
            stall_timeout: None,
            expected_subscribers: 1,
        }
    }

    pub(super) fn part(self) -> PubService {
        let mut part =
            PubService::new(self.address).pipelined(self.pipelined).expected_subscribers(self.expected_subscribers);
        if let Some(time) = self.hold_time {
            part = part.hold_time(time);
        }
        if let Some(timeout) = self.stall_timeout {
            part = part.stall_timeout(timeout);
        }
        if let Some(bytes) = self.hold_bytes {
            part = part.hold_bytes(bytes);
        }
        part
    }
}

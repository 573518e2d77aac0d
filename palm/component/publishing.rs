use std::time::Duration;

use crate::part::{Address, LinkService, PubService};
use crate::topology::{Route, ServerTemplate};

/// How a component gives its results: the options of its `PubService`, and of its `LinkService`.
#[derive(Debug)]
pub(super) struct Publishing {
    pub(super) address: Address,
    pub(super) link_address: Option<Address>,
    pub(super) classic: bool,
    pub(super) pipelined: bool,
    pub(super) hold_time: Option<Duration>,
    pub(super) hold_bytes: Option<usize>,
    pub(super) hold_total: Option<usize>,
    pub(super) intake_bytes: Option<usize>,
    pub(super) stall_timeout: Option<Duration>,
    pub(super) expected_subscribers: u32,
}

impl Publishing {
    pub(super) const fn new(pipelined: bool) -> Self {
        Self {
            address: Address::any(),
            link_address: None,
            classic: false,
            pipelined,
            hold_time: None,
            hold_bytes: None,
            hold_total: None,
            intake_bytes: None,
            stall_timeout: None,
            expected_subscribers: 1,
        }
    }

    /// Registers the two parts, the publisher with that route.
    pub(super) fn register(self, template: ServerTemplate, route: Route) -> ServerTemplate {
        let address = match (self.classic, self.link_address.clone()) {
            (true, _) => None,
            (false, given) => given.or_else(|| (!template.is_insecure()).then(Address::any)),
        };
        let (hold_bytes, stall_timeout) = (self.hold_bytes, self.stall_timeout);
        let (hold_total, intake_bytes) = (self.hold_total, self.intake_bytes);
        let template = template.register_outbound("Pub", self.part(), route);
        let Some(address) = address else { return template };
        let mut link = LinkService::new(address);
        if let Some(bytes) = hold_bytes {
            link = link.hold_bytes(bytes);
        }
        if let Some(bytes) = hold_total {
            link = link.hold_total(bytes);
        }
        if let Some(bytes) = intake_bytes {
            link = link.intake_bytes(bytes);
        }
        if let Some(timeout) = stall_timeout {
            link = link.stall_timeout(timeout);
        }
        template.register_inbound("Link", link, "Pub")
    }

    fn part(self) -> PubService {
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
        if let Some(bytes) = self.hold_total {
            part = part.hold_total(bytes);
        }
        part
    }
}

//! Every part that answers, asks, pools or stands beside the router, in a topology.

use palm::part::{
    CacheService, Feed, Methods, PullBypassConnection, PullService, PushBypassConnection, PushPullService,
    RepBypassService, RepConnection, RepService, ReqConnection,
};
use std::sync::LazyLock;
use std::time::Duration;

static METRICS: LazyLock<Feed> = LazyLock::new(|| Feed::new(100));

#[derive(Default)]
struct Shout;

#[palm::server]
impl Shout {
    fn shout(&mut self, text: &str) -> String {
        text.to_uppercase()
    }
}

palm::topology! {
    /// Feedback is rerouted from part to part, and comes back to whoever asked.
    pub struct Everything {
        inbound  Rep:      RepService { feedback_timeout: Duration::from_secs(5), max_requests: 10 } => Workers, blocking;
        inbound  Reversed: RepConnection = "tcp://127.0.0.1:5580" => Methods, blocking, log "from one that binds";
        inbound  Pull:     PullService => Req;
        outbound Workers:  PushPullService { pull_address: "tcp://127.0.0.1:*", result_timeout: Duration::from_secs(5) } => Req;
        outbound Req:      ReqConnection { answer_timeout: Duration::from_secs(1) } = "tcp://127.0.0.1:5581" => Methods;
        outbound Methods:  Methods;
        bypass   Cache:    CacheService;
        bypass   Health:   RepBypassService { answer: |_, _| b"alive".to_vec() };
        bypass   Settings: PullBypassConnection { receive: |_, _| {} } = "tcp://127.0.0.1:5582";
        bypass   Metrics:  PushBypassConnection { feed: METRICS.clone() } = "tcp://127.0.0.1:5583";
    }
}

#[test]
fn they_hold() {
    let handle = Everything::new("everything").service(Shout).start().unwrap();
    for key in ["rep_address", "worker_push_address", "worker_pull_address", "rep_bypass_address", "db_address"] {
        assert!(handle.address(key).unwrap().starts_with("tcp://127.0.0.1:"));
    }
}

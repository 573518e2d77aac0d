#![allow(unused)]

use palm::part::{PubService, PullService, WorkerPushService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => Dealer;
        outbound WorkerPush: WorkerPushService;
        outbound Pub: PubService;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

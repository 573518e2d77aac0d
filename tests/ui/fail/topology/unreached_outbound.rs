#![allow(unused)]

use palm::part::{PubService, PullService, WorkerPushService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => Pub;
        outbound Pub: PubService;
        outbound WorkerPush: WorkerPushService => Pub;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

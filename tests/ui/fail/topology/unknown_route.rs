#![allow(unused)]

use palm::part::{PullService, WorkerPushService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => WorkerPus;
        outbound WorkerPush: WorkerPushService;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

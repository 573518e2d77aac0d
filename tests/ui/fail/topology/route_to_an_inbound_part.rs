#![allow(unused)]

use palm::part::{CacheService, PullService, WorkerPullService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => WorkerPull;
        inbound WorkerPull: WorkerPullService => Cache;
        bypass Cache: CacheService;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

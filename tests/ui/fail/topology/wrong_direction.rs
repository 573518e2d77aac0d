#![allow(unused)]

use palm::part::{CacheService, PubService, PullService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PubService => Pub;
        outbound Pub: CacheService;
        bypass Cache: PullService;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

#![allow(unused)]

use palm::part::{CacheService, PubService, PullService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => Pub;
        outbound Pub: PubService;
        bypass Cache: CacheService => Pub, log "cached";
        bypass Other: CacheService, log "cached";
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

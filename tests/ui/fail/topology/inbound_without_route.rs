#![allow(unused)]

use palm::part::{CacheService, PullService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService = "tcp://127.0.0.1:5555";
        bypass Cache: CacheService;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

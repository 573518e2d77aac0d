#![allow(unused)]

use palm::part::{PubService, PullService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => Pub, blockin, timeout 3, log "text";
        outbound Pub: PubService;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

#![allow(unused)]

use palm::part::{PubService, PullService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => Pub, log "a", log "b", blocking, blocking;
        outbound Pub: PubService { max: 3, max: 4 };
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

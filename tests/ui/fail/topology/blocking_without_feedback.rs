#![allow(unused)]

use palm::part::{PubService, PullService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => Pub, blocking;
        outbound Pub: PubService;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

#![allow(unused)]

use palm::part::{PubService, PullService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => Pub;
        outbound Pub: PubService;
        outbound Pub: PubService;
        inbound pull: PullService => Pub;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

#![allow(unused)]

use palm::part::{PubService, PullService};

palm::topology! {
    pub struct Cluster {
        inbuond Pull: PullService => Pub;
        router Pub: PubService;
        : PubService;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

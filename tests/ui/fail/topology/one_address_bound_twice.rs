#![allow(unused)]

use palm::part::{PubService, PullService};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService = "tcp://127.0.0.1:5555" => Pub;
        outbound Pub: PubService = "tcp://*:5555";
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

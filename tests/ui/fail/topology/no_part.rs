#![allow(unused)]

use palm::part::PubService;

palm::topology! {
    pub struct Cluster {
        inbound Pull: String => Pub;
        outbound Pub: PubService;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

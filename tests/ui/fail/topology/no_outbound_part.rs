#![allow(unused)]

use palm::part::PullService;

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => Pub;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

#![allow(unused)]

use palm::part::PullService;

palm::topology! {
    pub struct Cluster {
        inbound Run: PullService => discard;
        inbound discard: PullService => discard;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

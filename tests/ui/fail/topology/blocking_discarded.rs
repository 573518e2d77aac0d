#![allow(unused)]

use palm::part::{Methods, PullService, SubConnection};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => discard, blocking;
        inbound Sub: SubConnection => Methods, blocking;
        outbound Methods: Methods => discard;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

#![allow(unused)]

use palm::part::{PullService, PushConnection};

palm::topology! {
    pub struct Cluster {
        inbound Pull: PullService => One;
        outbound One: PushConnection => One;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

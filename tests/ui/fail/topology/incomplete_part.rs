#![allow(unused)]

use palm::part::{CacheService, PubService, SubConnection};

palm::topology! {
    pub struct Cluster {
        inbound => Pub;
        inbound Pull => Pub;
        inbound Sub: SubConnection => ;
        outbound Pub: PubService { previous };
        bypass Cache: CacheService = "tcp://127.0.0.1:5559" log;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

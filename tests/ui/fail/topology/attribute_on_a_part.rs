#![allow(unused)]

use palm::part::PullService;

palm::topology! {
    pub struct Cluster {
        #[cfg(test)]
        inbound Pull: PullService => discard;
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

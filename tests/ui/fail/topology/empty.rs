#![allow(unused)]

palm::topology! {
    pub struct Cluster {

    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

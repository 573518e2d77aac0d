#![allow(unused)]

use palm::part::{PubService, PullService};

palm::topology! {
    pub struct Cluster {
        inbound NoTransport: PullService = "127.0.0.1:5555" => Pub;
        inbound Misspelt: PullService = "tpc://127.0.0.1:5555" => Pub;
        inbound NoHost: PullService = "tcp://:5555" => Pub;
        inbound NoPort: PullService = "tcp://127.0.0.1" => Pub;
        inbound BadPort: PullService = "tcp://127.0.0.1:70000" => Pub;
        inbound NoName: PullService = "inproc://" => Pub;
        inbound Blank: PullService = "tcp://127.0.0.1: 5555" => Pub;
        inbound Number: PullService = 5555 => Pub;
        outbound Pub: PubService = "ipc://";
    }
}

fn main() {
    let _ = Cluster::new("cluster").run();
}

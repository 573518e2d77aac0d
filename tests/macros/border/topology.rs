//! Border cases of `topology!`: each is a twin of a rule in `fail`.

use palm::part::{CacheService, Methods, PubService, PullConnection, PullService, PushConnection};

const HOST: &str = "127.0.0.1";

palm::topology! {
    struct Cluster {
        // The keywords of the grammar are names too.
        inbound inbound: PullService = "tcp://127.0.0.1:5555" => outbound, blocking, log "blocking",;
        outbound outbound: Methods;
        // Who connects may share the address of one who binds.
        inbound Loop: PullConnection = "tcp://127.0.0.1:5555" => Pub;
        // One port on two hosts, and two ports of the system's choice, are no collision.
        inbound Other: PullService = "tcp://127.0.0.2:5555" => Twice;
        inbound Chosen: PullService = "tcp://127.0.0.1:*" => Twice;
        inbound ChosenToo: PullService = "tcp://127.0.0.1:*" => discard;
        // A diamond is no cycle.
        outbound Twice: PushConnection => Pub;
        outbound Pub: PubService {} = format!("tcp://{HOST}:5557");
        bypass r#type: CacheService;
        // A method that the topology has already gets an underscore.
        bypass Run: CacheService;
    }
}

#[test]
fn they_hold() {
    let _ = Cluster::new("cluster").type_address("tcp://127.0.0.1:*").run_address("tcp://127.0.0.1:*").template();
}

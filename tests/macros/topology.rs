//! `topology!`: what it makes of its parts.

use std::time::Duration;

use palm::part::{CacheService, Methods, PubService, PullService, SubConnection, WorkerPullService, WorkerPushService};
use palm::topology::Plan;

palm::topology! {
    /// The master of the parallel example, built from its parts.
    pub(crate) struct Master {
        inbound  Pull:       PullService       = "tcp://127.0.0.1:5555" => WorkerPush, scatter;
        inbound  WorkerPull: WorkerPullService = "tcp://127.0.0.1:5557" => Pub, log "done";
        outbound WorkerPush: WorkerPushService = "tcp://127.0.0.1:5558";
        outbound Pub:        PubService { hold_bytes: 1 << 10, hold_time: Duration::from_secs(1) } = "tcp://127.0.0.1:5556", gather;
        /// Where workers ask for the addresses.
        bypass   Cache:      CacheService      = "tcp://127.0.0.1:5559";
    }
}

palm::topology! {
    struct Everything {
        inbound Sub: SubConnection { previous: "server" } => Http, log "in";
        outbound Http: Methods => Pub, log "out";
        outbound Pub: PubService = format!("tcp://127.0.0.1:{}", 0), handle_stream;
        inbound Ignored: PullService => discard;
    }
}

/// What a plan says about itself in its graph, without the drawing.
fn edges(plan: &Plan) -> Vec<String> {
    plan.to_mermaid().lines().map(|line| line.trim().to_owned()).filter(|line| line.contains("-->")).collect()
}

#[test]
fn parts_and_routes_are_registered_in_source_order() {
    assert_eq!(edges(&Master::new("server").template().plan()), ["Pull --> WorkerPush", "WorkerPull --> Pub"]);
    assert_eq!(edges(&Everything::new("everything").template().plan()), ["Sub --> Http", "Http --> Pub"]);
}

#[test]
fn an_address_is_set_by_the_method_of_the_part() {
    let everything =
        Everything::new("everything").sub_address("tcp://localhost:1").pub_address(String::from("tcp://127.0.0.1:*"));
    assert_eq!(everything.messages(3).insecure().template().plan().name(), "everything");
    assert_eq!(
        format!("{:?}", Master::new("server").cache_address("tcp://127.0.0.1:*").pull_address("inproc://a")),
        "Master { .. }"
    );
}

#[test]
fn it_runs() {
    #[derive(Default)]
    struct Shout;

    #[palm::server]
    impl Shout {
        fn shout(&mut self, text: &str) -> String {
            text.to_uppercase()
        }
    }

    palm::topology! {
        struct Loud {
            inbound  Pull:    PullService => Methods;
            outbound Methods: Methods     => Pub;
            outbound Pub:     PubService;
            bypass   Cache:   CacheService;
        }
    }

    let handle = Loud::new("loud").service(Shout).preset_cache("key", "value").start().unwrap();
    assert!(handle.address("pull_address").is_ok_and(|address| address.starts_with("tcp://127.0.0.1:")));
    handle.shutdown();
    handle.join().unwrap();
}

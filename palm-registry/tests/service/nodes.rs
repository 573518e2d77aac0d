//! Nodes with a lease: they join, are heard of, get lost, come back and leave.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{FILE, Registry, until};

const ONE: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
const TWO: &str = "67e55044-10b1-426f-9247-bb680e5fe0c9";

fn join(registry: &Registry, cluster: &str, id: &str, processors: u32) -> Value {
    let ip = if id == ONE { "127.0.0.1" } else { "127.0.0.2" };
    let join =
        json!({"id": id, "ip": ip, "processors": processors, "ports_from": 5555, "runner": "0.1.0", "host": "here"});
    registry.post(&format!("/api/v1/clusters/{cluster}/nodes"), "", &join).ok().json()
}

fn names(assignment: &Value) -> Vec<&str> {
    assignment["instances"].as_array().unwrap().iter().map(|instance| instance["name"].as_str().unwrap()).collect()
}

fn heartbeat(instances: &Value, events: &Value) -> Value {
    json!({"at": "2026-11-25T15:00:00Z", "instances": instances, "events": events})
}

fn beat(cluster: &str, id: &str) -> String {
    format!("/api/v1/clusters/{cluster}/nodes/{id}/heartbeat")
}

fn events(registry: &Registry, key: &str, cluster: &str, query: &str) -> Vec<Value> {
    let answer = registry.get(&format!("/api/v1/clusters/{cluster}/events{query}"), key).ok();
    answer.json().as_array().unwrap().clone()
}

#[test]
pub(crate) fn a_node_gets_exactly_its_own_again() {
    let mut registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    let first = join(&registry, &cluster, ONE, 1);
    assert_eq!((names(&first), &first["lease_seconds"]), (vec!["Valuation Master"], &json!(30)));
    let second = join(&registry, &cluster, TWO, 2);
    assert_eq!(names(&second), ["Valuation Worker 1", "Valuation Worker 2"]);
    assert_eq!(join(&registry, &cluster, ONE, 1), first);
    registry.restart();
    assert_eq!(join(&registry, &cluster, TWO, 2), second);
    assert_eq!(registry.post(&beat(&cluster, TWO), "", &heartbeat(&json!([]), &json!([]))).ok().json(), second);
    let shown = registry.get(&format!("/api/v1/clusters/{cluster}"), &key).ok().json();
    assert_eq!(
        (&shown["state"], &shown["placed"], &shown["wanted"], &shown["nodes"]),
        (&json!("ready"), &json!(3), &json!(3), &json!(2))
    );
    assert_eq!(shown["addresses"]["_5"], "tcp://127.0.0.1:5557");
    let placed = events(&registry, &key, &cluster, "?kind=placed");
    assert_eq!(placed.len(), 3);
    assert_eq!((&placed[0]["instance"], &placed[0]["node"]), (&json!("Valuation Master"), &json!(ONE)));
}

#[test]
pub(crate) fn reports_become_states_events_and_metrics() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    join(&registry, &cluster, ONE, 1);
    let reports = json!([
        {"name": "Valuation Master", "state": "RUNNING", "since": "2026-11-25T15:00:00Z", "pid": 4711, "restarts": 2,
         "cpu_percent": 12.5, "rss_bytes": 1_000_000, "stats": {"messages": 7}, "reason": "a\u{0}b"},
        {"name": "somebody else's", "state": "RUNNING", "since": "2026-11-25T15:00:00Z"},
    ]);
    let changes = json!([
        {"instance": "Valuation Master", "from": "RUNNING", "to": "BACKOFF", "at": "2026-11-25T14:59:00Z", "exit_code": 3, "reason": "it\u{0}ended"},
        {"instance": "Valuation Master", "from": "BACKOFF", "to": "RUNNING", "at": "2026-11-25T14:59:01Z"},
    ]);
    for _ in 0..2 {
        registry.post(&beat(&cluster, ONE), "", &heartbeat(&reports, &changes)).ok();
    }
    let instances = registry.get(&format!("/api/v1/clusters/{cluster}/instances"), &key).ok().json();
    assert_eq!(instances.as_array().unwrap().len(), 1);
    assert_eq!((&instances[0]["report"]["state"], &instances[0]["report"]["pid"]), (&json!("RUNNING"), &json!(4711)));
    assert_eq!(
        instances[0]["command"],
        "python3 master.py --name foo --pull tcp://127.0.0.1:5555 --pub tcp://127.0.0.1:5556 --db tcp://127.0.0.1:5557"
    );
    let told = events(&registry, &key, &cluster, "?kind=state");
    assert_eq!(told.len(), 2, "what is sent twice is kept once");
    assert_eq!(
        (&told[0]["from"], &told[0]["to"], &told[0]["exit_code"]),
        (&json!("RUNNING"), &json!("BACKOFF"), &json!(3))
    );
    assert_eq!(told[0]["component"], "Valuation Master");
    assert_eq!(events(&registry, &key, &cluster, &format!("?after={}&kind=state", told[0]["id"])), told[1..]);
    assert_eq!(events(&registry, &key, &cluster, "?before=9223372036854775807&limit=1"), told[1..]);
    let metrics =
        registry.get(&format!("/api/v1/clusters/{cluster}/metrics?instance=Valuation%20Master"), &key).ok().json();
    let metric = &metrics[0];
    assert_eq!(
        (&metric["cpu_percent"], &metric["rss_bytes"], &metric["restarts"]),
        (&json!(12.5), &json!(1_000_000), &json!(2))
    );
    assert_eq!(
        (&metric["stats"]["messages"], &metric["state"], &metric["node"]),
        (&json!(7), &json!("RUNNING"), &json!(ONE))
    );
    let list = registry.get("/api/v1/clusters", &key).ok().json();
    assert_eq!((&list[0]["running"], &list[0]["state"]), (&json!(1), &json!("partial")));
}

#[test]
pub(crate) fn prometheus_is_told_how_everything_is() {
    let registry = Registry::start();
    let (key, other) = (registry.user("ann"), registry.user("bob"));
    let file = "[A \"b\"\\c]\nScript = a\n[B]\nScript = b\nReplicas = 1\n";
    let cluster = registry.cluster(&key, file);
    registry.cluster(&other, FILE);
    join(&registry, &cluster, ONE, 2);
    let reports = json!([
        {"name": "A \"b\"\\c", "state": "RUNNING", "since": "2026-11-25T15:00:00Z", "restarts": 2, "cpu_percent": 12.5,
         "rss_bytes": 1_000_000, "stats": {"received": 7, "in_flight": 3, "holding": 5, "evil\n": 1, "calls": "many"}},
    ]);
    registry.post(&beat(&cluster, ONE), "", &heartbeat(&reports, &json!([]))).ok();
    let answer = registry.send("GET", "/metrics", &[("Authorization", &format!("Bearer {key}"))], b"").ok();
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let a = format!(r#"{{cluster="{cluster}",component="A \"b\"\\c",instance="A \"b\"\\c"}}"#);
    let state = |state: &str| a.replace('}', &format!(",state=\"{state}\"}}"));
    let mut expected = vec![
        format!("palm_cluster_instances_wanted{{cluster=\"{cluster}\"}} 3"),
        format!("palm_cluster_instances_placed{{cluster=\"{cluster}\"}} 2"),
        format!("palm_cluster_nodes{{cluster=\"{cluster}\"}} 1"),
        format!("palm_cluster_nodes_alive{{cluster=\"{cluster}\"}} 1"),
        format!("palm_instance_restarts_total{a} 2"),
        format!("palm_instance_cpu{a} 0.125"),
        format!("palm_instance_memory_bytes{a} 1000000"),
        format!("palm_received_total{a} 7"),
        format!("palm_in_flight{a} 3"),
        format!("palm_holding_bytes{a} 5"),
    ];
    for of in ["STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "LOST"] {
        expected.push(format!("palm_instance_state{} {}", state(of), u8::from(of == "RUNNING")));
    }
    let (about, mut samples): (Vec<&str>, Vec<&str>) = answer.text().lines().partition(|line| line.starts_with('#'));
    expected.sort();
    samples.sort_unstable();
    assert_eq!(samples, expected);
    // Each metric is described once, in front of its samples.
    assert_eq!(about.len(), 2 * 11);
    assert!(about.contains(&"# TYPE palm_received_total counter"), "{about:?}");
    assert_eq!(registry.get("/metrics", "").status, 401);
}

#[test]
pub(crate) fn a_node_that_is_not_heard_of_is_lost_until_it_is() {
    let registry = Registry::with(|settings| settings.limits.lease = Duration::from_secs(1));
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    let first = join(&registry, &cluster, ONE, 1);
    let report = json!([{"name": "Valuation Master", "state": "RUNNING", "since": "2026-11-25T15:00:00Z", "pid": 1}]);
    registry.post(&beat(&cluster, ONE), "", &heartbeat(&report, &json!([]))).ok();
    let lost = || events(&registry, &key, &cluster, "?kind=lost&instance=Valuation%20Master");
    until("the loss of the node", || !lost().is_empty());
    let event = lost().remove(0);
    assert_eq!((&event["from"], &event["to"], &event["node"]), (&json!("RUNNING"), &json!("LOST"), &json!(ONE)));
    let instances = || registry.get(&format!("/api/v1/clusters/{cluster}/instances"), &key).ok().json();
    assert_eq!((&instances()[0]["report"]["state"], &instances()[0]["report"]["pid"]), (&json!("LOST"), &Value::Null));
    let nodes = registry.get(&format!("/api/v1/clusters/{cluster}/nodes"), &key).ok().json();
    assert_eq!(
        (&nodes[0]["alive"], &nodes[0]["instances"], &nodes[0]["host"]),
        (&json!(false), &json!(1), &json!("here"))
    );
    // Nobody else gets what it had; it does.
    assert_eq!(names(&join(&registry, &cluster, TWO, 3)), ["Valuation Worker 1", "Valuation Worker 2"]);
    assert_eq!(join(&registry, &cluster, ONE, 1), first);
    registry.post(&beat(&cluster, ONE), "", &heartbeat(&report, &json!([]))).ok();
    assert_eq!(instances()[0]["report"]["state"], "RUNNING");
    assert_eq!(events(&registry, &key, &cluster, "?kind=joined").len(), 3);
}

#[test]
pub(crate) fn what_a_node_leaves_goes_to_one_that_has_room() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    join(&registry, &cluster, ONE, 1);
    join(&registry, &cluster, TWO, 3);
    assert_eq!(registry.send("DELETE", &format!("/api/v1/clusters/{cluster}/nodes/{ONE}"), &[], b"").status, 204);
    assert_eq!(registry.post(&beat(&cluster, ONE), "", &heartbeat(&json!([]), &json!([]))).code(), "no_node");
    let next = registry.post(&beat(&cluster, TWO), "", &heartbeat(&json!([]), &json!([]))).ok().json();
    assert_eq!(names(&next), ["Valuation Worker 1", "Valuation Worker 2", "Valuation Master"]);
    let generations: Vec<u64> =
        next["instances"].as_array().unwrap().iter().map(|one| one["generation"].as_u64().unwrap()).collect();
    assert!(generations[0] > 0, "its address has changed: {generations:?}");
    assert!(next["instances"][0]["command"].as_str().unwrap().contains("tcp://127.0.0.2:"));
}

#[test]
pub(crate) fn a_reset_takes_everything_off_and_a_restart_asks_for_one() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    let before = join(&registry, &cluster, ONE, 3);
    let restart = |name: &str| {
        registry
            .send("POST", &format!("/api/v1/clusters/{cluster}/instances/{name}/restart"), &[("Key", &key)], b"")
            .status
    };
    assert_eq!((restart("Valuation%20Worker%202"), restart("nobody")), (204, 404));
    let after = registry.post(&beat(&cluster, ONE), "", &heartbeat(&json!([]), &json!([]))).ok().json();
    assert_eq!(after["instances"][0]["generation"], before["instances"][0]["generation"]);
    assert!(after["instances"][2]["generation"].as_u64() > before["instances"][2]["generation"].as_u64());
    registry.post(&format!("/api/v1/clusters/{cluster}/reset"), &key, &json!({})).ok();
    assert_eq!(registry.post(&beat(&cluster, ONE), "", &heartbeat(&json!([]), &json!([]))).code(), "no_node");
    let again = join(&registry, &cluster, ONE, 3);
    assert!(again["instances"][0]["generation"].as_u64() > after["instances"][2]["generation"].as_u64());
    let reset = &events(&registry, &key, &cluster, "?kind=reset")[0];
    assert_eq!(reset["user"], "ann");
}

#[test]
pub(crate) fn old_and_new_runners_share_a_cluster() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    assert_eq!(registry.node_config(&cluster, "127.0.0.1", 1, 5555).len(), 1);
    assert_eq!(names(&join(&registry, &cluster, TWO, 5)), ["Valuation Worker 1", "Valuation Worker 2"]);
    // All is placed: it gets its own again.
    assert_eq!(registry.node_config(&cluster, "127.0.0.1", 1, 5555).len(), 1);
    let nodes = registry.get(&format!("/api/v1/clusters/{cluster}/nodes"), &key).ok().json();
    assert_eq!(
        (&nodes[0]["runner"], &nodes[0]["alive"], &nodes[1]["alive"]),
        (&json!(""), &json!(false), &json!(true))
    );
}

#[test]
pub(crate) fn nodes_that_hold_nothing_make_room() {
    let registry = Registry::with(|settings| settings.limits.nodes = 4);
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, "[A]\nScript = a\nReplicas = 1\n");
    for number in 1..=20 {
        registry.node_config(&cluster, &format!("10.0.0.{number}"), 1, 5555);
    }
    let nodes = registry.get(&format!("/api/v1/clusters/{cluster}/nodes"), &key).ok().json();
    assert!(nodes.as_array().unwrap().len() <= 4);
    assert_eq!(registry.get(&format!("/api/v1/clusters/{cluster}"), &key).ok().json()["placed"], 2);
}

#[test]
pub(crate) fn what_is_too_old_or_too_much_goes() {
    let mut registry = Registry::with(|settings| {
        settings.limits.events = 3;
        (settings.limits.log_age, settings.limits.metric_age) = (Duration::ZERO, Duration::ZERO);
    });
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    join(&registry, &cluster, ONE, 3);
    let report =
        json!([{"name": "Valuation Master", "state": "RUNNING", "since": "2026-11-25T15:00:00Z", "rss_bytes": 1}]);
    registry.post(&beat(&cluster, ONE), "", &heartbeat(&report, &json!([]))).ok();
    registry.send("POST", &format!("/logs?cluster={cluster}"), &[], b"\x0a\x02hi").ok();
    assert_eq!(events(&registry, &key, &cluster, "").len(), 5);
    // It looks when it starts, and every minute.
    registry.restart();
    let rows = |what: &str| {
        let rows = registry.get(&format!("/api/v1/clusters/{cluster}/{what}"), &key).ok().json();
        rows.as_array().unwrap().len()
    };
    until("the end of what is too old", || (rows("events"), rows("logs"), rows("metrics")) == (3, 0, 0));
    assert_eq!(events(&registry, &key, &cluster, "")[2]["instance"], "Valuation Worker 2");
}

#[test]
pub(crate) fn no_port_is_handed_out_twice_in_a_crowd() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster =
        registry.cluster(&key, "[A]\nScript = a\n--x = _1\n--y = _2\n[B]\nScript = b\n--z = _3\nReplicas = 98\n");
    let commands: Vec<String> = std::thread::scope(|scope| {
        let ask = || registry.node_config(&cluster, "127.0.0.1", 5, 5555);
        let asking: Vec<_> = (0..20).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(commands.len(), 100);
    assert_eq!(commands.iter().filter(|command| command.starts_with("a ")).count(), 1);
    let status = registry.get(&format!("/cluster?method=cluster_status&cluster={cluster}"), &key).ok().json();
    assert_eq!(status["highest port used"], json!({"127.0.0.1": 5558}));
}

//! The JSON API, and the document that describes it.

use std::collections::BTreeSet;

use palm_registry::api;
use serde::Serialize;
use serde_json::{Value, json};

use crate::support::{FILE, Registry};

#[test]
pub(crate) fn clusters_are_made_planned_and_deleted() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let made = registry.post("/api/v1/clusters", &key, &json!({"file": FILE, "alias": "Valuation", "future": 1}));
    assert_eq!(made.status, 201);
    let cluster = made.json()["key"].as_str().unwrap().to_owned();
    assert_eq!((&made.json()["state"], &made.json()["file"]), (&json!("empty"), &json!(FILE)));
    let bearer = format!("Bearer {key}");
    let list = registry.send("GET", "/api/v1/clusters", &[("Authorization", &bearer)], b"").ok().json();
    assert_eq!((&list[0]["alias"], list[0].get("file")), (&json!("Valuation"), None));
    let node = "[DEFAULT]\nIp = 127.0.0.1\nProcessors = 2\nPorts_from = 5555\n";
    let plan = registry.post(&format!("/api/v1/clusters/{cluster}/plan"), &key, &json!({"nodes": [node]})).ok().json();
    assert_eq!(
        (&plan["nodes"][0]["instances"][1]["name"], &plan["unplaced"]),
        (&json!("Valuation Worker 1"), &json!(["Valuation Worker 2"]))
    );
    assert_eq!(registry.get(&format!("/api/v1/clusters/{cluster}"), &key).ok().json()["placed"], 0);
    let bad = registry.post(
        &format!("/api/v1/clusters/{cluster}/plan"),
        &key,
        &json!({"nodes": [node.replace("= 2", "= x")]}),
    );
    assert_eq!((bad.status, bad.code().as_str(), bad.json()["error"]["line"].as_u64()), (400, "bad_file", Some(3)));
    let bad = registry.post("/api/v1/clusters", &key, &json!({"file": "[A]\nScript = a\n--x\n"}));
    assert_eq!((bad.status, bad.code().as_str(), bad.json()["error"]["line"].as_u64()), (400, "bad_file", Some(3)));
    for (path, list) in [("", json!(["[A]\nScript = a\n"])), ("/x/tokens", json!([])), ("/x/plan", json!([[]]))] {
        let refused = registry.post(&format!("/api/v1/clusters{path}"), &key, &list);
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad_json"), "{path}");
    }
    assert_eq!(registry.delete(&format!("/api/v1/clusters/{cluster}"), &key).status, 204);
    assert_eq!(registry.get(&format!("/api/v1/clusters/{cluster}"), &key).code(), "no_cluster");
    assert_eq!(registry.get("/healthz", "").ok().text(), "ok\n");
}

#[test]
pub(crate) fn a_user_has_so_many_clusters() {
    let registry = Registry::with(|settings| settings.limits.clusters = 2);
    let key = registry.user("ann");
    let new = json!({"file": FILE});
    for expected in [201, 201, 409] {
        assert_eq!(registry.post("/api/v1/clusters", &key, &new).status, expected);
    }
    registry.post("/api/v1/clusters", &registry.user("bob"), &new).ok();
}

fn document(registry: &Registry) -> Value {
    registry.get("/api/v1/openapi.json", "").ok().json()
}

#[test]
pub(crate) fn the_document_names_every_route_and_no_other() {
    let registry = Registry::start();
    let document = document(&registry);
    for (path, described) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{key}", "k")
            .replace("{name}", "n")
            .replace("{id}", if path.contains("tokens") { "1" } else { "67e55044-10b1-426f-9247-bb680e5fe0c8" });
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = registry.send(method, &path, &[], b"");
            let unknown = answer.status == 405 || (answer.status == 404 && answer.code() == "not_found");
            let known = described.get(method.to_lowercase()).is_some();
            assert_eq!(!unknown, known, "{method} {path}: {}", answer.status);
        }
    }
    // What is in the table of routes, as it stands in the source.
    let source = include_str!("../../http/api/mod.rs");
    let routes: BTreeSet<&str> =
        source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let described: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(routes, described);
}

#[test]
pub(crate) fn the_document_names_every_field_and_no_other() {
    let registry = Registry::start();
    let document = document(&registry);
    let schema = |name: &str| &document["components"]["schemas"][name];
    let check = |name: &str, value: Value| {
        let fields: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let described: BTreeSet<&str> =
            schema(name)["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, described, "{name}");
        for required in schema(name)["required"].as_array().unwrap() {
            assert!(fields.contains(required.as_str().unwrap()), "{name}: {required}");
        }
    };
    fn whole<T: Serialize + serde::de::DeserializeOwned>(json: Value) -> Value {
        serde_json::to_value(serde_json::from_value::<T>(json).unwrap()).unwrap()
    }
    let (id, at) = ("67e55044-10b1-426f-9247-bb680e5fe0c8", "2026-11-25T15:00:00Z");
    check("NodeJoin", whole::<api::NodeJoin>(json!({"id": id, "ip": "::1", "processors": 1, "ports_from": 1})));
    check("Assignment", whole::<api::Assignment>(json!({"lease_seconds": 1, "instances": []})));
    check("Instance", whole::<api::Instance>(json!({"name": "", "component": "", "argv": [], "command": ""})));
    check("RestartPolicy", whole::<api::RestartPolicy>(json!({})));
    check("Heartbeat", whole::<api::Heartbeat>(json!({"at": at})));
    check("InstanceReport", whole::<api::InstanceReport>(json!({"name": "", "state": "LOST", "since": at})));
    check("StateChange", whole::<api::StateChange>(json!({"instance": "", "from": "LOST", "to": "LOST", "at": at})));
    check("Failure", whole::<api::Failure>(json!({"error": {"code": "", "text": ""}})));
    check("Problem", whole::<api::Problem>(json!({"code": "", "text": "", "line": 1})));
    check("NewCluster", whole::<api::NewCluster>(json!({"file": ""})));
    check(
        "Cluster",
        whole::<api::Cluster>(
            json!({"key": "", "created": at, "state": "empty", "wanted": 0, "placed": 0, "running": 0,
        "nodes": 0, "file": "", "addresses": {"_1": ""}}),
        ),
    );
    check(
        "PlacedInstance",
        whole::<api::PlacedInstance>(json!({"name": "", "component": "", "node": id, "ip": "", "command": ""})),
    );
    check(
        "Node",
        whole::<api::Node>(json!({"id": id, "ip": "", "processors": 1, "ports_from": 1, "joined": at, "last_seen": at,
        "alive": true, "instances": 0})),
    );
    check("Event", whole::<api::Event>(json!({"id": 1, "at": at, "kind": ""})));
    check("LogLine", whole::<api::LogLine>(json!({"id": 1, "at": at, "text": ""})));
    check("PlanRequest", whole::<api::PlanRequest>(json!({"nodes": []})));
    check("Plan", whole::<api::Plan>(json!({"nodes": [], "unplaced": [], "addresses": {}})));
    check(
        "PlannedNode",
        whole::<api::PlannedNode>(json!({"ip": "", "processors": 1, "ports_from": 1, "instances": []})),
    );
    check(
        "Metric",
        whole::<api::Metric>(
            json!({"id": 1, "at": at, "node": id, "instance": "", "component": "", "state": "LOST", "restarts": 0}),
        ),
    );
    check("NewToken", whole::<api::NewToken>(json!({})));
    check("Token", whole::<api::Token>(json!({"id": 1, "name": "", "created": at, "token": ""})));
    let states: Vec<String> = api::State::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(schema("State")["enum"], json!(states));
}

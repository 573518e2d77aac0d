//! Graphs and plans.

use serde_json::{Value, json};

use super::{Palm, example};

#[test]
fn a_file_is_drawn_in_both_languages() {
    let palm = Palm::new();
    let file = example("applications.conf");
    assert_eq!(
        palm.prints(&["graph", &file]),
        "digraph cluster {\n    rankdir=LR;\n    \"Server\" [shape=box];\n    \
         \"Worker\" [shape=box, label=\"Worker\\n2 instances\"];\n    \"Server\" -> \"Worker\" [label=\"_5\"];\n}\n"
    );
    assert_eq!(
        palm.prints(&["graph", &file, "--format", "mermaid"]),
        "flowchart LR\n    c0[\"Server\"]\n    c1[\"Worker<br/>2 instances\"]\n    c0 -- \"_5\" --> c1\n"
    );
    let value: Value = serde_json::from_str(&palm.prints(&["graph", &file, "--json"])).unwrap();
    assert_eq!(value["links"], json!([{ "from": "Server", "to": "Worker", "placeholders": ["_5"] }]));
}

#[test]
fn a_plan_is_a_table() {
    let text = Palm::new().prints(&[
        "cluster",
        "plan",
        &example("applications.conf"),
        &example("node1.conf"),
        &example("node2.conf"),
        &example("node2.conf"),
    ]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "NODE   INSTANCE  COMMAND",
            "node1  Server    applications master --name server --pull tcp://127.0.0.1:5555 --pub tcp://127.0.0.1:5556 \
             --wpush tcp://127.0.0.1:5557 --wpull tcp://127.0.0.1:5558 --db tcp://127.0.0.1:5559",
            "node2  Worker 1  applications worker --db tcp://127.0.0.1:5559",
            "node2  Worker 2  applications worker --db tcp://127.0.0.1:5559",
            "node2  -         2 of 2 processors idle",
        ]
    );
}

#[test]
fn a_plan_for_programs_tells_what_is_not_placed() {
    let palm = Palm::new();
    let node = palm.node("n1", "10.0.0.7", 2);
    let text = palm.prints(&["cluster", "plan", &example("applications.conf"), &node, "--json"]);
    let plan: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["unplaced"], json!(["Worker 2"]));
    assert_eq!(plan["addresses"]["_5"], "tcp://10.0.0.7:6004");
    assert_eq!(
        plan["nodes"][0]["instances"][1]["argv"],
        json!(["applications", "worker", "--db", "tcp://10.0.0.7:6004"])
    );
}

#[test]
fn faults_are_told_with_file_and_line() {
    let palm = Palm::new();
    palm.file("bad.conf", "[A]\nReplicas = x\n");
    palm.file("bad-node.conf", "[DEFAULT]\nIp = a b\nProcessors = 1\nPorts_from = 1\n");
    let said = palm.fails(1, &["graph", "bad.conf"]);
    assert!(said.contains("bad.conf: line 1, [A]: `Script` is missing"), "{said}");
    assert!(said.contains("bad.conf: line 2, [A], `Replicas`: `x` is no whole number"), "{said}");
    let said = palm.fails(1, &["cluster", "plan", &example("applications.conf"), "bad-node.conf"]);
    assert!(said.contains("bad-node.conf: line 2, [DEFAULT], `Ip`: `a b` is no IP address or host name"), "{said}");
    palm.fails(1, &["export", "systemd", "bad.conf"]);
    palm.fails(1, &["export", "kubernetes", "missing.conf"]);
    palm.fails(2, &["export", "nomad", "bad.conf"]);
}

#[test]
fn what_looks_odd_is_a_warning() {
    let palm = Palm::new();
    palm.file("odd.conf", "[A]\nScript = a\nReplica = 3\n");
    let output = palm.run(&["graph", "odd.conf"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("odd.conf: warning: line 3, [A], `Replica`: this key means nothing here; is it `Replicas`?"),
        "{said}"
    );
}

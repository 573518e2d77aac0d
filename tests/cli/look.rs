//! `list`, `describe` and `graph`.

use serde_json::json;

use crate::program::{prints, prints_json};

pub(crate) fn everything_is_listed() {
    assert_eq!(
        prints(&["list"]),
        "Hub         hub\n\
         Master      master\n\
         MyMaster    master\n\
         MyPipeline  pipeline  foo\n\
         MyServer    server    foo, slow, shout\n\
         MySink      sink      foo\n\
         MyWorker    worker    foo\n\
         Plain       server    foo\n\
         Twin        worker\n\
         Twin        server\n\
         Unlucky     server\n\
         Unmakeable  worker    number\n"
    );
}

pub(crate) fn a_list_for_programs() {
    let list = prints_json(&["list", "--json"]);
    assert_eq!(list.as_array().unwrap().len(), 12);
    // The library's plain hub makes way for one that is linked in.
    assert!(list[0]["source"]["file"].as_str().unwrap().ends_with("tests/cli/components.rs"));
    assert_eq!(list[1], json!({ "name": "Master", "kind": "master", "methods": [], "source": null }));
    assert_eq!(list[4]["methods"], json!(["foo", "slow", "shout"]));
    assert!(list[4]["source"]["line"].is_u64());
}

pub(crate) fn a_description_tells_all() {
    let text = prints(&["describe", "MyServer"]);
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.starts_with("MyServer is a server (") && first.contains("tests/cli/components.rs:"), "{first}");
    let (most, flags) = rest.split_once("\nFlags\n").unwrap();
    assert_eq!(
        most,
        r"  Answers with what it got.

  At any time.

Methods
  foo(&[u8]) -> Vec<u8>
      Says it.
  slow()
  shout(String) -> Option<String>

Hooks
  handle_stream

Parts
  inbound   Pull        PullService        => Methods
  inbound   Link        LinkService        => Pub
  outbound  Methods     Methods            => Pub
  outbound  Pub         PubService         => exterior
  bypass    Cache       CacheService
"
    );
    let names: Vec<_> = flags.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "--name",
            "--pull",
            "--pub",
            "--link",
            "--db",
            "--pipelined",
            "--threads",
            "--tasks",
            "--messages",
            "--advertise",
            "--insecure"
        ]
    );
    assert!(flags.starts_with("  --name NAME ") && flags.contains("(required)"), "{flags}");
}

pub(crate) fn a_description_for_programs() {
    let mut about = prints_json(&["describe", "MyWorker", "--json"]);
    let source = about["source"].take();
    assert!(source["line"].is_u64() && source["file"].as_str().unwrap().ends_with("tests/cli/components.rs"));
    assert!(about["methods"][0]["line"].take().is_u64());
    let flags = about["flags"].take();
    assert_eq!(
        about,
        json!({
            "name": "MyWorker",
            "kind": "worker",
            "docs": "",
            "source": null,
            "methods": [{ "name": "foo", "docs": "", "payload": "&[u8]", "reply": "Vec<u8>", "line": null }],
            "hooks": [],
            "parts": [
                { "name": "Pull", "direction": "inbound", "type": "PullConnection", "route": "Methods" },
                { "name": "Methods", "direction": "outbound", "type": "Methods", "route": "Push" },
                { "name": "Push", "direction": "outbound", "type": "PushConnection", "route": "exterior" },
            ],
            "flags": null,
        })
    );
    let mut db = flags[1].clone();
    assert!(db["help"].take().is_string());
    assert_eq!(
        db,
        json!({ "flag": "--db", "aliases": ["--db-address"], "value": "ADDRESS", "required": false,
                "variable": "PALM_RUN_DB", "help": null })
    );
}

pub(crate) fn a_master_is_described_with_its_hooks() {
    let about = prints_json(&["describe", "MyMaster", "--json"]);
    assert_eq!(about["hooks"], json!(["scatter"]));
    let plain = prints(&["describe", "Master"]);
    assert!(plain.starts_with("Master is a master (plain, without hooks)\n"), "{plain}");
    // Nothing has to be made for a look at it.
    prints(&["describe", "Unmakeable"]);
    prints(&["describe", "Unlucky"]);
}

pub(crate) fn graphs_in_both_languages() {
    let dot = prints(&["graph", "MyMaster"]);
    assert!(dot.starts_with("digraph \"MyMaster\" {\n"), "{dot}");
    assert!(
        dot.contains("    \"Pull\" -> \"WorkerPush\";\n    \"WorkerPull\" -> \"Pub\";\n    \"Link\" -> \"Pub\";\n}\n"),
        "{dot}"
    );
    assert_eq!(dot, prints(&["graph", "MyMaster", "--format", "dot"]));
    let mermaid = prints(&["graph", "MySink", "--format", "mermaid"]);
    assert!(mermaid.starts_with("flowchart LR\n    Sub["), "{mermaid}");
    assert!(mermaid.ends_with("    Sub --> Methods\n    Methods --> Pub\n    Link --> Pub\n"), "{mermaid}");
}

pub(crate) fn a_graph_for_programs() {
    let graph = prints_json(&["graph", "MyPipeline", "--json"]);
    assert_eq!(graph["name"], "MyPipeline");
    assert_eq!(
        graph["parts"][0],
        json!({ "name": "Sub", "direction": "inbound", "type": "SubConnection", "route": "Methods" })
    );
    assert_eq!(
        graph["parts"][4],
        json!({ "name": "Cache", "direction": "bypass", "type": "CacheService", "route": null })
    );
}

pub(crate) fn help_is_on_stdout() {
    let help = prints(&["--help"]);
    for command in ["list", "describe", "graph", "run", "--log"] {
        assert!(help.contains(command), "{help}");
    }
    let run = prints(&["run", "--help"]);
    assert!(run.contains("MyServer    A server. Answers with what it got."), "{run}");
    let worker = prints(&["run", "MyWorker", "--help"]);
    assert!(worker.contains("PALM_RUN_DB") && !worker.contains("--pub"), "{worker}");
}

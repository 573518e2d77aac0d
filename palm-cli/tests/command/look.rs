//! `ping`, `graph --db` and `doctor`.

use std::fs::File;
use std::net::TcpListener;

use palm::topology::Outline;
use palm::{Master, Server};
use serde_json::json;

use crate::components::{Shop, shop};
use crate::program::{fails, outcome, palm, prints, prints_json};

#[test]
fn a_component_says_who_it_is() {
    let (_shop, db) = shop();
    let text = prints(&mut palm(["ping", "--db", &db]));
    let (first, rest) = text.split_once('\n').unwrap();
    let (who, place) = first.split_once(", palm ").unwrap();
    assert_eq!(who, "shop: server");
    assert!(place.starts_with(env!("CARGO_PKG_VERSION")) && place.ends_with(&format!(" us at {db}")), "{place}");
    assert!(rest.starts_with("  shop.shout(&str) -> String\n      Says it louder.\n  shop.back("), "{rest}");
    assert!(rest.ends_with("  shop.stuck()\n"), "{rest}");
}

#[test]
fn a_component_says_it_to_programs() {
    let master = Master::new("head").start().unwrap();
    let db = master.address("db_address").unwrap();
    let mut answer = prints_json(&mut palm(["ping", "--db", &db, "--json"]));
    assert!(answer["round_trip_us"].take().as_u64() > Some(0));
    assert_eq!(
        answer,
        json!({
            "name": "head", "classic": false, "kind": "master", "version": env!("CARGO_PKG_VERSION"),
            "methods": [], "address": db, "round_trip_us": null,
        })
    );
    let (_shop, db) = shop();
    let methods = prints_json(&mut palm(["ping", "--db", &db, "--json"]))["methods"].take();
    assert_eq!(
        methods[0],
        json!({ "name": "shout", "docs": "Says it louder.\n\nIn capital letters.", "payload": "&str", "reply": "String" })
    );
    assert_eq!(methods[5], json!({ "name": "stuck", "docs": "", "payload": null, "reply": null }));
}

#[test]
fn a_component_is_drawn() {
    let (_shop, db) = shop();
    let outline = Server::new("shop", Shop).plan().outline();
    assert_eq!(prints(&mut palm(["graph", "--db", &db])), outline.to_dot());
    assert_eq!(prints(&mut palm(["graph", "--db", &db, "--format", "mermaid"])), outline.to_mermaid());
    let json = prints(&mut palm(["graph", "--db", &db, "--json"]));
    assert_eq!(Outline::from_json(json.as_bytes()), Some(outline));
    fails(&mut palm(["graph"]), 2, &["--db"]);
    fails(&mut palm(["graph", "x.conf", "--db", &db]), 2, &["cannot be used with"]);
}

#[test]
fn the_doctor_looks_at_everything() {
    let findings = prints_json(&mut palm(["doctor", "--json"]));
    let findings = findings.as_array().unwrap();
    let what: Vec<_> = findings.iter().map(|finding| finding["what"].as_str().unwrap()).collect();
    for needed in ["libzmq", "a call", "processors", "memory", "open files", "clock", "loopback", "ports", "host name"]
    {
        assert!(what.contains(&needed), "{what:?}");
    }
    for finding in findings {
        assert!(finding["state"] != "fault" && finding["text"].as_str().unwrap().len() > 2, "{finding}");
    }
    let text = outcome(&mut palm(["doctor"]));
    assert_eq!(text.code, 0);
    assert!(text.out.starts_with("STATE  WHAT") && text.out.lines().count() == findings.len() + 1, "{}", text.out);
}

#[test]
fn a_port_that_is_taken_is_noticed() {
    // The documentation's ports are everybody's: who uses one of them holds this.
    let turn = File::create(std::env::temp_dir().join("palm-documentation-ports.lock")).unwrap();
    turn.lock().unwrap();
    let _taken = TcpListener::bind("127.0.0.1:8889").unwrap();
    let findings = prints_json(&mut palm(["doctor", "--json"]));
    let ports = findings.as_array().unwrap().iter().find(|finding| finding["what"] == "ports").unwrap();
    assert_eq!(ports["state"], "note");
    assert!(ports["text"].as_str().unwrap().ends_with("8889"), "{ports}");
}

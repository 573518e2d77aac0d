//! The addresses of old clients: statuses and bodies as they expect them.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::support::{Browser, FILE, Registry, escape};

#[test]
pub(crate) fn a_cluster_comes_up_as_it_always_did() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    assert_eq!(cluster.len(), 36, "{cluster}");
    let status = format!("/cluster?method=cluster_status&cluster={cluster}");
    assert_eq!(registry.get(&status, &key).ok().text(), "");
    let list = registry.get("/cluster?method=clusters_list", &key).ok().json();
    assert_eq!(list[&cluster]["status"], "");
    assert_eq!(list[&cluster]["description"], FILE.trim());
    let commands = registry.node_config(&cluster, "127.0.0.1", 3, 5555);
    let worker = "python3 worker.py --db tcp://127.0.0.1:5557";
    assert_eq!(
        commands,
        [
            "python3 master.py --name foo --pull tcp://127.0.0.1:5555 --pub tcp://127.0.0.1:5556 --db tcp://127.0.0.1:5557",
            worker,
            worker
        ]
    );
    let status = registry.get(&status, &key).ok().json();
    assert_eq!(status["highest port used"], json!({"127.0.0.1": 5558}));
    assert_eq!(status["configured resources"]["Valuation Worker 2"]["node"], "127.0.0.1");
    assert_eq!(status["ready"], true);
    let list = registry.get("/cluster?method=clusters_list", &key).ok().json();
    assert_eq!(list[&cluster]["status"].as_array().unwrap().len(), 4);
    let when = list[&cluster]["when"].as_str().unwrap();
    assert!(when.len() == 26 && when.as_bytes()[10] == b'T', "{when}");
    for method in ["cluster_reset", "cluster_delete"] {
        assert_eq!(registry.get(&format!("/cluster?method={method}&cluster={cluster}"), &key).ok().text(), cluster);
    }
    assert_eq!(registry.get("/cluster?method=clusters_list", &key).ok().json(), json!({}));
}

#[test]
pub(crate) fn a_key_may_be_chosen_and_is_taken_then() {
    let registry = Registry::start();
    let (ann, bob) = (registry.user("ann"), registry.user("bob"));
    let new = format!("/cluster?method=new_cluster&description={}&key=mine&alias=%20Mine%00x%20", escape(FILE));
    assert_eq!(registry.get(&new, &ann).ok().text(), "mine");
    assert_eq!(registry.get("/cluster?method=clusters_list", &ann).ok().json()["mine"]["alias"], "Mine x");
    for key in [&ann, &bob] {
        assert_eq!(registry.get(&new, key).status, 409);
    }
    let empty = format!("/cluster?method=new_cluster&description={}&key=", escape(FILE));
    assert_eq!(registry.get(&empty, &ann).ok().text().len(), 36);
}

#[test]
pub(crate) fn what_is_refused_is_4xx() {
    let registry = Registry::start();
    let (ann, bob) = (registry.user("ann"), registry.user("bob"));
    let cluster = registry.cluster(&ann, FILE);
    let status = format!("/cluster?method=cluster_status&cluster={cluster}");
    let node = escape("[DEFAULT]\nIp = 127.0.0.1\nProcessors = 1\nPorts_from = 5555\n");
    for (path, key, expected) in [
        ("/cluster", ann.as_str(), 400),
        ("/cluster?method=", &ann, 400),
        ("/cluster?method=destroy", &ann, 400),
        ("/cluster?method=clusters_list", "", 401),
        ("/cluster?method=clusters_list", "nonsense", 401),
        ("/cluster?method=cluster_status", &ann, 400),
        ("/cluster?method=cluster_status", "", 400),
        ("/cluster?method=cluster_status&cluster=%ff", &ann, 400),
        ("/cluster?method=cluster_status&cluster=nothing", &ann, 404),
        (&status, &bob, 404),
        (&status, "", 401),
        (&format!("/cluster?method=cluster_delete&cluster={cluster}"), &bob, 404),
        (&format!("/cluster?method=cluster_reset&cluster={cluster}"), &bob, 404),
        // The key is looked at before the description.
        ("/cluster?method=new_cluster", "", 401),
        ("/cluster?method=new_cluster", &ann, 400),
        ("/cluster?method=new_cluster&description=x", &ann, 400),
        ("/cluster?method=new_cluster&description=%5BA%5D", &ann, 400),
        (&format!("/cluster?method=node_config&cluster=nothing&node={node}"), "", 404),
        (&format!("/cluster?method=node_config&cluster={cluster}"), "", 400),
        (&format!("/cluster?method=node_config&cluster={cluster}&node=nonsense"), "", 400),
        (&format!("/cluster?method=node_config&cluster={cluster}&node={}", node.replace("5555", "x")), "", 400),
        ("/cluster/", &ann, 404),
        ("/logs", "", 400),
        ("/logs?cluster=nothing&fr=yesterday", "", 400),
    ] {
        let answer = registry.get(path, key);
        assert_eq!(answer.status, expected, "{path}: {}", answer.text());
        assert!(!answer.json()["error"]["text"].as_str().unwrap().is_empty());
    }
    for method in ["POST", "HEAD", "PUT", "DELETE"] {
        assert_eq!(
            registry.send(method, "/cluster?method=clusters_list", &[("Key", &ann)], b"").status,
            405,
            "{method}"
        );
    }
    let (inactive, root) = (registry.user("eve"), registry.admin("root"));
    let mut browser = Browser::signed_in(&registry, "root");
    browser.get("/dashboard").ok();
    assert_eq!(browser.post("/lock_user", &[("name", "eve"), ("active", "0")]).status, 302);
    for (key, expected) in [(&inactive, 403), (&root, 200)] {
        assert_eq!(registry.get("/cluster?method=clusters_list", key).status, expected);
    }
    let bad = registry
        .get(&format!("/cluster?method=new_cluster&description={}", escape("[A]\nScript = a\nReplicas = x\n")), &ann);
    assert_eq!((bad.code().as_str(), bad.json()["error"]["line"].as_u64()), ("bad_file", Some(3)));
}

#[test]
pub(crate) fn a_wrong_key_does_not_keep_a_runner_out() {
    let registry = Registry::start();
    let ann = registry.user("ann");
    let cluster = registry.cluster(&ann, FILE);
    let node = escape("[DEFAULT]\nIp = 127.0.0.1\nProcessors = 1\nPorts_from = 5555\n");
    let answer = registry.get(&format!("/cluster?method=node_config&cluster={cluster}&node={node}"), "wrong").ok();
    assert_eq!(answer.json().as_array().unwrap().len(), 1);
}

#[test]
pub(crate) fn request_lines_of_64_kb_are_taken() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let padding = format!("# {}\n", "x".repeat(500)).repeat(120);
    let path =
        format!("/cluster?method=new_cluster&description={}", escape(&format!("{FILE}{padding}")).replace("%78", "x"));
    assert!((60_000..65_000).contains(&path.len()), "{}", path.len());
    registry.get(&path, &key).ok();
}

#[test]
pub(crate) fn head_and_body_come_in_pieces() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    let mut stream = TcpStream::connect(registry.service().address()).unwrap();
    let head = format!(
        "POST /logs?cluster={cluster} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(b"\x0a\x05h").unwrap();
    stream.write_all(b"ello").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(registry.get(&format!("/logs?cluster={cluster}"), "").ok().json()[0]["text"], "hello");
}

#[test]
pub(crate) fn what_a_client_has_already_is_not_sent_again() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    let log = format!("/logs?cluster={cluster}");
    let line = || registry.send("POST", &log, &[], b"\x0a\x02hi").ok();
    line();
    let api = format!("/api/v1/clusters/{cluster}");
    for path in ["/cluster?method=clusters_list", "/style.css", "/favicon.ico?x=1", "/api/v1/openapi.json", &log, &api]
    {
        let first = registry.get(path, &key).ok();
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() > 2, "{path}: {tag}");
        assert_eq!(registry.get(path, &key).ok().header("etag"), tag, "{path}");
        let again = |known: &str| registry.send("GET", path, &[("Key", &key), ("If-None-Match", known)], b"");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
            let answer = again(&known);
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{path} {known}");
            assert_eq!((answer.header("etag"), answer.header("content-type")), (tag.as_str(), ""), "{path}");
        }
        for other in ["\"other\"", "*", ""] {
            let answer = again(other);
            assert_eq!((answer.status, &answer.body), (200, &first.body), "{path} {other}");
        }
    }
    let tag = |path: &str| registry.get(path, &key).ok().header("etag").to_owned();
    let (before, list) = (tag(&log), tag("/cluster?method=clusters_list"));
    line();
    registry.node_config(&cluster, "127.0.0.1", 1, 5555);
    assert!(tag(&log) != before && tag("/cluster?method=clusters_list") != list);
    assert_eq!(registry.get("/cluster", &key).header("etag"), "", "what is refused has none");
}

#[test]
pub(crate) fn a_node_that_cannot_be_placed_changes_nothing() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    let node = escape("[DEFAULT]\nIp = 127.0.0.1\nProcessors = 3\nPorts_from = 65534\n");
    let refused = registry.get(&format!("/cluster?method=node_config&cluster={cluster}&node={node}"), "");
    assert_eq!((refused.status, refused.code().as_str()), (409, "no_port"));
    assert_eq!(registry.get(&format!("/cluster?method=cluster_status&cluster={cluster}"), &key).ok().text(), "");
    assert_eq!(registry.node_config(&cluster, "127.0.0.1", 3, 5555).len(), 3);
}

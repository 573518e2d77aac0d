//! The real clients and the real runner of the Python registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::environment;
use crate::skip::skip;
use crate::support::{FILE, Registry, until};

fn environment() -> Option<&'static Path> {
    let skipped = |reason: &str| skip("what is played by Python clients", reason);
    environment::made().map_err(skipped).ok()
}

fn file(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_old_clients_work() {
    let Some(environment) = environment() else { return };
    let registry = Registry::start();
    let key = registry.user("ann");
    let directory = tempfile::tempdir().unwrap();
    let cluster_file = file(directory.path(), "cluster.conf", FILE);
    let node_file =
        file(directory.path(), "node.conf", "[DEFAULT]\nIp = 127.0.0.1\nProcessors = 2\nPorts_from = 5555\n");
    let output = Command::new(environment.join("bin/python"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/service/scripts/clients.py"))
        .args([&registry.url(), &key])
        .args([cluster_file, node_file])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cluster = told["key"].as_str().unwrap();
    assert_eq!((cluster.len(), &told["chosen"]), (36, &json!("chosen")));
    assert_eq!(
        [&told["taken"], &told["no key"], &told["no cluster"]],
        ["HTTPClientError", "HTTPClientError", "HTTPClientError"]
    );
    assert_eq!([&told["empty"], &told["after reset"]], ["Empty", "Empty"]);
    let worker = "python3 worker.py --db tcp://127.0.0.1:5557";
    let master =
        "python3 master.py --name foo --pull tcp://127.0.0.1:5555 --pub tcp://127.0.0.1:5556 --db tcp://127.0.0.1:5557";
    assert_eq!((&told["commands"], &told["again"]), (&json!([master, worker]), &json!([worker])));
    assert_eq!(told["status"]["configured resources"]["Valuation Worker 2"]["ready"], true);
    assert_eq!(told["list"][cluster]["status"].as_array().unwrap().len(), 4);
    assert!(told["printed"].as_str().unwrap().contains(cluster), "{}", told["printed"]);
    assert_eq!(told["reset"], cluster);
    let texts = |name: &str| told[name].as_array().unwrap().iter().map(|line| line["text"].clone()).collect::<Vec<_>>();
    let lines = ["first", "h\u{e9} <b> \u{1b}[31m", "last"];
    assert_eq!(texts("lines"), lines);
    assert_eq!(texts("between"), lines);
    assert_eq!(texts("later"), [""; 0]);
    assert_eq!(told["pages"], json!(lines));
}

/// A runner with what it started; both end with it.
struct Runner(Child);

impl Drop for Runner {
    fn drop(&mut self) {
        // Its components are its children, and end with the pipe that they write to.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn runner(environment: &Path, registry: &str, cluster: &str, config: &Path) -> Runner {
    let mut command = Command::new(environment.join("bin/python"));
    command
        .arg(environment.join("bin/pylm-runner"))
        .args(["--registry", registry, "--cluster", cluster, "--config"])
        .arg(config);
    Runner(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// Says a line again and again, until nobody reads it any more.
const COMPONENT: &str = "\
import sys, time
try:
    while True:
        print(' '.join(sys.argv[1:]), flush=True)
        time.sleep(0.2)
except BrokenPipeError:
    sys.stderr.close()
";

#[test]
fn the_old_runner_works_and_with_a_token_too() {
    let Some(environment) = environment() else { return };
    for token in [false, true] {
        let registry = Registry::with(|settings| settings.require_runner_token = token);
        let key = registry.user("ann");
        let directory = tempfile::tempdir().unwrap();
        let component = file(directory.path(), "component.py", COMPONENT);
        let (python, component) =
            (environment.join("bin/python").display().to_string(), component.display().to_string());
        let cluster_file = format!(
            "[Master]\nScript = {python} {component} master\n--pull = _1\n[Worker]\nScript = {python} {component} worker\n\
             --db = _1\nConnected = Master\n"
        );
        let cluster = registry.cluster(&key, &cluster_file);
        let node =
            file(directory.path(), "node.conf", "[DEFAULT]\nIp = 127.0.0.1\nProcessors = 2\nPorts_from = 5555\n");
        let mut url = registry.url();
        if token {
            let made =
                registry.post(&format!("/api/v1/clusters/{cluster}/tokens"), &key, &json!({"name": ""})).ok().json();
            url = url.replace("http://", &format!("http://runner:{}@", made["token"].as_str().unwrap()));
        }
        let _runner = runner(environment, &url, &cluster, &node);
        until("the lines of both components", || {
            let lines = registry.get(&format!("/api/v1/clusters/{cluster}/logs?limit=100"), &key).ok().json();
            let has = |text: &str| lines.as_array().unwrap().iter().any(|line| line["text"] == text);
            has("master --pull tcp://127.0.0.1:5555") && has("worker --db tcp://127.0.0.1:5555")
        });
        let shown = registry.get(&format!("/api/v1/clusters/{cluster}"), &key).ok().json();
        assert_eq!(shown["state"], "ready");
    }
}

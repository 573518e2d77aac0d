//! Units, as systemd itself reads them.

use std::path::Path;
use std::process::Command;

use super::skip::skip;
use super::{ODD, Palm, example, files_below};

/// What `systemd-analyze verify` says to all units of a directory. It tells of unknown keys, and fails for others alone.
fn verdict(directory: &Path) -> Option<String> {
    let units = files_below(directory);
    match Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&units).output() {
        Ok(output) => {
            Some(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
        }
        Err(error) => {
            skip("what systemd says to exported units", &format!("systemd-analyze cannot be run: {error}"));
            None
        }
    }
}

#[test]
fn units_are_printed_with_their_names() {
    let palm = Palm::new();
    palm.file("pair.conf", "[M]\nScript = sleep 1\n--db = _1\n[W]\nScript = ./work 50%\n--db = _1\nConnected = M\nReplicas = 1\nGrace = 5\nRestart = failure\nAttempts = 2\n");
    let text = palm.prints(&["export", "systemd", "pair.conf", "--directory", "/srv/a b"]);
    assert_eq!(
        text,
        "# pair.target
[Unit]
Description=PALM cluster pair
Wants=pair-m.service
Wants=pair-w-1.service
Wants=pair-w-2.service

[Install]
WantedBy=multi-user.target

# pair-m.service
[Unit]
Description=M of pair
PartOf=pair.target
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=65
StartLimitBurst=6

[Service]
ExecStart=sleep 1 --db tcp://127.0.0.1:5555
WorkingDirectory=/srv/a b
Restart=always
RestartSec=1
TimeoutStopSec=10

# pair-w-1.service
[Unit]
Description=W 1 of pair
PartOf=pair.target
Wants=network-online.target
After=network-online.target pair-m.service
StartLimitIntervalSec=62
StartLimitBurst=3

[Service]
ExecStart=\"/srv/a b/./work\" \"50%%\" --db tcp://127.0.0.1:5555
WorkingDirectory=/srv/a b
Restart=on-failure
RestartSec=1
TimeoutStopSec=5

# pair-w-2.service
[Unit]
Description=W 2 of pair
PartOf=pair.target
Wants=network-online.target
After=network-online.target pair-m.service
StartLimitIntervalSec=62
StartLimitBurst=3

[Service]
ExecStart=\"/srv/a b/./work\" \"50%%\" --db tcp://127.0.0.1:5555
WorkingDirectory=/srv/a b
Restart=on-failure
RestartSec=1
TimeoutStopSec=5
"
    );
}

#[test]
fn each_node_has_a_directory() {
    let palm = Palm::new();
    let nodes = [palm.node("One", "10.0.0.1", 1), palm.node("Two", "10.0.0.2", 2)];
    let file = example("applications.conf");
    palm.prints(&["export", "systemd", &file, "--node", &nodes[0], "--node", &nodes[1], "--out", "out/units"]);
    let root = palm.path().join("out/units");
    let names: Vec<_> =
        files_below(&root).iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(
        names,
        [
            "one/applications-server.service",
            "one/applications.target",
            "two/applications-worker-1.service",
            "two/applications-worker-2.service",
            "two/applications.target",
        ]
    );
    let worker = std::fs::read_to_string(root.join("two/applications-worker-1.service")).unwrap();
    assert!(worker.contains("ExecStart=applications worker --db tcp://10.0.0.1:6004\n"), "{worker}");
    // The master is on another machine: nothing to wait for here.
    assert!(worker.contains("After=network-online.target\n"), "{worker}");
}

#[test]
fn systemd_finds_nothing_wrong_with_them() {
    let palm = Palm::new();
    palm.file("odd 50%.conf", ODD);
    palm.prints(&["export", "systemd", "odd 50%.conf", "--out", "odd", "--directory", "/"]);
    assert_eq!(verdict(&palm.path().join("odd")).unwrap_or_default(), "");
    palm.file("plain.conf", "[A]\nScript = sleep 1\n--x = _1\n[B]\nScript = /bin/sleep 2\n--x = _1\nConnected = A\n");
    palm.prints(&["export", "systemd", "plain.conf", "--out", "plain"]);
    assert_eq!(verdict(&palm.path().join("plain")).unwrap_or_default(), "");
}

#[test]
fn systemd_does_find_what_is_wrong() {
    let palm = Palm::new();
    palm.file("gone.conf", "[A]\nScript = /no/such/program\n");
    palm.prints(&["export", "systemd", "gone.conf", "--out", "gone"]);
    let unit = palm.path().join("gone/gone-a.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    std::fs::write(&unit, text.replace("RestartSec", "RestartSecs")).unwrap();
    let Some(verdict) = verdict(&palm.path().join("gone")) else { return };
    assert!(verdict.contains("RestartSecs") && verdict.contains("/no/such/program"), "{verdict}");
}

#[test]
fn what_systemd_cannot_run_is_refused() {
    let palm = Palm::new();
    palm.file("relative.conf", "[A]\nScript = bin/a\n");
    let said = palm.fails(2, &["export", "systemd", "relative.conf"]);
    assert!(said.contains("`A` runs `bin/a`, a relative path; say by `--directory` where from"), "{said}");
    palm.fails(2, &["export", "systemd", "relative.conf", "--directory", "here"]);
    palm.file("dash.conf", "[A]\nScript = -a\n");
    palm.fails(1, &["export", "systemd", "dash.conf"]);
    let node = palm.node("small", "127.0.0.1", 1);
    let said = palm.fails(1, &["export", "systemd", &example("applications.conf"), "--node", &node]);
    assert!(said.contains("no processor for `Worker 1`; name nodes with 2 more processors by `--node`"), "{said}");
}

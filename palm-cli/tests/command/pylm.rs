//! A server in Python as the peer.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::program::{fails, outcome_of_input, palm, prints, prints_json};
use crate::python;

/// A server in Python; dropping it ends it.
struct Server {
    child: Child,
    db: String,
}

impl Server {
    /// `None` on a machine without pylm.
    fn start() -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/command/scripts/server.py");
        let mut child = Command::new(python::interpreter()?)
            .arg(script)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut db = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut db).unwrap();
        Some(Self { child, db: db.trim_end().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_is_told_as_what_it_is() {
    let Some(server) = Server::start() else { return };
    let text = prints(&mut palm(["ping", "--db", &server.db]));
    assert!(
        text.starts_with("my_server: classic PALM peer, ") && text.ends_with(&format!("at {}\n", server.db)),
        "{text}"
    );
    let json = prints_json(&mut palm(["ping", "--db", &server.db, "--json"]));
    assert_eq!((&json["classic"], &json["kind"], &json["methods"]), (&true.into(), &().into(), &().into()));
    fails(&mut palm(["graph", "--db", &server.db]), 1, &["`my_server`", "classic PALM peer"]);
    let table = prints(&mut palm(["top", "--db", &server.db, "--interval", "0.05"]));
    assert!(table.trim_end().ends_with("classic"), "{table}");
}

#[test]
fn it_is_called_without_a_count() {
    let Some(server) = Server::start() else { return };
    let call = ["call", "--db", &server.db, "my_server.foo"];
    assert_eq!(prints(palm(call).arg("a message")), "you sent me a message\n");
    let many = prints(palm(call).args(["x", "--repeat", "300"]));
    assert_eq!(many, "you sent me x\n".repeat(300));
    let lines = outcome_of_input(palm(call).args(["--lines", "-"]), b"a\nb\n");
    assert_eq!((lines.code, lines.out.as_str()), (0, "you sent me a\nyou sent me b\n"), "{}", lines.err);
}

#[test]
fn its_cache_is_used_and_survives_it() {
    let Some(server) = Server::start() else { return };
    let db = &*server.db;
    assert_eq!(prints(&mut palm(["set", "a value", "key", "--db", db])), "");
    assert_eq!(prints(&mut palm(["get", "key", "--db", db])), "a value\n");
    assert_eq!(prints(&mut palm(["delete", "key", "--db", db])), "");
    fails(&mut palm(["delete", "key", "--db", db]), 1, &[]);
    fails(&mut palm(["get", "key", "--db", db]), 1, &[]);
    let made_up = prints(&mut palm(["set", "another", "--db", db]));
    assert_eq!(prints(&mut palm(["get", made_up.trim_end(), "--db", db])), "another\n");
}

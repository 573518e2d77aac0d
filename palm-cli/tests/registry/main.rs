//! `palm registry` as a process: users, signals, and what survives when it is killed.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod crash;
#[path = "../../../palm-registry/tests/peers/postgres.rs"]
mod postgres;
mod process;
#[path = "../../../tests/support/skip.rs"]
mod skip;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use postgres::Postgres;
use process::{Registry, add_user, palm, with_input};
use skip::skip;

#[test]
fn the_command_makes_users_and_prints_a_key_alone() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("registry.db");
    let made = add_user(&database, &["ann", "--admin", "--password-stdin"], "correct horse\n");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!((made.stderr.len(), made.stdout.iter().filter(|byte| **byte == b'\n').count()), (0, 1));
    let key = String::from_utf8(made.stdout).unwrap();
    for (arguments, password, code) in [
        (&["ann", "--password-stdin"][..], "correct horse\n", 1),
        (&["bob", "--password-stdin"], "short\n", 1),
        (&["", "--password-stdin"], "correct horse\n", 1),
        (&["bob"], "correct horse\n", 2),
    ] {
        let refused = add_user(&database, arguments, password);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(code), 0), "{arguments:?}");
        assert!(!refused.stderr.is_empty());
    }
    let registry = Registry::start(&database, "127.0.0.1:0");
    assert!(registry.setup_token.is_none(), "there is a user");
    assert_eq!(registry.request("GET", "/api/v1/clusters", key.trim(), b"").unwrap(), (200, "[]".to_owned()));
    // Beside a registry that runs, too.
    assert!(add_user(&database, &["bob", "--password-stdin"], "battery staple").status.success());
}

/// Each hash of a password takes 19 MiB.
#[test]
fn a_hundred_who_sign_in_at_once_take_little_memory() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("registry.db");
    assert!(add_user(&database, &["ann", "--password-stdin"], "correct horse").status.success());
    let registry = Registry::start(&database, "127.0.0.1:0");
    let Some(before) = registry.memory("VmRSS") else { return };
    let sign_in = |number: usize| {
        let form = format!("csrf=x&name=n{number}&password=x");
        let mut stream = TcpStream::connect(&registry.address).unwrap();
        let head = "POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: palm_form=x\r\n";
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let statuses: Vec<String> = std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..100)
            .map(|number| {
                scope.spawn({
                    let sign_in = &sign_in;
                    move || sign_in(number)
                })
            })
            .collect();
        crowd.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // One address has 50 tries a minute.
    let with = |status: &str| statuses.iter().filter(|one| *one == status).count();
    assert_eq!((with("401"), with("429")), (50, 50), "{statuses:?}");
    let grown = registry.memory("VmHWM").unwrap() - before;
    assert!(grown < 128 << 10, "{grown} KiB more than the {before} KiB before");
}

#[test]
fn a_runner_needs_its_token_where_one_is_demanded() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("registry.db");
    let mut user = palm();
    user.args(["registry", "user", "add", "ann", "--password-stdin"]).env("PALM_REGISTRY_DATABASE", &database);
    let key = String::from_utf8(with_input(user, "correct horse\n").stdout).unwrap();
    let registry = Registry::start_with(&database, "127.0.0.1:0", &["--require-runner-token"]);
    let url = format!("http://{}", registry.address);
    let mut new = palm();
    new.args(["cluster", "new", "-", "--key", "k", "--registry", &url, "--api-key", key.trim()]);
    assert!(with_input(new, "[Good]\nScript = true\n").status.success());
    let made = registry.request("POST", "/api/v1/clusters/k/tokens", key.trim(), b"{\"name\": \"one\"}").unwrap();
    let token: serde_json::Value = serde_json::from_str(&made.1).unwrap();

    let mut runner = palm();
    runner.args(["runner", "--once", "--registry", &url, "--cluster", "k", "--state"]).arg(directory.path());
    let refused = runner.output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && said.contains("PALM_RUNNER_TOKEN"), "{said}");
    let welcome = runner.args(["--token", token["token"].as_str().unwrap()]).output().unwrap();
    assert!(welcome.status.success(), "{}", String::from_utf8_lossy(&welcome.stderr));
}

#[test]
fn a_database_may_be_postgresql() {
    let postgres = match Postgres::start() {
        Ok(postgres) => postgres,
        Err(reason) => return skip("a registry on PostgreSQL", &reason),
    };
    let database = postgres.new_database("registry");
    let database = Path::new(&database);
    let made = add_user(database, &["ann", "--admin", "--password-stdin"], "correct horse\n");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = String::from_utf8(made.stdout).unwrap();
    let registry = Registry::start(database, "127.0.0.1:0");
    assert!(registry.setup_token.is_none(), "there is a user");
    let url = format!("http://{}", registry.address);
    let mut new = palm();
    new.args(["cluster", "new", "-", "--key", "k", "--registry", &url, "--api-key", key.trim()]);
    assert!(with_input(new, "[Good]\nScript = echo it is there\nRestart = never\n").status.success());
    let state = tempfile::tempdir().unwrap();
    let mut runner = palm();
    runner.args(["runner", "--once", "--registry", &url, "--cluster", "k", "--state"]).arg(state.path());
    assert!(runner.output().unwrap().status.success());
    assert_eq!(registry.end(), Some(0));
    // What it was told is kept there.
    let registry = Registry::start(database, "127.0.0.1:0");
    let (status, lines) = registry.request("GET", "/api/v1/clusters/k/logs", key.trim(), b"").unwrap();
    assert!(status == 200 && lines.contains("it is there"), "{status}: {lines}");
    assert_eq!(registry.request("GET", "/api/v1/clusters/k/instances", key.trim(), b"").unwrap().0, 200);
}

#[test]
fn it_ends_in_order_by_sigterm() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry.db"), "127.0.0.1:0");
    assert!(registry.setup_token.is_some());
    assert_eq!(registry.end(), Some(0));
}

#[test]
fn what_cannot_be_is_told_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("registry.db").display().to_string();
    let run = |arguments: &[&str]| palm().arg("registry").args(arguments).stdout(Stdio::null()).output().unwrap();
    let refused = run(&["--listen", "0.0.0.0:0", "--database", &database]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--behind-tls"));
    let refused = run(&["--listen", "127.0.0.1:0", "--database", "/nowhere/registry.db"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("/nowhere/registry.db"));
    let refused = run(&["--listen", "127.0.0.1:0", "--database", "postgres://palm:secret@127.0.0.1:1/none"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(!String::from_utf8_lossy(&refused.stderr).contains("secret"));
    assert_eq!(run(&["--listen", "nowhere"]).status.code(), Some(2));
}

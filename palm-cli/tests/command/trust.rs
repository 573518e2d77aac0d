//! A registry behind TLS: who is trusted, and who is told nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::program::{fails, palm, prints, prints_json};
use crate::registry::{Request, StandIn};

fn none(_: &Request) -> (u16, Value) {
    (200, json!([]))
}

fn list(registry: &StandIn) -> Command {
    palm(["cluster", "list", "--registry", &registry.url, "--api-key", "k", "--json"])
}

/// A file with this text.
fn file(directory: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_one_of_the_file_is_trusted_and_nobody_else() {
    let ((registry, own), (_other, others)) = (StandIn::secure(none), StandIn::secure(none));
    let directory = tempfile::tempdir().unwrap();
    let (own, other) = (file(&directory, "own.pem", &own), file(&directory, "other.pem", &others));
    assert_eq!(prints_json(list(&registry).arg("--ca-file").arg(&own)), json!([]));
    assert_eq!(prints_json(list(&registry).env("PALM_CA_FILE", &own)), json!([]));
    assert_eq!(registry.asked()[1].credential.as_deref(), Some("Bearer k"));
    let says = format!("is not trusted: its certificate is none of those in `{}`", other.display());
    fails(list(&registry).arg("--ca-file").arg(&other), 1, &[registry.url.trim_end_matches('/'), &says]);
    // The system's do not count beside it.
    fails(list(&registry).arg("--ca-file").arg(&other).env("SSL_CERT_FILE", &own), 1, &["is not trusted"]);
    assert_eq!(registry.asked().len(), 2, "who is not trusted is told nothing");
    // Both: the one that is in use, and the next one.
    let both = file(&directory, "both.pem", &(others + &fs::read_to_string(&own).unwrap()));
    assert_eq!(prints_json(list(&registry).arg("--ca-file").arg(both)), json!([]));
}

#[test]
fn without_a_file_it_is_whom_the_system_trusts() {
    let (registry, own) = StandIn::secure(none);
    let directory = tempfile::tempdir().unwrap();
    let (own, empty) = (file(&directory, "own.pem", &own), file(&directory, "empty.pem", ""));
    assert_eq!(prints_json(list(&registry).env("SSL_CERT_FILE", own)), json!([]));
    fails(list(&registry).env("SSL_CERT_FILE", empty), 1, &["is not trusted", "--ca-file"]);
    assert_eq!(registry.asked().len(), 1);
}

fn names(host: &str) -> CertificateParams {
    CertificateParams::new([host.to_owned()]).unwrap()
}

fn authority() -> CertificateParams {
    let mut authority = names("localhost");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority
}

#[test]
fn whom_an_authority_of_the_file_has_signed_is_trusted() {
    let key = KeyPair::generate().unwrap();
    let pem = authority().self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority(), key);
    let (registry, _) = StandIn::secure_with(|key| names("localhost").signed_by(key, &issuer).unwrap(), none);
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(prints_json(list(&registry).arg("--ca-file").arg(file(&directory, "ca.pem", &pem))), json!([]));
}

#[test]
fn a_certificate_of_another_host_or_of_an_authority_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |certificate: CertificateParams, says: &str| {
        let (registry, own) = StandIn::secure_with(|key| certificate.self_signed(key).unwrap(), none);
        let own = file(&directory, "own.pem", &own);
        fails(list(&registry).arg("--ca-file").arg(own), 1, &["is not trusted", says]);
    };
    refused(names("elsewhere"), "only valid for");
    refused(authority(), "basicConstraints=CA:FALSE");
}

#[test]
fn a_file_that_says_nothing_is_wrong_usage() {
    let (registry, own) = StandIn::secure(none);
    let directory = tempfile::tempdir().unwrap();
    let garbage = own.lines().take(1).chain(["AAAA"]).chain(own.lines().last()).collect::<Vec<_>>().join("\n");
    let cases =
        [("", "no certificate in it"), (&own[..own.len() / 2], "no file of certificates"), (&garbage, "certificate 1")];
    for (text, says) in cases {
        fails(list(&registry).arg("--ca-file").arg(file(&directory, "bad.pem", text)), 2, &[says]);
    }
    fails(list(&registry).args(["--ca-file", "/nowhere.pem"]), 1, &["cannot read /nowhere.pem"]);
    let plain = StandIn::start(none);
    let own = file(&directory, "own.pem", &own);
    fails(list(&plain).arg("--ca-file").arg(&own), 2, &[&plain.url, "write https://"]);
    let mut runner = palm(["runner", "--cluster", "k", "--registry", &plain.url]);
    fails(runner.arg("--ca-file").arg(own), 2, &["write https://"]);
    assert_eq!(registry.asked().len() + plain.asked().len(), 0);
}

/// A registry that has one component for whoever joins.
#[cfg(target_os = "linux")]
fn placing(argv: &[&str]) -> (StandIn, String) {
    let worker = json!({"name": "Worker", "component": "Worker", "argv": argv, "command": argv.join(" ")});
    StandIn::secure(move |request| match request.what.as_str() {
        what if what.starts_with("POST /api/") => (200, json!({"lease_seconds": 30, "instances": [worker]})),
        _ => (200, Value::Null),
    })
}

#[cfg(target_os = "linux")]
fn runner(registry: &StandIn, state: &Path, trusted: &Path) -> Command {
    let mut command = palm(["runner", "--registry", &registry.url, "--cluster", "k", "--token", "t", "--state"]);
    command.arg(state).arg("--ca-file").arg(trusted);
    command
}

#[cfg(target_os = "linux")]
#[test]
fn a_runner_does_what_the_one_of_the_file_says() {
    let (registry, own) = placing(&["true"]);
    let (_other, other) = StandIn::secure(none);
    let directory = tempfile::tempdir().unwrap();
    let (own, other) = (file(&directory, "own.pem", &own), file(&directory, "other.pem", &other));
    for more in [&["--once"][..], &[]] {
        fails(runner(&registry, directory.path(), &other).args(more), 1, &["is not trusted", "other.pem"]);
    }
    assert_eq!(registry.asked(), []);
    let mut trusting = runner(&registry, directory.path(), &own);
    assert_eq!(prints(trusting.args(["--once", "--log", "warn"])), "");
    assert!(registry.asked().iter().all(|request| request.credential.as_deref() == Some("Bearer t")));
}

/// As when the registry is away: what is in its place is told nothing, and is not listened to.
#[cfg(target_os = "linux")]
#[test]
fn what_a_runner_was_told_runs_on_while_somebody_else_is_in_the_way() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().join("here").display().to_string();
    let (registry, own) = placing(&["sh", "-c", &format!("echo x >> {here}; exec sleep 1000")]);
    let (_other, other) = StandIn::secure(none);
    let (own, other) = (file(&directory, "own.pem", &own), file(&directory, "other.pem", &other));
    let runs = || fs::read_to_string(&here).unwrap_or_default().lines().count();
    for (number, trusted) in [own, other].iter().enumerate() {
        let mut child = runner(&registry, directory.path(), trusted).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        if number == 1 {
            assert!(said.any(|line| line.contains("is not trusted") && line.contains("runs until it is there")));
        }
        while runs() <= number {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let asked = registry.asked().len();
        assert!(Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status().unwrap().success());
        // Read to its end, so that it is not held up.
        said.for_each(drop);
        assert!(child.wait().unwrap().success());
        if number == 1 {
            assert_eq!(registry.asked().len(), asked);
        }
    }
}

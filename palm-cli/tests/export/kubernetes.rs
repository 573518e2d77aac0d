//! Manifests, as the published schemas of Kubernetes have them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::skip::skip;
use super::{ODD, Palm, example, files_below, venv};

/// The schemas, and what compares with them.
const PIN: &str = "kubernetes-validate==1.37.0";

/// The oldest and the newest version in it.
const VERSIONS: [&str; 2] = ["1.25", "1.37"];

fn validator() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || match venv::made("python3", "schemas-venv", &[&[PIN]]) {
        Ok(environment) => Some(environment.join("bin/python")),
        Err(reason) => {
            skip("what the schemas of Kubernetes say to exported manifests", &reason);
            None
        }
    };
    FOUND.get_or_init(find).as_deref()
}

/// Judges files by the strict schemas, which allow no field that they do not know: how many manifests passed.
fn passed(files: &[PathBuf]) -> Option<usize> {
    let mut command = Command::new(validator()?);
    command.args(["-m", "kubernetes_validate", "--strict"]);
    command.args(VERSIONS.iter().flat_map(|version| ["-k", version])).args(files);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    Some(said.lines().filter(|line| line.contains(" passed for resource ")).count())
}

#[test]
fn a_component_is_told_its_own_address_and_the_names_of_others() {
    let palm = Palm::new();
    palm.prints(&[
        "export",
        "kubernetes",
        &example("applications.conf"),
        "--image",
        "registry.local/app:1",
        "--out",
        "out",
    ]);
    let text = |name: &str| fs::read_to_string(palm.path().join("out").join(name)).unwrap();
    assert_eq!(
        text("applications-worker.yaml"),
        "apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/name: applications-worker
    app.kubernetes.io/part-of: applications
  name: applications-worker
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: applications-worker
      app.kubernetes.io/part-of: applications
  strategy:
    type: RollingUpdate
  template:
    metadata:
      labels:
        app.kubernetes.io/name: applications-worker
        app.kubernetes.io/part-of: applications
    spec:
      containers:
      - command:
        - applications
        - worker
        - --db
        - tcp://applications-server:5559
        image: registry.local/app:1
        name: applications-worker
      restartPolicy: Always
      terminationGracePeriodSeconds: 10
"
    );
    let server = text("applications-server.yaml");
    for part in [
        "kind: Service",
        "clusterIP: None",
        "name: tcp-5559",
        "- tcp://$(POD_IP):5555",
        "type: Recreate",
        "replicas: 1",
    ] {
        assert!(server.contains(part), "{part}:\n{server}");
    }
}

#[test]
fn the_schemas_find_nothing_wrong_with_them() {
    let palm = Palm::new();
    palm.prints(&["export", "kubernetes", &example("applications.conf"), "--out", "out/applications"]);
    palm.file("odd 50%.conf", ODD);
    palm.prints(&["export", "kubernetes", "odd 50%.conf", "--out", "out/odd"]);
    let files = files_below(&palm.path().join("out"));
    // Two Services, two Deployments and two Deployments or Jobs.
    let Some(passed) = passed(&files) else { return };
    assert_eq!(passed, 7 * VERSIONS.len());
}

#[test]
fn the_schemas_do_find_what_is_wrong() {
    let Some(python) = validator() else { return };
    let palm = Palm::new();
    let file =
        palm.file("wrong.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{prt: 1}]}\n");
    let output = Command::new(python).args(["-m", "kubernetes_validate", "--strict"]).arg(file).output().unwrap();
    assert!(!output.status.success());
}

#[test]
fn what_is_printed_is_one_stream_of_manifests() {
    let palm = Palm::new();
    let text = palm.prints(&["export", "kubernetes", &example("applications.conf")]);
    let file = palm.file("all.yaml", &text);
    assert_eq!(text.matches("\n---\n").count() + usize::from(text.starts_with("---\n")), 3, "{text}");
    let Some(passed) = passed(&[file]) else { return };
    assert_eq!(passed, 3 * VERSIONS.len());
}

#[test]
fn commands_keep_their_dollars_and_quotes() {
    let palm = Palm::new();
    palm.file("odd.conf", ODD);
    let text = palm.prints(&["export", "kubernetes", "odd.conf"]);
    for part in [
        r#"- echo "$$HOME" $$$$ {} \ ; sleep 1"#,
        "kind: Job",
        "backoffLimit: 3",
        "restartPolicy: OnFailure",
        "backoffLimit: 0",
        "restartPolicy: Never",
        "- tcp://odd-a-quoted-name:5555",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

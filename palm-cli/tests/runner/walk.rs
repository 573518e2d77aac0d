//! The walk-through of `docs/cluster.md`.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// The script, with the programs of this build. Without the example's binary, which `cargo build --features cli --example
/// applications` makes, it is skipped with a line; with `PALM_TEST_ALL=1` that is a failure.
#[test]
fn the_walk_through_goes_well() {
    let palm = Path::new(env!("CARGO_BIN_EXE_palm")).parent().unwrap();
    let examples = palm.join("examples");
    if !examples.join("applications").exists() {
        let line = "skipped: the walk-through, since there is no binary of the example `applications`";
        assert!(std::env::var_os("PALM_TEST_ALL").is_none_or(|all| all != "1"), "{line}");
        let _ = writeln!(std::io::stderr(), "{line}");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut script = Command::new(root.join("examples/cluster.sh"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PALM_")) {
        script.env_remove(name);
    }
    let output = script.env("PATH", format!("{}:{}:{path}", palm.display(), examples.display())).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert_eq!(out.matches(" processed a message").count(), 30, "{out}\n{err}");
    assert!(out.ends_with("--- All good\n"), "{out}\n{err}");
}

//! The walk-through of `docs/cluster.md`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::rig::program;

#[test]
fn the_walk_through_goes_well() {
    let Some(applications) = program("applications", "--features cli") else { return };
    let (palm, examples) = (Path::new(env!("CARGO_BIN_EXE_palm")).parent().unwrap(), applications.parent().unwrap());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut script = Command::new(root.join("examples/cluster.sh"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PALM_")) {
        script.env_remove(name);
    }
    let output = script.env("PATH", format!("{}:{}:{path}", palm.display(), examples.display())).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let parts: Vec<_> = out.split("\n--- ").collect();
    let [_, _registry, _cluster, messages, _counts, killed, _gone, returned, log, end] = parts[..] else {
        panic!("{out}\n{err}")
    };
    let workers = |part: &str| -> BTreeSet<String> {
        let answers = part.lines().filter_map(|line| line.strip_prefix("b'")?.strip_suffix(" processed a message'"));
        answers.map(str::to_owned).collect()
    };
    for part in [messages, killed, returned] {
        assert_eq!(part.matches(" processed a message'\n").count(), 10, "{out}\n{err}");
    }
    assert!(killed.lines().any(|line| line.starts_with("Worker 1 ") && line.ends_with(" signal 9")), "{out}");
    assert!(workers(returned).is_disjoint(&(&workers(messages) | &workers(killed))), "all are new: {out}");
    for worker in workers(messages) {
        assert!(log.contains(&format!(" - {worker} - INFO - Starting the router\n")), "{worker}: {out}");
    }
    assert_eq!(end, "All good\n");
}

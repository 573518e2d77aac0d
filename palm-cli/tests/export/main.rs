//! Cluster files on the command line: graphs, plans, units and manifests, each judged by the program that reads it.

#![expect(clippy::unwrap_used, reason = "a test fails by its panics")]

mod kubernetes;
mod look;
#[path = "../../../tests/support/skip.rs"]
mod skip;
mod systemd;
#[path = "../../../tests/support/venv.rs"]
mod venv;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A file of everything that names and arguments may have.
const ODD: &str = r#"[DEFAULT]
host = 100%%
[A "quoted" $name]
Script = sh -c 'echo "$HOME" $$ {{}} \ ; sleep 1' ';'
--percent = %(host)s
--pub = _1
--empty = ""
[2nd é]
Script = sleep {_1}
--lines = one
  two
Connected = A "quoted" $name
Replicas = 2
Restart = failure
Attempts = 3
Grace = 7
[2nd  e]
Script = true
Restart = never
"#;

struct Palm {
    directory: TempDir,
}

impl Palm {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn node(&self, name: &str, ip: &str, processors: u32) -> String {
        let text = format!("[DEFAULT]\nName = {name}\nIp = {ip}\nProcessors = {processors}\nPorts_from = 6000\n");
        self.file(name, &text);
        name.to_owned()
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_palm")).args(words).current_dir(self.path()).output().unwrap()
    }

    /// What it prints; it has to succeed.
    fn prints(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it says; it has to fail with this code.
    fn fails(&self, code: i32, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples").join(name);
    path.to_str().unwrap().to_owned()
}

/// Every file below a directory.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

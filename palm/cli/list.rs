use serde_json::{Value, json};

use super::catalog::{self, Entry};
use super::exit::{Failure, print, print_json};

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Prints an array of objects
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn act(self) -> Result<(), Failure> {
        let entries = catalog::all();
        if self.json {
            return print_json(&entries.iter().map(as_json).collect());
        }
        let width = entries.iter().map(|entry| entry.description.name.len()).max().unwrap_or(0);
        print(&entries.iter().map(|entry| line(entry, width)).collect::<String>())
    }
}

fn methods(entry: &Entry) -> impl Iterator<Item = &'static str> {
    entry.description.methods.iter().map(|method| method.name)
}

fn line(entry: &Entry, width: usize) -> String {
    let line = format!(
        "{:width$}  {:8}  {}",
        entry.description.name,
        entry.description.kind,
        methods(entry).collect::<Vec<_>>().join(", ")
    );
    format!("{}\n", line.trim_end())
}

fn as_json(entry: &Entry) -> Value {
    json!({
        "name": entry.description.name,
        "kind": entry.description.kind.to_string(),
        "methods": methods(entry).collect::<Value>(),
        "source": source(entry),
    })
}

/// Where the impl block stands, for `--json`; a plain component has none.
pub(super) fn source(entry: &Entry) -> Value {
    if entry.is_plain() {
        return Value::Null;
    }
    json!({ "file": entry.description.file, "line": entry.description.line })
}

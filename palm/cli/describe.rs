use std::fmt::Write as _;

use clap::Arg;
use serde_json::{Value, json};

use super::catalog::{self, Entry};
use super::exit::{Failure, print, print_json};
use super::list::source;
use super::outline;
use super::run::Run;
use crate::service::{Hooks, Method};
use crate::topology::Plan;

#[derive(Debug, clap::Args)]
pub(super) struct Describe {
    /// Name of the type
    component: String,
    /// Prints an object
    #[arg(long)]
    json: bool,
}

impl Describe {
    pub(super) fn act(self) -> Result<(), Failure> {
        let entry = catalog::find(&self.component)?;
        let plan = outline::plan(entry);
        let command = Run::command_of(entry);
        let flags: Vec<_> = command.get_arguments().filter(|flag| flag.get_long().is_some()).collect();
        if self.json {
            return print_json(&as_json(&entry, &plan, &flags));
        }
        let mut text = String::new();
        // A `String` takes all that is written to it.
        let _ = write_text(&mut text, &entry, &plan, &flags);
        print(&text)
    }
}

fn write_text(text: &mut String, entry: &Entry, plan: &Plan, flags: &[&Arg]) -> std::fmt::Result {
    let about = entry.description;
    let place =
        if entry.is_plain() { "plain, without hooks".to_owned() } else { format!("{}:{}", about.file, about.line) };
    writeln!(text, "{} is a {} ({place})", about.name, about.kind)?;
    indented(text, "  ", about.docs)?;
    if !about.methods.is_empty() {
        writeln!(text, "\nMethods")?;
    }
    for method in about.methods {
        writeln!(text, "  {}", signature(method))?;
        indented(text, "      ", method.docs)?;
    }
    let hooks = hooks(about.hooks);
    if !hooks.is_empty() {
        writeln!(text, "\nHooks\n  {}", hooks.join(", "))?;
    }
    writeln!(text, "\nParts")?;
    for part in outline::parts(plan) {
        let route = part.route.map(|route| format!("=> {route}")).unwrap_or_default();
        let line = format!("  {:8}  {:10}  {:17}  {route}", part.direction, part.name, part.type_name);
        writeln!(text, "{}", line.trim_end())?;
    }
    writeln!(text, "\nFlags")?;
    for flag in flags {
        let Some(long) = flag.get_long() else { continue };
        let line = match value_name(flag) {
            Some(value) => format!("--{long} {value}"),
            None => format!("--{long}"),
        };
        let required = if flag.is_required_set() { " (required)" } else { "" };
        writeln!(text, "  {line:22}  {}{required}", help(flag))?;
    }
    Ok(())
}

fn as_json(entry: &Entry, plan: &Plan, flags: &[&Arg]) -> Value {
    let about = entry.description;
    json!({
        "name": about.name,
        "kind": about.kind.to_string(),
        "docs": about.docs,
        "source": source(entry),
        "methods": about.methods.iter().map(method_json).collect::<Value>(),
        "hooks": hooks(about.hooks),
        "parts": outline::parts_json(plan),
        "flags": flags.iter().map(|flag| flag_json(flag)).collect::<Value>(),
    })
}

fn method_json(method: &Method) -> Value {
    let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    json!({
        "name": method.name,
        "docs": method.docs,
        "payload": given(method.payload),
        "reply": given(method.reply),
        "line": method.line,
    })
}

fn flag_json(flag: &Arg) -> Value {
    let dashed = |long: &str| format!("--{long}");
    json!({
        "flag": flag.get_long().map(dashed),
        "aliases": flag.get_visible_aliases().unwrap_or_default().into_iter().map(dashed).collect::<Value>(),
        "value": value_name(flag),
        "required": flag.is_required_set(),
        "variable": flag.get_env().map(|variable| variable.to_string_lossy().into_owned()),
        "help": help(flag),
    })
}

/// `foo(&[u8]) -> Vec<u8>`
fn signature(method: &Method) -> String {
    let arrow = if method.reply.is_empty() { "" } else { " -> " };
    format!("{}({}){arrow}{}", method.name, method.payload, method.reply)
}

fn hooks(hooks: Hooks) -> Vec<&'static str> {
    let all = [(hooks.scatter, "scatter"), (hooks.gather, "gather"), (hooks.handle_stream, "handle_stream")];
    all.into_iter().filter_map(|(has, name)| has.then_some(name)).collect()
}

fn value_name(flag: &Arg) -> Option<String> {
    if !flag.get_action().takes_values() {
        return None;
    }
    let names = flag.get_value_names().unwrap_or_default();
    Some(names.first().map_or_else(|| flag.get_id().as_str().to_uppercase(), ToString::to_string))
}

fn help(flag: &Arg) -> String {
    flag.get_help().map(ToString::to_string).unwrap_or_default()
}

fn indented(text: &mut String, indent: &str, docs: &str) -> std::fmt::Result {
    for line in docs.lines() {
        writeln!(text, "{}", format!("{indent}{line}").trim_end())?;
    }
    Ok(())
}

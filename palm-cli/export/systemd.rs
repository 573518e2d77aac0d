//! Units: a service for each instance, and on each node a target that holds them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use palm_registry::api::{Instance, PlannedNode, RestartWhen};

use super::names::Names;
use super::{Cluster, Source};
use crate::failure::Failure;

/// Writes a service for each instance and a target for each node
#[derive(Debug, clap::Args)]
pub(super) struct Systemd {
    #[command(flatten)]
    source: Source,
    /// Where the programs run, as an absolute path; one that is named by a relative path is looked for there
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Systemd {
    pub(super) fn run(self) -> Result<(), Failure> {
        let directory = self.directory.as_deref().map(absolute).transpose()?;
        let cluster = self.source.read()?;
        let many = cluster.plan.nodes.len() > 1;
        let mut files = Vec::new();
        let mut folders = Names::default();
        for node in &cluster.plan.nodes {
            let folder = folders.give(node.name.as_deref().unwrap_or(&node.ip));
            let folder = if many { PathBuf::from(folder) } else { PathBuf::new() };
            let units = units(&cluster, node, directory)?;
            files.extend(units.into_iter().map(|(name, content)| (folder.join(name), content)));
        }
        self.source.write(&files, "#")
    }
}

fn absolute(directory: &Path) -> Result<&str, Failure> {
    let text = directory.to_str().filter(|text| text.starts_with('/') && !text.contains(char::is_control));
    text.ok_or_else(|| Failure::usage("`--directory` is an absolute path without control characters"))
}

/// The target of a node and the services of its instances, by name.
fn units(cluster: &Cluster, node: &PlannedNode, directory: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let mut names = Names::default();
    let target = format!("{}.target", names.give(&cluster.name));
    let services: Vec<_> = node
        .instances
        .iter()
        .map(|i| format!("{}.service", names.give(&format!("{} {}", cluster.name, i.name))))
        .collect();
    let mut of_component: HashMap<&str, Vec<&str>> = HashMap::new();
    for (instance, service) in node.instances.iter().zip(&services) {
        of_component.entry(&instance.component).or_default().push(service);
    }
    let mut units = Vec::with_capacity(services.len() + 1);
    units.push((target.clone(), target_unit(&cluster.name, &services)));
    for (instance, service) in node.instances.iter().zip(&services) {
        let connected = cluster.file.component(&instance.component).map_or(&[][..], |component| &component.connected);
        let before = connected.iter().filter(|name| **name != instance.component);
        let after = before.filter_map(|name| of_component.get(name.as_str())).flatten().copied().collect();
        units.push((service.clone(), service_unit(&cluster.name, &target, instance, after, directory)?));
    }
    Ok(units)
}

fn target_unit(cluster: &str, services: &[String]) -> String {
    let mut unit = format!("[Unit]\nDescription=PALM cluster {}\n", specifiers(cluster));
    for service in services {
        // A `String` takes all that is written to it.
        let _ = writeln!(unit, "Wants={service}");
    }
    unit.push_str("\n[Install]\nWantedBy=multi-user.target\n");
    unit
}

fn service_unit(
    cluster: &str,
    target: &str,
    instance: &Instance,
    mut after: Vec<&str>,
    directory: Option<&str>,
) -> Result<String, Failure> {
    after.insert(0, "network-online.target");
    let restart = match instance.restart.when {
        RestartWhen::Always => "always",
        RestartWhen::Never => "no",
        RestartWhen::Failure => "on-failure",
    };
    // Starts within a minute of running and the waits of a second between them are counted; 0 counts none.
    let (interval, burst) = match instance.restart.attempts {
        Some(attempts) => {
            let starts = attempts.saturating_add(1);
            (60 + u64::from(attempts), format!("StartLimitBurst={starts}\n"))
        }
        None => (0, String::new()),
    };
    let command = command(instance, directory)?;
    let directory = directory.map_or_else(String::new, |path| format!("WorkingDirectory={}\n", specifiers(path)));
    Ok(format!(
        "[Unit]
Description={description}
PartOf={target}
Wants=network-online.target
After={after}
StartLimitIntervalSec={interval}
{burst}
[Service]
ExecStart={command}
{directory}Restart={restart}
RestartSec=1
TimeoutStopSec={grace}
",
        description = specifiers(&format!("{} of {cluster}", instance.name)),
        after = after.join(" "),
        grace = instance.grace_seconds,
    ))
}

fn command(instance: &Instance, directory: Option<&str>) -> Result<String, Failure> {
    let Some((program, arguments)) = instance.argv.split_first() else {
        return Err(Failure::failed(format!("`{}` has no command", instance.name)));
    };
    let program = match directory {
        _ if program.starts_with('/') || !program.contains('/') => program.clone(),
        Some(directory) => format!("{}/{program}", directory.trim_end_matches('/')),
        None => {
            let text =
                format!("`{}` runs `{program}`, a relative path; say by `--directory` where from", instance.name);
            return Err(Failure::usage(text));
        }
    };
    if program.starts_with(['-', '@', ':', '+', '!', '|']) || program.is_empty() {
        let text = format!("`{}` runs `{program}`, which systemd cannot; write its absolute path", instance.name);
        return Err(Failure::failed(text));
    }
    // Variables are put into arguments alone.
    let mut command = word(&program);
    for argument in arguments {
        command.push(' ');
        command.push_str(&word(argument).replace('$', "$$"));
    }
    Ok(command)
}

/// A word of a command line, quoted where it has to be.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+[]$".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut word = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => word.extend(['\\', c]),
            '%' => word.push_str("%%"),
            '\n' => word.push_str("\\n"),
            c if c.is_ascii_control() => {
                let _ = write!(word, "\\x{:02x}", u32::from(c));
            }
            c => word.push(c),
        }
    }
    word.push('"');
    word
}

fn specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_systemd_reads_more_than_text() {
        for (text, quoted) in [
            ("tcp://[::1]:5555", "tcp://[::1]:5555"),
            ("", "\"\""),
            (";", "\";\""),
            ("two words", "\"two words\""),
            ("100%", "\"100%%\""),
            ("a\"\\\n\t", "\"a\\\"\\\\\\n\\x09\""),
            ("é", "\"é\""),
            ("'", "\"'\""),
        ] {
            assert_eq!(word(text), quoted);
        }
    }
}

//! A topology for people: log lines and graphs.

use std::fmt::Write as _;

use super::plan::{Plan, Planned};
use super::route::Target;

impl Plan {
    /// Logs the parts and their routes, as the documentation shows it.
    pub(crate) fn announce(&self) {
        tracing::info!("Starting the router");
        for part in self.parts.iter().filter(|part| part.inbound) {
            tracing::info!("Starting inbound part {}", part.name);
        }
        for part in self.parts.iter().filter(|part| !part.inbound) {
            tracing::info!("Starting outbound part {}", part.name);
        }
        for part in &self.bypasses {
            tracing::info!("Starting bypass part {}", part.name);
        }
        tracing::info!("Launch router");
        for part in &self.parts {
            let direction = if part.inbound { "Inbound" } else { "Outbound" };
            tracing::info!("{direction} {} connects to {}", part.name, target(part));
        }
    }

    /// The topology as a graph in Graphviz' DOT.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut text = format!("digraph {:?} {{\n    rankdir=LR;\n", self.name);
        for part in &self.parts {
            let _ =
                writeln!(text, "    {:?} [shape=box, label=\"{}\\n{}\"];", part.name, part.name, short(part.type_name));
        }
        for part in &self.bypasses {
            let _ = writeln!(
                text,
                "    {:?} [shape=box, style=dashed, label=\"{}\\n{}\"];",
                part.name,
                part.name,
                short(part.type_name)
            );
        }
        for (from, to) in self.edges() {
            let _ = writeln!(text, "    {from:?} -> {to:?};");
        }
        text.push_str("}\n");
        text
    }

    /// The topology as a Mermaid flowchart.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (name, type_name) in self
            .parts
            .iter()
            .map(|part| (&part.name, part.type_name))
            .chain(self.bypasses.iter().map(|part| (&part.name, part.type_name)))
        {
            let _ = writeln!(text, "    {name}[\"{name}<br/>{}\"]", short(type_name));
        }
        for (from, to) in self.edges() {
            let _ = writeln!(text, "    {from} --> {to}");
        }
        text
    }

    /// Every part, inbound ones first.
    #[cfg(feature = "cli")]
    pub(crate) fn outline(&self) -> impl Iterator<Item = PartOutline<'_>> {
        let (inbound, outbound): (Vec<_>, Vec<_>) = self.parts.iter().partition(|part| part.inbound);
        let routed = inbound.into_iter().chain(outbound).map(|part| PartOutline {
            name: &part.name,
            direction: if part.inbound { "inbound" } else { "outbound" },
            type_name: short(part.type_name),
            route: Some(target(part)),
        });
        routed.chain(self.bypasses.iter().map(|part| PartOutline {
            name: &part.name,
            direction: "bypass",
            type_name: short(part.type_name),
            route: None,
        }))
    }

    fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parts.iter().filter_map(|part| match &part.route.target {
            Target::Part(name) => Some((part.name.as_str(), &**name)),
            Target::Exterior | Target::Discard => None,
        })
    }
}

/// A part for people.
#[cfg(feature = "cli")]
pub(crate) struct PartOutline<'a> {
    pub(crate) name: &'a str,
    pub(crate) direction: &'static str,
    pub(crate) type_name: &'static str,
    /// The part that it leads to, `exterior` or `nothing`; a bypass part has none.
    pub(crate) route: Option<&'a str>,
}

fn target(part: &Planned) -> &str {
    match &part.route.target {
        Target::Part(name) => name,
        Target::Exterior => "exterior",
        Target::Discard => "nothing",
    }
}

/// The last word of a type's path.
fn short(type_name: &'static str) -> &'static str {
    type_name.rsplit("::").next().unwrap_or(type_name)
}

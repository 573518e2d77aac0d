//! What a component says about itself to whoever asks its cache.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::plan::{Plan, Planned};
use super::route::Target;

/// Cache key of the outline.
pub(crate) const OUTLINE_KEY: &str = "_palm.outline";

/// A component as data: its kind, methods and parts. Peers read it from the component's cache, as a JSON object, at the key
/// `_palm.outline`.
///
/// ```
/// use palm::topology::Outline;
///
/// let master = palm::Master::new("server").start()?;
/// let client = palm::Client::connect("server", master.address("db_address")?)?;
/// let outline = client.get("_palm.outline")?.and_then(|json| Outline::from_json(&json)).expect("it is of this library");
/// assert_eq!(outline.kind.as_deref(), Some("master"));
/// assert!(outline.to_mermaid().contains("Pull --> WorkerPush"));
/// # Ok::<(), palm::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outline {
    /// The component's name.
    pub name: String,
    /// `server`, `master`, `hub`, `pipeline`, `sink` or `worker`; `None` if it is none of these.
    pub kind: Option<String>,
    /// The methods that can be called by name, in source order.
    pub methods: Vec<MethodOutline>,
    /// Its parts as they were registered, bypass parts last.
    pub parts: Vec<PartOutline>,
}

/// One method of an [`Outline`].
///
/// ```
/// # use palm::topology::Outline;
/// let json = br#"{"name": "shop", "methods": [{"name": "price", "payload": "&str", "reply": "u32"}]}"#;
/// let outline = Outline::from_json(json).expect("it has a name");
/// assert_eq!(outline.methods[0].reply, "u32");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MethodOutline {
    /// The name on the wire, without the component's name.
    pub name: String,
    /// The doc comment; empty if there is none.
    pub docs: String,
    /// The payload's type as written; empty if the method takes none.
    pub payload: String,
    /// The result's type as written; empty if there is none.
    pub reply: String,
}

/// One part of an [`Outline`].
///
/// ```
/// let plan = palm::Master::new("server").plan();
/// let cache = plan.outline().parts.pop().expect("a master has parts");
/// assert_eq!((cache.name.as_str(), cache.direction.as_str(), cache.route), ("Cache", "bypass", None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartOutline {
    /// The part's name.
    pub name: String,
    /// `inbound`, `outbound` or `bypass`.
    pub direction: String,
    /// The last word of its type's path.
    pub type_name: String,
    /// The part that it leads to, `exterior` or `nothing`; a bypass part has none.
    pub route: Option<String>,
}

impl Plan {
    /// The component as data that can be sent elsewhere.
    #[must_use]
    pub fn outline(&self) -> Outline {
        let description = self.service.as_deref().map(crate::service::Service::description);
        let kind = description.map(|description| description.kind).or(self.kind);
        let methods = description.map_or(&[][..], |description| description.methods);
        let routed = self.parts.iter().map(|part| PartOutline {
            name: part.name.clone(),
            direction: if part.inbound { "inbound" } else { "outbound" }.to_owned(),
            type_name: short(part.type_name).to_owned(),
            route: Some(target(part).to_owned()),
        });
        let bypasses = self.bypasses.iter().map(|part| PartOutline {
            name: part.name.clone(),
            direction: "bypass".to_owned(),
            type_name: short(part.type_name).to_owned(),
            route: None,
        });
        Outline {
            name: self.name.clone(),
            kind: kind.map(|kind| kind.to_string()),
            methods: methods
                .iter()
                .map(|method| MethodOutline {
                    name: method.name.to_owned(),
                    docs: method.docs.to_owned(),
                    payload: method.payload.to_owned(),
                    reply: method.reply.to_owned(),
                })
                .collect(),
            parts: routed.chain(bypasses).collect(),
        }
    }
}

impl Outline {
    /// Reads what [`to_json`](Self::to_json) wrote, of this version or another one; `None` if it is no such thing.
    #[must_use]
    pub fn from_json(json: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(json).ok()?;
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let list = |key: &str| value[key].as_array().into_iter().flatten();
        Some(Self {
            name: value["name"].as_str()?.to_owned(),
            kind: value["kind"].as_str().map(str::to_owned),
            methods: list("methods")
                .map(|method| MethodOutline {
                    name: text(method, "name"),
                    docs: text(method, "docs"),
                    payload: text(method, "payload"),
                    reply: text(method, "reply"),
                })
                .collect(),
            parts: list("parts")
                .map(|part| PartOutline {
                    name: text(part, "name"),
                    direction: text(part, "direction"),
                    type_name: text(part, "type"),
                    route: part["route"].as_str().map(str::to_owned),
                })
                .collect(),
        })
    }

    /// A JSON object: `{"name", "kind", "methods": [{"name", "docs", "payload", "reply"}, …], "parts": [{"name", "direction",
    /// "type", "route"}, …]}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        json!({
            "name": self.name,
            "kind": self.kind,
            "methods": self
                .methods
                .iter()
                .map(|method| {
                    let MethodOutline { name, docs, payload, reply } = method;
                    json!({ "name": name, "docs": docs, "payload": payload, "reply": reply })
                })
                .collect::<Value>(),
            "parts": self.parts.iter().map(PartOutline::json).collect::<Value>(),
        })
        .to_string()
    }

    /// The parts as a graph in Graphviz' DOT.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut text = format!("digraph {:?} {{\n    rankdir=LR;\n", self.name);
        for part in &self.parts {
            let style = if part.route.is_none() { ", style=dashed" } else { "" };
            let label = format!("{}\n{}", part.name, part.type_name);
            // A `String` takes all that is written to it.
            let _ = writeln!(text, "    {:?} [shape=box{style}, label={label:?}];", part.name);
        }
        for (from, to) in self.edges() {
            let _ = writeln!(text, "    {from:?} -> {to:?};");
        }
        text.push_str("}\n");
        text
    }

    /// The parts as a Mermaid flowchart.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for PartOutline { name, type_name, .. } in &self.parts {
            let _ = writeln!(text, "    {}[\"{}<br/>{}\"]", mermaid_id(name), quoted(name), quoted(type_name));
        }
        for (from, to) in self.edges() {
            let _ = writeln!(text, "    {} --> {}", mermaid_id(from), mermaid_id(to));
        }
        text
    }

    fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        let outbound = |name: &str| self.parts.iter().any(|part| part.direction == "outbound" && part.name == name);
        let routes = self.parts.iter().filter_map(|part| Some((part.name.as_str(), part.route.as_deref()?)));
        routes.filter(move |(_, to)| outbound(to))
    }
}

impl PartOutline {
    pub(crate) fn json(&self) -> Value {
        json!({ "name": self.name, "direction": self.direction, "type": self.type_name, "route": self.route })
    }
}

/// Where a route leads.
pub(super) fn target(part: &Planned) -> &str {
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

/// A name as Mermaid takes it for an identifier.
fn mermaid_id(name: &str) -> String {
    name.chars().map(|character| if character.is_alphanumeric() { character } else { '_' }).collect()
}

/// Text within double quotes, as Mermaid takes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("#quot;"),
            _ if character.is_control() => quoted.extend(character.escape_default()),
            _ => quoted.push(character),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_is_the_same_after_its_way() {
        let outline = crate::Master::new("server").plan().outline();
        assert_eq!(outline.kind.as_deref(), Some("master"));
        assert_eq!(Outline::from_json(outline.to_json().as_bytes()), Some(outline));
    }

    #[test]
    fn what_others_send_is_no_harm() {
        for json in ["", "[]", "{}", r#"{"name": 1}"#, "\u{0}", "{\"name\": "] {
            assert_eq!(Outline::from_json(json.as_bytes()), None, "{json:?}");
        }
        let odd = r#"{"name": "x", "kind": 7, "methods": {}, "parts": [1, {"name": "a\"\u001b]", "route": "b"}]}"#;
        let outline = Outline::from_json(odd.as_bytes()).expect("it has a name");
        assert_eq!((outline.kind.as_deref(), outline.methods.len(), outline.parts.len()), (None, 0, 2));
        for drawn in [outline.to_dot(), outline.to_mermaid()] {
            assert!(!drawn.contains('\u{1b}') && !drawn.contains("a\""), "{drawn}");
        }
    }

    #[test]
    fn a_part_called_as_a_place_outside_is_no_such_place() {
        let json = r#"{"name": "x", "parts": [{"name": "exterior", "direction": "inbound", "route": "exterior"}]}"#;
        let outline = Outline::from_json(json.as_bytes()).expect("it has a name");
        assert!(!outline.to_dot().contains("->"));
    }
}

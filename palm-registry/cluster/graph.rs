//! Components and links of a cluster file, as DOT and Mermaid.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::component::Component;
use super::file::ClusterFile;

/// Who is linked with whom: by a placeholder that both use, or by `Connected` alone.
///
/// ```
/// use palm_registry::cluster::{ClusterFile, Graph};
///
/// let file = ClusterFile::parse(
///     "[Master]\nScript = master\n--db = _5\n[Worker]\nScript = worker\n--db = _5\nConnected = Master\nReplicas = 1\n",
/// )?;
/// let graph = Graph::of(&file);
/// assert_eq!((graph.links[0].from.as_str(), graph.links[0].to.as_str()), ("Master", "Worker"));
/// assert_eq!(
///     graph.to_mermaid(),
///     "flowchart LR\n    c0[\"Master\"]\n    c1[\"Worker<br/>2 instances\"]\n    c0 -- \"_5\" --> c1\n"
/// );
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// The components, in the order in which they are placed.
    pub components: Vec<GraphComponent>,
    /// The links, from what is placed first.
    pub links: Vec<GraphLink>,
}

/// A component in a [`Graph`].
///
/// ```
/// use palm_registry::cluster::{ClusterFile, Graph};
///
/// let graph = Graph::of(&ClusterFile::parse("[Worker]\nScript = worker\nRole = Worker\n")?);
/// assert_eq!((graph.components[0].role.as_str(), graph.components[0].instances), ("Worker", 1));
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GraphComponent {
    /// Its name.
    pub name: String,
    /// Its role, as the file says it.
    pub role: String,
    /// How many instances it has.
    pub instances: u32,
}

/// A link in a [`Graph`].
///
/// ```
/// use palm_registry::cluster::{ClusterFile, Graph};
///
/// let graph = Graph::of(&ClusterFile::parse("[A]\nScript = a\n--pub = _1\n[B]\nScript = b\n--sub = _1\n")?);
/// assert_eq!(graph.links[0].placeholders, ["_1"]);
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GraphLink {
    /// Component at which the placeholders lie.
    pub from: String,
    /// Component that uses them too.
    pub to: String,
    /// What they share; nothing if they are only connected.
    pub placeholders: Vec<String>,
}

impl Graph {
    /// The graph of a file.
    #[must_use]
    pub fn of(file: &ClusterFile) -> Self {
        let order: Vec<&Component> = file.in_order().collect();
        let index: BTreeMap<&str, usize> =
            order.iter().enumerate().map(|(index, component)| (component.name.as_str(), index)).collect();
        let homes = file.homes();
        let mut links: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
        for (to, component) in order.iter().enumerate() {
            for name in &component.placeholders {
                let from = homes.get(name.as_str()).and_then(|home| index.get(home.name.as_str()).copied());
                if let Some(from) = from.filter(|from| *from != to) {
                    links.entry((from, to)).or_default().push(name.clone());
                }
            }
        }
        for (to, component) in order.iter().enumerate() {
            for from in component.connected.iter().filter_map(|name| index.get(name.as_str()).copied()) {
                if from != to && !links.contains_key(&(to, from)) {
                    links.entry((from, to)).or_default();
                }
            }
        }
        Self {
            components: order
                .iter()
                .map(|component| GraphComponent {
                    name: component.name.clone(),
                    role: component.role.clone(),
                    instances: component.count(),
                })
                .collect(),
            links: links
                .into_iter()
                .map(|((from, to), placeholders)| GraphLink {
                    from: order[from].name.clone(),
                    to: order[to].name.clone(),
                    placeholders,
                })
                .collect(),
        }
    }

    /// The graph in Graphviz's language.
    ///
    /// ```
    /// use palm_registry::cluster::{ClusterFile, Graph};
    ///
    /// let graph = Graph::of(&ClusterFile::parse("[A]\nScript = a\n--pub = _1\n[B]\nScript = b\n--sub = _1\n")?);
    /// assert_eq!(
    ///     graph.to_dot(),
    ///     "digraph cluster {\n    rankdir=LR;\n    \"A\" [shape=box];\n    \"B\" [shape=box];\n    \"A\" -> \"B\" [label=\"_1\"];\n}\n"
    /// );
    /// # Ok::<(), palm_registry::cluster::FileErrors>(())
    /// ```
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut text = String::from("digraph cluster {\n    rankdir=LR;\n");
        for component in &self.components {
            let name = dot(&component.name);
            // A `String` takes all that is written to it.
            let _ = match component.instances {
                1 => writeln!(text, "    \"{name}\" [shape=box];"),
                count => writeln!(text, "    \"{name}\" [shape=box, label=\"{name}\\n{count} instances\"];"),
            };
        }
        for link in &self.links {
            let (from, to) = (dot(&link.from), dot(&link.to));
            let _ = match link.placeholders.as_slice() {
                [] => writeln!(text, "    \"{from}\" -> \"{to}\" [style=dashed];"),
                shared => writeln!(text, "    \"{from}\" -> \"{to}\" [label=\"{}\"];", dot(&shared.join(", "))),
            };
        }
        text.push_str("}\n");
        text
    }

    /// The graph as a Mermaid flowchart.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        // Names may have any letters, which identifiers may not.
        let mut ids = BTreeMap::new();
        for (index, component) in self.components.iter().enumerate() {
            ids.insert(component.name.as_str(), index);
            let name = mermaid(&component.name);
            let _ = match component.instances {
                1 => writeln!(text, "    c{index}[\"{name}\"]"),
                count => writeln!(text, "    c{index}[\"{name}<br/>{count} instances\"]"),
            };
        }
        for link in &self.links {
            let (Some(from), Some(to)) = (ids.get(link.from.as_str()), ids.get(link.to.as_str())) else { continue };
            let _ = match link.placeholders.as_slice() {
                [] => writeln!(text, "    c{from} -.-> c{to}"),
                shared => writeln!(text, "    c{from} -- \"{}\" --> c{to}", mermaid(&shared.join(", "))),
            };
        }
        text
    }
}

fn dot(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn mermaid(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '#' | '&' | '<' | '>' | '`' | '\\' => {
                let _ = write!(safe, "#{};", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    fn graph(text: &str) -> Graph {
        Graph::of(&ClusterFile::parse(text).unwrap())
    }

    #[test]
    fn what_is_shared_is_one_link_and_what_is_only_connected_is_dashed() {
        let graph = graph(
            "[W]\nScript = w\n--a = _1\n--b = _2\nConnected = M\n[M]\nScript = m\n--a = _1\n--b = _2\n[X]\nScript = x\nConnected = M, W\n",
        );
        assert_eq!(
            graph.to_dot(),
            "digraph cluster {\n    rankdir=LR;\n    \"M\" [shape=box];\n    \"W\" [shape=box];\n    \"X\" [shape=box];\n    \
             \"M\" -> \"W\" [label=\"_1, _2\"];\n    \"M\" -> \"X\" [style=dashed];\n    \"W\" -> \"X\" [style=dashed];\n}\n"
        );
    }

    #[test]
    fn names_cannot_break_out_of_their_labels() {
        let graph = graph("[a\"]\\; <b>#]\nScript = x\nReplicas = 1\n");
        assert!(graph.to_dot().contains(r#"label="a\"]\\; <b>#\n2 instances""#), "{}", graph.to_dot());
        assert!(
            graph.to_mermaid().contains(r#"c0["a#34;]#92;; #60;b#62;#35;<br/>2 instances"]"#),
            "{}",
            graph.to_mermaid()
        );
    }
}

//! The state of a cluster as old clients read it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::command;
use super::file::ClusterFile;
use super::placement::Placement;

impl Placement {
    /// The object that `cluster_status` answers; nothing as long as nothing is placed.
    ///
    /// ```
    /// use palm_registry::cluster::{ClusterFile, NodeFile, Placement};
    ///
    /// let file = ClusterFile::parse("[Master]\nScript = master\n--db = _5\n")?;
    /// let mut placement = Placement::default();
    /// assert_eq!(placement.status(&file), None);
    /// placement.place(&file, &NodeFile::default().node())?;
    /// let expected = serde_json::json!({
    ///     "socket mapping": {"_5": "tcp://127.0.0.1:5555"},
    ///     "configured resources": {
    ///         "Master": {"commands": ["master", "--db tcp://127.0.0.1:5555"], "node": "127.0.0.1", "ready": true},
    ///     },
    ///     "highest port used": {"127.0.0.1": 5556},
    ///     "ready": true,
    /// });
    /// assert_eq!(placement.status(&file), Some(expected));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn status(&self, file: &ClusterFile) -> Option<Value> {
        let [sockets, resources, ports, ready] = self.status_parts(file)?;
        Some(json!({
            "socket mapping": sockets,
            "configured resources": resources,
            "highest port used": ports,
            "ready": ready,
        }))
    }

    /// The same as `clusters_list` has it: sockets, resources, ports, whether all is placed.
    ///
    /// ```
    /// use palm_registry::cluster::{ClusterFile, NodeFile, Placement};
    ///
    /// let file = ClusterFile::parse("[Master]\nScript = master\n")?;
    /// let mut placement = Placement::default();
    /// placement.place(&file, &NodeFile::default().node())?;
    /// let [sockets, _, ports, ready] = placement.status_parts(&file).unwrap();
    /// assert_eq!((sockets, ports, ready), (serde_json::json!({}), serde_json::json!({"127.0.0.1": 5555}), true.into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn status_parts(&self, file: &ClusterFile) -> Option<[Value; 4]> {
        if self.placed().is_empty() {
            return None;
        }
        let addresses = self.addresses();
        let mut resources = Map::new();
        for placed in self.placed() {
            let Some(component) = file.component(&placed.component) else { continue };
            let node = self.node(placed.node).map_or("", |node| &node.ip);
            let mut resource = json!({ "commands": command::strings(component, &addresses), "node": node });
            // Of a replicated section only the last one says so.
            if placed.name == component.instance(component.count()) {
                resource["ready"] = true.into();
            }
            resources.insert(placed.name.clone(), resource);
        }
        let ports: BTreeMap<_, _> = self.ports.iter().collect();
        Some([json!(addresses), resources.into(), json!(ports), self.is_complete(file).into()])
    }
}

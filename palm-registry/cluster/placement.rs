//! Which instance lies on which node, and at which addresses.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::command::{self, Addresses};
use super::component::Component;
use super::file::ClusterFile;
use super::node::Node;
use crate::api::Instance;

/// Most nodes of a cluster.
const NODES: usize = 10_000;

/// The state of a cluster: what [`ClusterFile`] asks for, as far as nodes have joined. It is stored as JSON.
///
/// ```
/// use palm_registry::cluster::{ClusterFile, NodeFile, Placement};
///
/// let file = ClusterFile::parse(
///     "[Master]\nScript = master\n--db = _5\n[Worker]\nScript = worker\n--db = _5\nConnected = Master\nReplicas = 1\n",
/// )?;
/// let mut placement = Placement::default();
/// let node = NodeFile { processors: 2, ..NodeFile::default() }.node();
/// let instances = placement.place(&file, &node)?;
/// assert_eq!(instances[0].command, "master --db tcp://127.0.0.1:5555");
/// assert_eq!(instances[1].name, "Worker 1");
/// assert_eq!(placement.place(&file, &node)?, instances);
/// assert!(!placement.is_complete(&file));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    nodes: BTreeMap<Uuid, Node>,
    /// In the order in which they were placed.
    instances: Vec<Placed>,
    pub(super) addresses: BTreeMap<String, Address>,
    /// The next free port on each address of a node.
    pub(super) ports: BTreeMap<String, u32>,
    /// Of what is placed next; it only grows.
    generation: u64,
}

/// Where an instance lies.
///
/// ```
/// use palm_registry::cluster::{ClusterFile, NodeFile, Placement};
///
/// let file = ClusterFile::parse("[Master]\nScript = master\n")?;
/// let mut placement = Placement::default();
/// let node = NodeFile::default().node();
/// placement.place(&file, &node)?;
/// assert_eq!((placement.placed()[0].name.as_str(), placement.placed()[0].node), ("Master", node.id));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Name of the instance.
    pub name: String,
    /// Name of its component.
    pub component: String,
    /// Identity of its node.
    pub node: Uuid,
    /// A higher one than before asks its runner for a restart.
    pub generation: u64,
}

/// Where a placeholder lies: at the component of its users that was placed first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) text: String,
    pub(super) ip: String,
    component: String,
    node: Uuid,
}

impl Placement {
    /// What a node runs: what it has already, and what is not placed yet for each processor that is free. Asked again, it is the same.
    ///
    /// A node that comes back with another address, or with fewer processors than it has instances, loses what it had, or the last of it;
    /// that is placed anew.
    ///
    /// # Errors
    /// There is no port left for it, or there are too many nodes. Then nothing has changed.
    pub fn place(&mut self, file: &ClusterFile, node: &Node) -> Result<Vec<Instance>, PlacementError> {
        let own = self.of_node(node.id).count();
        let settled = own == node.processors as usize || (own < node.processors as usize && self.is_complete(file));
        if settled && self.nodes.get(&node.id) == Some(node) {
            return Ok(self.instances_of(file, node.id));
        }
        let mut next = self.clone();
        if next.nodes.get(&node.id).is_some_and(|known| known.ip != node.ip) {
            next.forget(node.id);
        }
        next.drop_surplus(node);
        let free = node.processors as usize - next.of_node(node.id).count();
        next.fill(file, node, free)?;
        *self = next;
        Ok(self.instances_of(file, node.id))
    }

    /// What an old runner gets, which does not say who it is: something new for each processor, if there is something that is not placed
    /// yet; otherwise everything again that runners got with the same address, first port and name.
    ///
    /// # Errors
    /// There is no port left for it, or there are too many nodes. Then nothing has changed.
    pub fn place_unnamed(&mut self, file: &ClusterFile, node: &Node) -> Result<Vec<Instance>, PlacementError> {
        let mut next = self.clone();
        let before = next.instances.len();
        next.fill(file, node, node.processors as usize)?;
        if next.instances.len() == before {
            // Whoever asks leaves no trace where there is nothing for him.
            return Ok(self.instances_of(file, node.id));
        }
        *self = next;
        Ok(self.described(file, self.instances.iter().skip(before)))
    }

    /// Places up to `count` instances on a node.
    fn fill(&mut self, file: &ClusterFile, node: &Node, count: usize) -> Result<(), PlacementError> {
        self.nodes.insert(node.id, node.clone());
        if self.nodes.len() > NODES {
            return Err(PlacementError::TooManyNodes);
        }
        let missing: Vec<_> = self.missing(file).take(count).collect();
        let mut held: HashSet<_> =
            self.instances.iter().map(|placed| (placed.node, placed.component.clone())).collect();
        let mut moved = HashSet::new();
        for (component, name) in missing {
            let here = (node.id, component.name.clone());
            if !held.contains(&here) {
                self.provide(component, node, &held, &mut moved)?;
                held.insert(here);
            }
            let generation = self.generation;
            self.instances.push(Placed { name, component: component.name.clone(), node: node.id, generation });
        }
        self.restart_users(file, &moved);
        Ok(())
    }

    /// What is not placed yet, in the order in which it will be.
    fn missing<'a>(&self, file: &'a ClusterFile) -> impl Iterator<Item = (&'a Component, String)> + use<'a> {
        let placed: HashSet<String> = self.instances.iter().map(|placed| placed.name.clone()).collect();
        file.in_order()
            .flat_map(|component| component.instances().map(move |name| (component, name)))
            .filter(move |(_, name)| !placed.contains(name))
    }

    /// Sees to it that each placeholder of a component has an address: its own is kept as long as the component that it lies at is where it
    /// was, and when that comes back to the same machine. `moved` gets what has another one.
    fn provide(
        &mut self,
        component: &Component,
        node: &Node,
        held: &HashSet<(Uuid, String)>,
        moved: &mut HashSet<String>,
    ) -> Result<(), PlacementError> {
        let next = self.ports.entry(node.ip.clone()).or_default();
        *next = (*next).max(u32::from(node.ports_from));
        for name in &component.placeholders {
            let text = match self.addresses.get(name) {
                Some(known) if held.contains(&(known.node, known.component.clone())) => continue,
                Some(known) if known.ip == node.ip => known.text.clone(),
                Some(_) => {
                    moved.insert(name.clone());
                    self.new_address(component, node)?
                }
                None => self.new_address(component, node)?,
            };
            let (ip, component) = (node.ip.clone(), component.name.clone());
            self.addresses.insert(name.clone(), Address { text, ip, component, node: node.id });
        }
        Ok(())
    }

    fn new_address(&mut self, component: &Component, node: &Node) -> Result<String, PlacementError> {
        let next = self.ports.entry(node.ip.clone()).or_default();
        let Ok(port) = u16::try_from(*next) else {
            return Err(PlacementError::NoPort { component: component.name.clone(), ip: node.ip.clone() });
        };
        *next += 1;
        Ok(node.address(port))
    }

    /// Placeholders have other addresses: whoever was given the old ones is started again.
    fn restart_users(&mut self, file: &ClusterFile, moved: &HashSet<String>) {
        if moved.is_empty() {
            return;
        }
        self.generation += 1;
        for placed in &mut self.instances {
            let uses = |component: &Component| component.placeholders.iter().any(|name| moved.contains(name));
            if file.component(&placed.component).is_some_and(uses) {
                placed.generation = self.generation;
            }
        }
    }

    fn drop_surplus(&mut self, node: &Node) {
        let mut kept = 0;
        self.instances.retain(|placed| {
            kept += usize::from(placed.node == node.id);
            placed.node != node.id || kept <= node.processors as usize
        });
    }

    /// Takes a node away: what it ran is placed on others, and what was given addresses on it is then started again with new ones. Says
    /// whether there was such a node.
    pub fn forget(&mut self, node: Uuid) -> bool {
        self.instances.retain(|placed| placed.node != node);
        self.nodes.remove(&node).is_some()
    }

    /// Takes everything away, ports included. What is placed after that is started anew by its runners.
    pub fn reset(&mut self) {
        *self = Self { generation: self.generation + 1, ..Self::default() };
    }

    /// Asks for a restart of an instance. Says whether there is one of that name.
    pub fn restart(&mut self, name: &str) -> bool {
        let Some(placed) = self.instances.iter_mut().find(|placed| placed.name == name) else { return false };
        self.generation += 1;
        placed.generation = self.generation;
        true
    }

    /// The nodes that have joined.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> + '_ {
        self.nodes.values()
    }

    /// A node that has joined.
    #[must_use]
    pub fn node(&self, id: Uuid) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// What is placed, in that order.
    #[must_use]
    pub fn placed(&self) -> &[Placed] {
        &self.instances
    }

    /// What a node runs, without placing anything.
    #[must_use]
    pub fn instances_of(&self, file: &ClusterFile, node: Uuid) -> Vec<Instance> {
        self.described(file, self.of_node(node))
    }

    /// Everything that is placed, in that order.
    #[must_use]
    pub fn instances(&self, file: &ClusterFile) -> Vec<Instance> {
        self.described(file, self.instances.iter())
    }

    /// Names of what is not placed yet, in the order in which it will be.
    #[must_use]
    pub fn unplaced(&self, file: &ClusterFile) -> Vec<String> {
        self.missing(file).map(|(_, name)| name).collect()
    }

    /// Whether everything is placed.
    #[must_use]
    pub fn is_complete(&self, file: &ClusterFile) -> bool {
        self.missing(file).next().is_none()
    }

    /// Address of each placeholder that has one.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses.iter().map(|(name, address)| (name.clone(), address.text.clone())).collect()
    }

    fn of_node(&self, node: Uuid) -> impl Iterator<Item = &Placed> + '_ {
        self.instances.iter().filter(move |placed| placed.node == node)
    }

    fn described<'a>(&self, file: &ClusterFile, placed: impl Iterator<Item = &'a Placed>) -> Vec<Instance> {
        let addresses = self.addresses();
        placed.filter_map(|placed| Some(instance(file.component(&placed.component)?, placed, &addresses))).collect()
    }
}

fn instance(component: &Component, placed: &Placed, addresses: &Addresses) -> Instance {
    let command = command::line(component, addresses);
    Instance {
        name: placed.name.clone(),
        component: placed.component.clone(),
        // The quotes of each piece are checked with the file, and no address has any.
        argv: command::split(&command).unwrap_or_default(),
        command,
        restart: component.restart,
        grace_seconds: component.grace_seconds,
        generation: placed.generation,
    }
}

/// Instances cannot be placed on a node.
///
/// ```
/// use palm_registry::cluster::{ClusterFile, NodeFile, Placement};
///
/// let file = ClusterFile::parse("[Master]\nScript = master\n--pull = _1\n--pub = _2\n")?;
/// let node = NodeFile { ports_from: 65_535, ..NodeFile::default() }.node();
/// let error = Placement::default().place(&file, &node).unwrap_err();
/// assert_eq!(error.to_string(), "no port up to 65535 is left on 127.0.0.1 for `Master`; let `Ports_from` of its node begin lower");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlacementError {
    /// The ports of an address are used up.
    #[error("no port up to 65535 is left on {ip} for `{component}`; let `Ports_from` of its node begin lower")]
    NoPort {
        /// The component that needs one.
        component: String,
        /// The address.
        ip: String,
    },
    /// More nodes have joined than a cluster has.
    #[error("{NODES} nodes have joined; forget those that are gone")]
    TooManyNodes,
}

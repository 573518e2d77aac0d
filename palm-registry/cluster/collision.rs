//! Addresses that two clusters give out: they do not know of each other.

use std::collections::BTreeSet;

use super::placement::Placement;

/// Two clusters give the same ports of a node to their components.
///
/// ```
/// use palm_registry::cluster::{ClusterFile, NodeFile, Placement, collisions};
///
/// let file = ClusterFile::parse("[Master]\nScript = master\n--pull = _1\n--pub = _2\n")?;
/// let (mut one, mut other) = (Placement::default(), Placement::default());
/// one.place(&file, &NodeFile::default().node())?;
/// other.place(&file, &NodeFile { ports_from: 5556, ..NodeFile::default() }.node())?;
/// let collision = &collisions(&one, &other)[0];
/// assert_eq!(collision.addresses, ["tcp://127.0.0.1:5556"]);
/// assert_eq!((collision.ip.as_str(), collision.free_from), ("127.0.0.1", 5558));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// The address of the node.
    pub ip: String,
    /// What both give out.
    pub addresses: Vec<String>,
    /// From here on neither has given out a port: `Ports_from` of a node file without a collision.
    pub free_from: u32,
}

/// What two clusters collide in, by node.
#[must_use]
pub fn collisions(one: &Placement, other: &Placement) -> Vec<Collision> {
    let theirs: BTreeSet<&str> = other.addresses.values().map(|address| address.text.as_str()).collect();
    let next = |placement: &Placement, ip: &str| placement.ports.get(ip).copied().unwrap_or_default();
    let nodes: BTreeSet<&str> = one.addresses.values().map(|address| address.ip.as_str()).collect();
    let of_node = |ip: &str| {
        let own = one.addresses.values().filter(|address| address.ip == ip && theirs.contains(address.text.as_str()));
        let addresses: BTreeSet<String> = own.map(|address| address.text.clone()).collect();
        Collision {
            ip: ip.to_owned(),
            addresses: addresses.into_iter().collect(),
            free_from: next(one, ip).max(next(other, ip)),
        }
    };
    nodes.into_iter().map(of_node).filter(|collision| !collision.addresses.is_empty()).collect()
}

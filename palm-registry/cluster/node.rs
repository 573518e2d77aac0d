//! The node file: what a runner says of its machine.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::{FileError, FileErrors};
use super::ini::Ini;
use crate::api::NodeJoin;

/// Longest file, in bytes.
const SIZE: usize = 64 << 10;

/// Longest name of a node, in bytes.
const NAME: usize = 256;

/// Under which the identities of old runners are made.
const IDENTITIES: Uuid = Uuid::from_u128(0x2f5a_84b7_90a6_4b36_9c7d_51c0_6b0e_3d14);

/// What a runner says of its machine; by default what a runner without a file says.
///
/// ```
/// use palm_registry::cluster::NodeFile;
///
/// let node = NodeFile::parse("[DEFAULT]\nIp = 10.0.0.7\nProcessors = 4\nPorts_from = 6000\n")?;
/// assert_eq!((node.ip.as_str(), node.processors, node.ports_from, node.name), ("10.0.0.7", 4, 6000, None));
/// assert_eq!(NodeFile::default().ports_from, 5555);
/// # Ok::<(), palm_registry::cluster::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFile {
    /// Address of the machine: an IP address or a host name.
    pub ip: String,
    /// How many instances it takes.
    pub processors: u32,
    /// First port that its components get.
    pub ports_from: u16,
    /// Name for people to read.
    pub name: Option<String>,
}

impl Default for NodeFile {
    fn default() -> Self {
        Self { ip: Ipv4Addr::LOCALHOST.to_string(), processors: 1, ports_from: 5555, name: None }
    }
}

impl NodeFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Everything that is wrong in it, each at its line.
    pub fn parse(text: &str) -> Result<Self, FileErrors> {
        if text.len() > SIZE {
            return Err(FileError::new(1, format!("the file is larger than {SIZE} bytes")).into());
        }
        let defaults = Ini::parse(text)?.defaults;
        let mut faults = Vec::new();
        let mut read = |key: &str| match defaults.get(&key.to_lowercase()) {
            Some(entry) => entry.value.as_str(),
            None => {
                let text = format!("`{key}` is missing; write it into [DEFAULT]");
                faults.push(FileError::new(defaults.line, text).of(&defaults.name));
                ""
            }
        };
        let (ip, processors, ports_from) = (read("Ip"), read("Processors"), read("Ports_from"));
        FileErrors::or(faults, ())?;
        let name = defaults.get("name").map(|entry| entry.value.clone()).filter(|name| !name.is_empty());
        // Not a number is as wrong as 0 is.
        let node = Self {
            ip: ip.to_owned(),
            processors: processors.parse().unwrap_or(0),
            ports_from: ports_from.parse().unwrap_or(0),
            name,
        };
        let faults = node.faults().into_iter().map(|error| {
            let entry = defaults.get(&error.key().to_lowercase());
            let fault = FileError::new(entry.map_or(defaults.line, |entry| entry.line), error.to_string());
            fault.of(&defaults.name).at(entry.map_or(error.key(), |entry| &entry.written))
        });
        FileErrors::or(faults.collect(), node)
    }

    fn faults(&self) -> Vec<NodeError> {
        let mut faults = Vec::new();
        if !is_address(&self.ip) {
            faults.push(NodeError::Ip { ip: self.ip.clone() });
        }
        if self.processors == 0 {
            faults.push(NodeError::Processors);
        }
        if self.ports_from == 0 {
            faults.push(NodeError::PortsFrom);
        }
        let name = self.name.as_deref().unwrap_or_default();
        if name.len() > NAME || name.contains(char::is_control) {
            faults.push(NodeError::Name);
        }
        faults
    }

    /// The node of an old runner, which has no identity of its own: address, first port and name stand for one.
    #[must_use]
    pub fn node(&self) -> Node {
        let name = self.name.as_deref().unwrap_or_default();
        let identity = format!("{}\n{}\n{name}", self.ip, self.ports_from);
        self.with_id(Uuid::new_v5(&IDENTITIES, identity.as_bytes()))
    }

    pub(super) fn with_id(&self, id: Uuid) -> Node {
        Node {
            id,
            ip: self.ip.clone(),
            processors: self.processors,
            ports_from: self.ports_from,
            name: self.name.clone(),
        }
    }
}

/// A node of a cluster.
///
/// ```
/// use palm_registry::cluster::{Node, NodeFile};
///
/// let node = NodeFile::default().node();
/// assert_eq!(node.id, NodeFile::default().node().id);
/// assert_eq!(node.address(5559), "tcp://127.0.0.1:5559");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its identity.
    pub id: Uuid,
    /// Its address: an IP address or a host name.
    pub ip: String,
    /// How many instances it takes.
    pub processors: u32,
    /// First port that its components get.
    pub ports_from: u16,
    /// Name for people to read.
    #[serde(default)]
    pub name: Option<String>,
}

impl Node {
    /// Address of a port on it.
    #[must_use]
    pub fn address(&self, port: u16) -> String {
        match self.ip.parse::<Ipv6Addr>() {
            Ok(ip) => format!("tcp://[{ip}]:{port}"),
            Err(_) => format!("tcp://{}:{port}", self.ip),
        }
    }
}

/// ```
/// use palm_registry::api::NodeJoin;
/// use palm_registry::cluster::{Node, NodeError};
///
/// let join: NodeJoin = serde_json::from_str(
///     r#"{"id": "67e55044-10b1-426f-9247-bb680e5fe0c8", "ip": "10.0.0.7 --evil", "processors": 4, "ports_from": 5555}"#,
/// )?;
/// assert!(matches!(Node::try_from(&join), Err(NodeError::Ip { .. })));
/// # Ok::<(), serde_json::Error>(())
/// ```
impl TryFrom<&NodeJoin> for Node {
    type Error = NodeError;

    fn try_from(join: &NodeJoin) -> Result<Self, NodeError> {
        let file = NodeFile {
            ip: join.ip.clone(),
            processors: join.processors,
            ports_from: join.ports_from,
            name: join.name.clone(),
        };
        match file.faults().into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(file.with_id(join.id)),
        }
    }
}

/// What is wrong with what a runner says of its machine.
///
/// ```
/// let error = palm_registry::cluster::NodeError::Ip { ip: "*".into() };
/// assert_eq!(error.to_string(), "`*` is no IP address or host name");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Its address is none.
    #[error("`{ip}` is no IP address or host name")]
    Ip {
        /// What stands there.
        ip: String,
    },
    /// It takes no instance.
    #[error("there is no processor; write a whole number from 1 to {}", u32::MAX)]
    Processors,
    /// Its first port is none.
    #[error("this is no port; write a whole number from 1 to {}", u16::MAX)]
    PortsFrom,
    /// Its name cannot be shown.
    #[error("the name has a control character or is longer than {NAME} bytes")]
    Name,
}

impl NodeError {
    const fn key(&self) -> &'static str {
        match self {
            Self::Ip { .. } => "Ip",
            Self::Processors => "Processors",
            Self::PortsFrom => "Ports_from",
            Self::Name => "Name",
        }
    }
}

/// Addresses become arguments of commands: nothing else may stand in them.
fn is_address(ip: &str) -> bool {
    if ip.parse::<Ipv4Addr>().is_ok() || ip.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // What ends in digits alone is an IPv4 address that is none.
    let digits = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    ip.len() <= 253 && ip.split('.').all(label) && !ip.rsplit('.').next().is_some_and(digits)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    fn faults(text: &str) -> String {
        NodeFile::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn keys_come_in_any_case_and_other_sections_are_ignored() {
        let node =
            NodeFile::parse("[other]\nip = x y\n[DEFAULT]\nIP: node-1.local\nprocessors=2\nports_FROM = 1\nName = a\n");
        let expected = NodeFile { ip: "node-1.local".into(), processors: 2, ports_from: 1, name: Some("a".into()) };
        assert_eq!(node, Ok(expected));
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_at_its_line() {
        assert_eq!(
            faults("\n[DEFAULT]\nName = x\n"),
            "line 3, [DEFAULT]: `Ip` is missing; write it into [DEFAULT]\n\
             line 3, [DEFAULT]: `Processors` is missing; write it into [DEFAULT]\n\
             line 3, [DEFAULT]: `Ports_from` is missing; write it into [DEFAULT]"
        );
        assert!(faults("").contains("`Ip` is missing"));
        assert!(faults("ip = 1").contains("before the first section"));
        assert_eq!(
            faults("[DEFAULT]\nIp = 1.1.1.1 --evil\nProcessors = 0\nPorts_from = 65536\nName = a\n b\n"),
            "line 2, [DEFAULT], `Ip`: `1.1.1.1 --evil` is no IP address or host name\n\
             line 3, [DEFAULT], `Processors`: there is no processor; write a whole number from 1 to 4294967295\n\
             line 4, [DEFAULT], `Ports_from`: this is no port; write a whole number from 1 to 65535\n\
             line 5, [DEFAULT], `Name`: the name has a control character or is longer than 256 bytes"
        );
    }

    #[test]
    fn addresses_are_ip_addresses_and_host_names() {
        for ip in ["127.0.0.1", "0.0.0.0", "::1", "fe80::1", "localhost", "a-1.b_2.example", "10-0-0-7"] {
            assert!(is_address(ip), "{ip}");
        }
        for ip in ["", "*", "1.2.3", "1.2.3.4.5", "256.1.1.1", "a b", "a:1", "[::1]", "a..b", "-a", "a/b", "ä", "a\n"]
        {
            assert!(!is_address(ip), "{ip}");
        }
    }

    #[test]
    fn an_address_of_ipv6_is_in_brackets() {
        let node = NodeFile { ip: "::1".into(), ..NodeFile::default() }.node();
        assert_eq!(node.address(1), "tcp://[::1]:1");
    }

    #[test]
    fn identity_is_address_first_port_and_name() {
        let file = NodeFile::default();
        let id = |file: NodeFile| file.node().id;
        assert_eq!(id(file.clone()), id(NodeFile { processors: 9, ..file.clone() }));
        assert_ne!(id(file.clone()), id(NodeFile { ip: "127.0.0.2".into(), ..file.clone() }));
        assert_ne!(id(file.clone()), id(NodeFile { ports_from: 5565, ..file.clone() }));
        assert_ne!(id(file.clone()), id(NodeFile { name: Some("a".into()), ..file }));
    }
}

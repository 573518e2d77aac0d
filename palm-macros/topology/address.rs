//! Addresses that stand in the source as literals.

use std::fmt;

use crate::nearest;

const TRANSPORTS: [&str; 5] = ["tcp", "inproc", "ipc", "http", "https"];
/// `sun_path` holds 108 bytes, one of them the end.
const LONGEST_PATH: usize = 107;

/// What of an address decides whether two parts can both bind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A port of a host; `*` stands for every host.
    Port { host: String, port: u16 },
    /// A name within the process, or a path.
    Name(String),
    /// The system chooses: never twice the same.
    Chosen,
}

impl Place {
    /// Whether the second of two parts that bind would be refused.
    pub(super) fn collides(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Port { host, port }, Self::Port { host: other_host, port: other_port }) => {
                port == other_port && (host == other_host || is_wildcard(host) || is_wildcard(other_host))
            }
            (Self::Name(name), Self::Name(other)) => name == other,
            _ => false,
        }
    }
}

fn is_wildcard(host: &str) -> bool {
    matches!(host, "*" | "0.0.0.0" | "[::]")
}

/// What is wrong with an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    NoTransport,
    UnknownTransport(String),
    NoHost,
    NoPort { transport: String, host: String },
    BadPort(String),
    NoName(&'static str),
    LongPath(usize),
    BadCharacter(char),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTransport => {
                f.write_str("the address has no transport; write `tcp://host:port`, `inproc://name` or `ipc://path`")
            }
            Self::UnknownTransport(transport) => match nearest::nearest(transport, TRANSPORTS) {
                Some(nearest) => write!(f, "`{transport}` is no transport; did you mean `{nearest}`?"),
                None => write!(f, "`{transport}` is no transport; there are `{}`", TRANSPORTS.join("`, `")),
            },
            Self::NoHost => {
                f.write_str("the address has no host; write `127.0.0.1`, a name, or `*` for every interface")
            }
            Self::NoPort { transport, host } => {
                write!(
                    f,
                    "the address has no port; write `{transport}://{host}:5555`, or `{transport}://{host}:*` to have one chosen"
                )
            }
            Self::BadPort(port) => {
                write!(f, "`{port}` is no port; write a number from 1 to 65535, or `*` to have one chosen")
            }
            Self::NoName(what) => write!(f, "the address has no {what} behind `://`"),
            Self::LongPath(length) => write!(f, "the path has {length} bytes; the system allows {LONGEST_PATH}"),
            Self::BadCharacter(character) => write!(f, "an address cannot hold {character:?}"),
        }
    }
}

/// Takes an address apart.
pub(super) fn place(address: &str) -> Result<Place, Malformed> {
    if let Some(bad) = address.chars().find(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err(Malformed::BadCharacter(bad));
    }
    let (transport, rest) = address.split_once("://").ok_or(Malformed::NoTransport)?;
    match transport {
        "tcp" => port(transport, rest, None),
        "http" => port(transport, rest.split('/').next().unwrap_or(rest), Some(80)),
        "https" => port(transport, rest.split('/').next().unwrap_or(rest), Some(443)),
        "inproc" if rest.is_empty() => Err(Malformed::NoName("name")),
        "ipc" if rest.is_empty() => Err(Malformed::NoName("path")),
        "ipc" if rest == "*" => Ok(Place::Chosen),
        "ipc" if rest.len() > LONGEST_PATH => Err(Malformed::LongPath(rest.len())),
        "inproc" | "ipc" => Ok(Place::Name(address.to_owned())),
        _ => Err(Malformed::UnknownTransport(transport.to_owned())),
    }
}

fn port(transport: &str, rest: &str, default: Option<u16>) -> Result<Place, Malformed> {
    // The colons of an IPv6 address stand in brackets.
    let after_host = rest.rfind(']').map_or(0, |bracket| bracket + 1);
    let colon = rest[after_host..].rfind(':').map(|colon| after_host + colon);
    let host = &rest[..colon.unwrap_or(rest.len())];
    if host.is_empty() {
        return Err(Malformed::NoHost);
    }
    let port = match (colon.map(|colon| &rest[colon + 1..]), default) {
        (Some("*" | "0"), _) => return Ok(Place::Chosen),
        (Some(port), _) if port.starts_with(|first: char| first.is_ascii_digit()) => port.parse().ok(),
        (Some(_), _) => None,
        (None, Some(default)) => Some(default),
        (None, None) => return Err(Malformed::NoPort { transport: transport.to_owned(), host: host.to_owned() }),
    };
    let bad = || Malformed::BadPort(colon.map_or_else(String::new, |colon| rest[colon + 1..].to_owned()));
    Ok(Place::Port { host: host.to_owned(), port: port.ok_or_else(bad)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, port: u16) -> Place {
        Place::Port { host: host.to_owned(), port }
    }

    #[test]
    fn every_transport_is_understood() {
        assert_eq!(place("tcp://127.0.0.1:5555"), Ok(at("127.0.0.1", 5555)));
        assert_eq!(place("tcp://*:65535"), Ok(at("*", 65535)));
        assert_eq!(place("tcp://[::1]:5555"), Ok(at("[::1]", 5555)));
        assert_eq!(place("tcp://localhost:*"), Ok(Place::Chosen));
        assert_eq!(place("tcp://localhost:0"), Ok(Place::Chosen));
        assert_eq!(place("http://localhost:8888/path:1"), Ok(at("localhost", 8888)));
        assert_eq!(place("https://localhost"), Ok(at("localhost", 443)));
        assert_eq!(place("inproc://pull"), Ok(Place::Name("inproc://pull".to_owned())));
        assert_eq!(place("ipc:///tmp/pull"), Ok(Place::Name("ipc:///tmp/pull".to_owned())));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let text = |address: &str| place(address).map_err(|error| error.to_string()).expect_err(address);
        assert!(text("127.0.0.1:5555").starts_with("the address has no transport"));
        assert_eq!(text("tpc://127.0.0.1:5555"), "`tpc` is no transport; did you mean `tcp`?");
        assert!(text("carrier-pigeon://x").contains("there are `tcp`, `inproc`"));
        assert!(text("tcp://:5555").starts_with("the address has no host"));
        assert!(text("tcp://127.0.0.1").contains("`tcp://127.0.0.1:*`"));
        assert!(text("tcp://[::1]").starts_with("the address has no port"));
        for port in ["65536", "-1", "+1", "", "55x", "5555/path"] {
            assert!(text(&format!("tcp://127.0.0.1:{port}")).starts_with(&format!("`{port}` is no port")), "{port}");
        }
        assert_eq!(text("inproc://"), "the address has no name behind `://`");
        assert_eq!(text("tcp://127.0.0.1:55 55"), "an address cannot hold ' '");
        assert_eq!(text("ipc://a\0"), "an address cannot hold '\\0'");
        assert!(text(&format!("ipc://{}", "x".repeat(108))).contains("108 bytes"));
    }

    #[test]
    fn a_wildcard_collides_with_every_host_and_a_chosen_port_with_none() {
        assert!(at("*", 1).collides(&at("127.0.0.1", 1)));
        assert!(!at("*", 1).collides(&at("127.0.0.1", 2)));
        assert!(!at("10.0.0.1", 1).collides(&at("127.0.0.1", 1)));
        assert!(!Place::Chosen.collides(&Place::Chosen));
    }
}

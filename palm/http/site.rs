//! Where an HTTP part listens.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::error::BoxError;
use crate::part::{Address, AddressKind};

/// Host and port, as they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Default for Site {
    /// A port of the system's choice, on loopback.
    fn default() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: 0 }
    }
}

impl Site {
    /// Reads `http://host:port`, or just `host:port`. `*` stands for every interface, and for any port.
    pub(super) fn of(address: &Address) -> Result<Self, BoxError> {
        let text = match &address.0 {
            AddressKind::Given(text) => text,
            AddressKind::Any => return Ok(Self::default()),
            AddressKind::Lookup(_) => return Err("a part that listens needs an address of its own".into()),
        };
        let place = match text.split_once("://") {
            Some(("http" | "https" | "tcp", place)) => place.strip_suffix('/').unwrap_or(place),
            Some(_) => return Err("it is served over HTTP; write `http://host:port`".into()),
            None => text,
        };
        let Some((host, port)) = place.rsplit_once(':').filter(|(host, _)| !host.is_empty()) else {
            return Err("there is no port; write `http://host:port`, or `http://host:*` to have one chosen".into());
        };
        let port = if port == "*" { Ok(0) } else { port.parse() };
        let port = port.map_err(|_| "the port is no number from 0 to 65535")?;
        Ok(Self { host: if host == "*" { "0.0.0.0" } else { host }.to_owned(), port })
    }

    /// As an address, with another port perhaps.
    pub(super) fn address(&self, encrypted: bool, port: u16) -> String {
        format!("{}://{}:{port}", if encrypted { "https" } else { "http" }, self.host)
    }

    /// Where to bind, IPv4 first: that is where callers look for `localhost` first.
    pub(super) fn resolve(&self) -> Result<Vec<SocketAddr>, BoxError> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let mut found: Vec<_> = (host, self.port).to_socket_addrs()?.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_every_form_are_read() {
        for (text, host, port) in [
            ("http://127.0.0.1:8888", "127.0.0.1", 8888),
            ("https://localhost:8443/", "localhost", 8443),
            ("127.0.0.1:*", "127.0.0.1", 0),
            ("http://*:80", "0.0.0.0", 80),
            ("http://[::1]:80", "[::1]", 80),
        ] {
            assert_eq!(Site::of(&text.into()).ok(), Some(Site { host: host.to_owned(), port }), "{text}");
        }
        for text in ["inproc://gateway", "127.0.0.1", ":80", "http://a:b", "http://a:70000", "http://a:80/path"] {
            assert!(Site::of(&text.into()).is_err(), "{text}");
        }
        assert_eq!(Site::of(&Address::any()).ok(), Some(Site::default()));
    }
}

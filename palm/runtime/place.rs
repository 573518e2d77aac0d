//! Rules and records for addresses.

use std::sync::Arc;

use crate::cache::RemoteCache;
use crate::engine::Place;
use crate::error::{BoxError, Error, Result};
use crate::part::{Address, AddressKind};

/// What holds for all parts of a component.
pub(super) struct Rules {
    pub(super) component: String,
    pub(super) insecure: bool,
    pub(super) advertise: Option<String>,
    /// Where addresses are looked up.
    pub(super) remote: Option<Arc<RemoteCache>>,
}

/// One part that opens its sockets.
pub(super) struct PlaceOf<'a> {
    pub(super) rules: &'a Rules,
    pub(super) part: &'a str,
    pub(super) key: Option<&'static str>,
    /// Cache keys and the addresses to be published under them, in order of opening.
    pub(super) addresses: &'a mut Vec<(&'static str, String)>,
}

impl Place for PlaceOf<'_> {
    fn to_bind(&self, address: &Address, protected: bool) -> Result<String> {
        let address = address.to_string();
        match host(&address) {
            Some(host) if !is_loopback(host) && !protected && !self.rules.insecure => {
                Err(Error::Insecure { component: self.rules.component.clone(), part: self.part.to_owned(), address })
            }
            _ => Ok(address),
        }
    }

    fn bound(&mut self, key: Option<&'static str>, address: &str) {
        let Some(key) = key.or(self.key) else { return };
        let advertised = self.advertised(address);
        if self.rules.advertise.is_none() && host(address).is_some_and(is_wildcard) {
            tracing::warn!(
                part = self.part,
                "{address} is advertised as `{advertised}`, by the name of this machine; say `advertise(\"host\")` if peers know it by another"
            );
        }
        self.addresses.push((key, advertised));
    }

    fn to_connect(&mut self, address: &Address) -> Result<String> {
        let address = match &address.0 {
            AddressKind::Given(address) => address.clone(),
            AddressKind::Any => return Err(self.refused("", "there is no address to connect to; give one".into())),
            AddressKind::Lookup(key) => self.look_up(key)?,
        };
        if let Some(key) = self.key {
            self.addresses.push((key, address.clone()));
        }
        Ok(address)
    }

    fn refused(&self, address: &str, source: BoxError) -> Error {
        Error::Address {
            component: self.rules.component.clone(),
            part: self.part.to_owned(),
            address: address.to_owned(),
            source,
        }
    }

    fn name(&self) -> &str {
        &self.rules.component
    }

    /// For a wildcard the name of this machine, or what was given.
    fn advertised(&self, bound: &str) -> String {
        let parts = host(bound).and_then(|host| Some((bound.split_once("://")?.0, host, bound.rsplit_once(':')?.1)));
        let Some((transport, host, port)) = parts else { return bound.to_owned() };
        let name = match &self.rules.advertise {
            Some(name) if is_wildcard(host) || !is_loopback(host) => name.clone(),
            None if is_wildcard(host) => gethostname::gethostname().to_string_lossy().into_owned(),
            _ => return bound.to_owned(),
        };
        format!("{transport}://{name}:{port}")
    }
}

impl PlaceOf<'_> {
    fn look_up(&self, key: &str) -> Result<String> {
        let Some(remote) = &self.rules.remote else {
            return Err(self.refused(key, "there is no `db_address` to look it up at".into()));
        };
        match remote.get_within(key, None)? {
            Some(address) => {
                let address = String::from_utf8_lossy(&address).into_owned();
                tracing::info!("Got {}: {address}", key.replace('_', " "));
                Ok(address)
            }
            None => Err(self.refused(key, format!("the cache at {} has no `{key}`", remote.address()).into())),
        }
    }
}

fn is_wildcard(host: &str) -> bool {
    matches!(host, "0.0.0.0" | "[::]" | "*")
}

/// The host of an address that others can reach.
fn host(address: &str) -> Option<&str> {
    let (transport, place) = address.split_once("://")?;
    matches!(transport, "tcp" | "http" | "https").then(|| place.rsplit_once(':').map(|(host, _)| host))?
}

pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_the_network() {
        for address in ["tcp://127.0.0.1:5555", "tcp://127.9.9.9:*", "tcp://localhost:1", "tcp://[::1]:5"] {
            assert!(host(address).is_some_and(is_loopback), "{address}");
        }
        for address in ["tcp://*:5555", "tcp://0.0.0.0:5", "tcp://[::]:5", "tcp://example.org:5", "tcp://eth0:*"] {
            assert!(!host(address).is_some_and(is_loopback), "{address}");
        }
        assert_eq!(host("inproc://name"), None);
    }
}

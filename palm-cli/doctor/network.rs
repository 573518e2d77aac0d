//! Ports and names.

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, ToSocketAddrs as _};
use std::ops::RangeInclusive;

use super::{Finding, State};

/// The ports of PALM's documentation, of its HTTP parts and of the registry.
const PORTS: [RangeInclusive<u16>; 3] = [5555..=5581, 8080..=8080, 8888..=8889];

pub(super) fn findings() -> Vec<Finding> {
    vec![loopback(), ports(), host_name()]
}

fn loopback() -> Finding {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let range = range.split_whitespace().collect::<Vec<_>>().join(" to ");
    let range = if range.is_empty() { String::new() } else { format!("; the system chooses ports from {range}") };
    match v4 {
        Ok(_) => {
            let v6 = if v6 { "IPv4 and IPv6" } else { "IPv4, not IPv6" };
            Finding::new("loopback", State::Ok, format!("{v6}{range}"))
        }
        Err(error) => Finding::new("loopback", State::Fault, format!("127.0.0.1 cannot be bound: {error}")),
    }
}

fn ports() -> Finding {
    let listening = listening();
    let in_use = |port: &u16| match &listening {
        Some(listening) => listening.contains(port),
        None => TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_err(),
    };
    let taken: Vec<_> = PORTS.into_iter().flatten().filter(in_use).map(|port| port.to_string()).collect();
    let all = PORTS.map(|range| match (range.start(), range.end()) {
        (start, end) if start == end => start.to_string(),
        (start, end) => format!("{start} to {end}"),
    });
    let all = all.join(", ");
    if taken.is_empty() {
        return Finding::new("ports", State::Ok, format!("those of the documentation are free: {all}"));
    }
    Finding::new("ports", State::Note, format!("in use of those of the documentation ({all}): {}", taken.join(", ")))
}

/// The ports that somebody listens on, where the system says it: to bind them could be in somebody's way.
fn listening() -> Option<HashSet<u16>> {
    let v4 = fs::read_to_string("/proc/net/tcp").ok()?;
    let v6 = fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    Some(v4.lines().chain(v6.lines()).filter_map(listener).collect())
}

/// The port of a line of that table, if it is of a listener.
fn listener(line: &str) -> Option<u16> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (_, port) = fields.next()?.split_once(':')?;
    (fields.nth(1)? == "0A").then(|| u16::from_str_radix(port, 16).ok()).flatten()
}

/// What components beyond loopback are advertised as.
fn host_name() -> Finding {
    let Ok(name) = fs::read_to_string("/proc/sys/kernel/hostname") else {
        return Finding::new("host name", State::Note, "the system does not say it");
    };
    let name = name.trim();
    let addresses: Vec<_> = (name, 0).to_socket_addrs().into_iter().flatten().map(|address| address.ip()).collect();
    let advice = "; components on other machines need `--advertise HOST`";
    if addresses.is_empty() {
        return Finding::new("host name", State::Note, format!("{name} is no address{advice}"));
    }
    let list = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if addresses.iter().all(std::net::IpAddr::is_loopback) {
        return Finding::new("host name", State::Note, format!("{name} is {list}, loopback alone{advice}"));
    }
    Finding::new("host name", State::Ok, format!("{name} is {list}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_told_from_connections() {
        let line = |state: &str| {
            format!("   0: 0100007F:15B3 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  0")
        };
        assert_eq!(listener(&line("0A")), Some(5555));
        assert_eq!(listener(&line("01")), None);
        assert_eq!(listener("  sl  local_address rem_address   st tx_queue"), None);
    }
}

//! How often one may try to sign in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tries count for so long.
const WINDOW: Duration = Duration::from_secs(60);
/// Tries with one name from one address within it.
const PAIR: u32 = 5;
/// Tries with one name from anywhere, or with any name from one address.
const EITHER: u32 = 50;
/// Names and addresses that are remembered; beyond that, new ones wait until old ones are forgotten.
const REMEMBERED: usize = 20_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Pair(String, IpAddr),
    Name(String),
    Address(IpAddr),
}

/// Counts the tries to sign in, by name and by address.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    tries: Mutex<Tries>,
}

#[derive(Debug, Default)]
struct Tries {
    counts: HashMap<Who, (Instant, u32)>,
    /// When old ones were forgotten last.
    forgot: Option<Instant>,
}

impl Throttle {
    /// Counts a try; whether it may be made.
    pub(crate) fn allow(&self, name: &str, address: IpAddr, now: Instant) -> bool {
        let address = network(address);
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.counts.len() + 3 > REMEMBERED {
            // Once a second, for it takes longer than the rest of this.
            if tries.forgot.is_none_or(|at| now.saturating_duration_since(at) >= Duration::from_secs(1)) {
                tries.forgot = Some(now);
                tries.counts.retain(|_, (since, _)| now.saturating_duration_since(*since) < WINDOW);
            }
            if tries.counts.len() + 3 > REMEMBERED {
                return false;
            }
        }
        let name: String = name.chars().take(64).collect();
        let all =
            [(Who::Pair(name.clone(), address), PAIR), (Who::Name(name), EITHER), (Who::Address(address), EITHER)];
        all.into_iter().fold(true, |allowed, (who, most)| {
            let (since, count) = tries.counts.entry(who).or_insert((now, 0));
            if now.saturating_duration_since(*since) >= WINDOW {
                (*since, *count) = (now, 0);
            }
            *count = count.saturating_add(1);
            allowed && *count <= most
        })
    }

    /// The tries with that name from that address were somebody's own.
    pub(crate) fn forgive(&self, name: &str, address: IpAddr) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.counts.remove(&Who::Pair(name.chars().take(64).collect(), network(address)));
    }
}

/// Somebody who has one address of IPv6 has the whole network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_try_in_a_minute_waits() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let (here, there): (IpAddr, IpAddr) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let allowed = (0..6).map(|_| throttle.allow("ann", here, start)).collect::<Vec<_>>();
        assert_eq!(allowed, [true, true, true, true, true, false]);
        assert!(throttle.allow("bob", here, start) && throttle.allow("ann", there, start));
        assert!(throttle.allow("ann", here, start + WINDOW));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for number in 0..2 * REMEMBERED {
            throttle.allow(&number.to_string(), [10, 0, (number >> 8) as u8, number as u8].into(), start);
        }
        assert!(throttle.tries.lock().unwrap().counts.len() <= REMEMBERED);
        assert!(throttle.allow("ann", [127, 0, 0, 1].into(), start + WINDOW));
    }
}

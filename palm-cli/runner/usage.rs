//! What processes use, and what components count.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use palm::cache::CacheHandle;
use serde_json::Value;

/// How long a component has to answer.
const ANSWER: Duration = Duration::from_millis(300);

/// What the system says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) parent: i32,
    group: i32,
    /// Processor time, in ticks.
    ticks: u64,
    /// Resident memory, in pages.
    pages: u64,
}

impl Stat {
    pub(super) fn of(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name of the program is in parentheses, and may have some of its own.
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.get(line.rfind(')')? + 2..)?.split(' ').collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            ticks,
            pages: fields.get(21)?.parse().ok()?,
        })
    }
}

/// What one component uses and counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// Processor time since the last look; 100 is one processor.
    pub(super) cpu_percent: Option<f64>,
    pub(super) rss_bytes: Option<u64>,
    pub(super) stats: Option<Value>,
}

/// Looks at process groups, time and again.
#[derive(Debug)]
pub(super) struct Meter {
    /// Of each group: its ticks at the last look.
    before: HashMap<u32, u64>,
    at: Instant,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { before: HashMap::new(), at: Instant::now() }
    }

    /// Ticks and pages of each process group there is.
    fn groups() -> HashMap<u32, (u64, u64)> {
        let mut groups = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let stat = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Stat::of);
            let Some((stat, group)) = stat.and_then(|stat| Some((stat, u32::try_from(stat.group).ok()?))) else {
                continue;
            };
            let (ticks, pages) = groups.entry(group).or_insert((0, 0));
            *ticks += stat.ticks;
            *pages += stat.pages;
        }
        groups
    }

    /// What the groups of these processes, which lead them, have used since the last look.
    pub(super) fn look(&mut self, leaders: &[u32]) -> HashMap<u32, Usage> {
        let (groups, now) = (Self::groups(), Instant::now());
        let seconds = now.duration_since(self.at).as_secs_f64();
        let mut before = HashMap::new();
        let mut usages = HashMap::new();
        for leader in leaders {
            let Some((ticks, pages)) = groups.get(leader).copied() else { continue };
            before.insert(*leader, ticks);
            let last = self.before.get(leader).copied();
            let spent =
                last.map(|last| ticks.saturating_sub(last) as f64 / rustix::param::clock_ticks_per_second() as f64);
            let usage = Usage {
                cpu_percent: spent.filter(|_| seconds > 0.0).map(|spent| spent / seconds * 100.0),
                rss_bytes: Some(pages * rustix::param::page_size() as u64),
                stats: None,
            };
            usages.insert(*leader, usage);
        }
        (self.before, self.at) = (before, now);
        usages
    }
}

/// What a component of this library counts. `None` for a worker, whose `--db` is its master's, and for any other program.
pub(super) fn stats(argv: &[String]) -> Option<Value> {
    let name = value_of(argv, &["--name"])?;
    let address = value_of(argv, &["--db", "--db-address"])?;
    let cache = CacheHandle::at(address, ANSWER);
    let told = cache.get("name").ok()??;
    if told != name.as_bytes() {
        return None;
    }
    let stats = cache.get("_palm.stats").ok()??;
    serde_json::from_slice(&stats).ok().filter(Value::is_object)
}

fn value_of<'a>(argv: &'a [String], flags: &[&str]) -> Option<&'a str> {
    argv.iter().enumerate().find_map(|(at, word)| match word.split_once('=') {
        Some((flag, value)) if flags.contains(&flag) => Some(value),
        _ if flags.contains(&word.as_str()) => argv.get(at + 1).map(String::as_str),
        _ => None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_be_called_anything() {
        let stat = "7 (a) b (c) S 3 5 5 0 -1 4194304 1 2 3 4 100 20 0 0 20 0 1 0 9 1000 55 18446744073709551615 1";
        assert_eq!(Stat::parse(stat), Some(Stat { parent: 3, group: 5, ticks: 120, pages: 55 }));
        assert_eq!(Stat::parse("7 (a"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        let group = u32::try_from(Stat::of(i32::try_from(std::process::id()).unwrap()).unwrap().group).unwrap();
        let mut meter = Meter::new();
        assert!(meter.look(&[group])[&group].cpu_percent.is_none());
        let usage = &meter.look(&[group])[&group];
        assert!(usage.rss_bytes.unwrap() > 0 && usage.cpu_percent.unwrap() >= 0.0);
    }

    #[test]
    fn values_stand_behind_their_flags() {
        let argv = ["w", "--name=x", "--db", "tcp://127.0.0.1:1"].map(str::to_owned);
        assert_eq!(value_of(&argv, &["--name"]), Some("x"));
        assert_eq!(value_of(&argv, &["--db", "--db-address"]), Some("tcp://127.0.0.1:1"));
        assert_eq!(value_of(&argv, &["--pull"]), None);
    }

    #[test]
    fn a_master_is_told_from_its_worker() {
        let master = palm::Master::new("meter").start().unwrap();
        let argv =
            |name: &str| ["x", "--name", name, "--db", &master.address("db_address").unwrap()].map(str::to_owned);
        assert!(stats(&argv("meter")).unwrap().is_object());
        assert_eq!(stats(&argv("worker")), None);
    }
}

//! What a process has used, as Linux counts it.

use std::fs;
use std::time::Duration;

use crate::peer::{BoxError, Peer};

/// The kernel counts in hundredths of a second for programs, whatever its own clock.
const TICK: Duration = Duration::from_millis(10);

impl Peer {
    /// Time of all its threads on a processor.
    pub(crate) fn processor_time(&self) -> Result<Duration, BoxError> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is the name, in parentheses, whatever is in it; the 14th and 15th are ticks.
        let (_, fields) = stat.rsplit_once(')').ok_or("no name in the process's line")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
        Ok(TICK * ticks)
    }

    /// The most memory it ever had, in MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64, BoxError> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        let kib: f64 = line.split_whitespace().next().ok_or("no figure")?.parse()?;
        Ok(kib / 1024.0)
    }
}

//! What was measured, as tables: figures, and how they stand to one another.

use crate::load::Sample;
use crate::spread::Spread;
use crate::systems::System;
use crate::table::{Table, thousands};
use crate::topology::Topology;

#[derive(Debug)]
struct Run {
    system: System,
    topology: Topology,
    size: usize,
    number: usize,
    sample: Sample,
}

#[derive(Debug, Default)]
pub(crate) struct Results {
    runs: Vec<Run>,
}

impl Results {
    pub(crate) fn add(&mut self, system: System, topology: Topology, size: usize, number: usize, sample: Sample) {
        self.runs.push(Run { system, topology, size, number, sample });
    }

    fn of(&self, system: System, topology: Topology, size: usize) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| (run.system, run.topology, run.size) == (system, topology, size))
    }

    fn spread(&self, system: System, topology: Topology, size: usize, figure: fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.of(system, topology, size).map(|run| figure(&run.sample)))
    }

    /// A system's figure over another one's, both of the same run: what slows the machine down slows both.
    pub(crate) fn ratio(
        &self,
        of: System,
        to: System,
        topology: Topology,
        size: usize,
        figure: Figure,
    ) -> Option<Spread> {
        let figure = figure.read();
        Spread::of(self.of(of, topology, size).filter_map(|run| {
            let other = self.of(to, topology, size).find(|other| other.number == run.number)?;
            Some(figure(&run.sample) / figure(&other.sample))
        }))
    }

    pub(crate) fn table(&self, systems: &[System], topology: Topology, size: usize) -> Table {
        let mut table = Table::new(["system", "msg/s", "MB/s", "of bare", "p50 µs", "p99 µs", "p50 to bare's"]);
        for system in systems {
            let figure = |figure| self.spread(*system, topology, size, figure);
            let ratio = |figure| match self.ratio(*system, System::Bare, topology, size, figure) {
                Some(ratio) => format!("{:.2} ± {:.0} %", ratio.median, ratio.percent()),
                None => String::new(),
            };
            let (Some(rate), Some(p50), Some(p99)) =
                (figure(|sample| sample.rate), figure(|sample| sample.p50), figure(|sample| sample.p99))
            else {
                continue;
            };
            table.row([
                system.name().to_owned(),
                format!("{} ± {:.0} %", thousands(rate.median), rate.percent()),
                format!("{:.1}", rate.median * size as f64 / 1e6),
                ratio(Figure::Rate),
                format!("{:.0} ± {:.0} %", p50.median, p50.percent()),
                format!("{:.0}", p99.median),
                ratio(Figure::P50),
            ]);
        }
        table
    }
}

/// Which of a sample's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    Rate,
    P50,
}

impl Figure {
    const fn read(self) -> fn(&Sample) -> f64 {
        match self {
            Self::Rate => |sample| sample.rate,
            Self::P50 => |sample| sample.p50,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rate => "msg/s",
            Self::P50 => "p50",
        }
    }

    /// Whether more is better.
    pub(crate) const fn rises(self) -> bool {
        matches!(self, Self::Rate)
    }
}

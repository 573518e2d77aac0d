//! What the library is to reach, as ratios within one run of the benchmark.

use crate::results::{Figure, Results};
use crate::systems::System::{self, Bare, Classic, Link, Pylm, Tonic};
use crate::table::Table;
use crate::topology::Topology::{self, Master, Server};
use crate::{LARGE, SMALL};

type Target = (System, System, Topology, usize, Figure, f64);

const TARGETS: [Target; 18] = [
    (Classic, Bare, Server, SMALL, Figure::Rate, 0.9),
    (Classic, Bare, Master, SMALL, Figure::Rate, 0.85),
    (Classic, Bare, Server, LARGE, Figure::Rate, 0.95),
    (Classic, Bare, Master, LARGE, Figure::Rate, 0.95),
    (Classic, Bare, Server, SMALL, Figure::P50, 1.15),
    (Classic, Bare, Master, SMALL, Figure::P50, 1.15),
    (Classic, Pylm, Server, SMALL, Figure::Rate, 7.0),
    (Classic, Pylm, Master, SMALL, Figure::Rate, 100.0),
    (Link, Bare, Server, SMALL, Figure::Rate, 4.5),
    (Link, Bare, Master, SMALL, Figure::Rate, 4.0),
    (Link, Bare, Server, LARGE, Figure::Rate, 1.0),
    (Link, Bare, Master, LARGE, Figure::Rate, 1.0),
    (Link, Bare, Server, SMALL, Figure::P50, 1.0),
    (Link, Bare, Master, SMALL, Figure::P50, 1.05),
    (Link, Tonic, Server, SMALL, Figure::Rate, 1.0),
    (Link, Tonic, Master, SMALL, Figure::Rate, 3.0),
    (Link, Pylm, Server, SMALL, Figure::Rate, 7.0),
    (Link, Pylm, Master, SMALL, Figure::Rate, 100.0),
];

/// Each target with what was measured; those that were not measured are left out.
pub(crate) fn table(results: &Results) -> Table {
    let mut table = Table::new(["of", "to", "", "payload", "figure", "wanted", "measured", ""]);
    for (of, to, topology, size, figure, wanted) in TARGETS {
        let Some(measured) = results.ratio(of, to, topology, size, figure) else { continue };
        let reached = if figure.rises() { measured.median >= wanted } else { measured.median <= wanted };
        table.row([
            of.name().to_owned(),
            to.name().to_owned(),
            topology.name().to_owned(),
            format!("{size} B"),
            figure.name().to_owned(),
            format!("{} {wanted}", if figure.rises() { ">=" } else { "<=" }),
            format!("{:.2} ± {:.0} %", measured.median, measured.percent()),
            if reached { "yes" } else { "no" }.to_owned(),
        ]);
    }
    table
}

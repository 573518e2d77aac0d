//! `palm top`: a live table of counters.

mod components;
mod instances;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use clap::ArgGroup;

use self::components::Components;
use self::instances::Instances;
use crate::access::Access;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::write;
use crate::table::Table;
use crate::terminal::Screen;
use crate::value;

/// Shows what components count, as a table that is drawn anew
///
/// Where stdout is no terminal, or with `--json`, one table is printed, or `--count` of them one after the other.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("of").required(true).args(["db", "cluster"])))]
pub(crate) struct Top {
    /// The cache of a component; several times, or several with commas between them
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = value::address)]
    db: Vec<String>,
    /// Every instance of this cluster of the registry
    #[arg(long, value_name = "KEY")]
    cluster: Option<String>,
    #[command(flatten)]
    access: Access,
    /// Time between two tables
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = value::seconds)]
    interval: Duration,
    /// Ends after so many tables [default: 1, on a terminal no limit]
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Prints an object a line
    #[arg(long)]
    json: bool,
}

/// What is looked at.
enum Subject {
    Components(Components),
    Instances(Instances),
}

/// One look: for people, and for programs.
struct Look {
    table: Table,
    json: serde_json::Value,
}

impl Top {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let live = !self.json && io::stdout().is_terminal();
        let mut left = self.count.or((!live).then_some(1));
        let mut subject = match self.cluster {
            Some(key) => Subject::Instances(Instances::of(self.access.client()?, &key)),
            None => Subject::Components(Components::reach(&self.db, self.interval)?),
        };
        let interrupt = Interrupt::take_over();
        if matches!(subject, Subject::Components(_)) && !interrupt.sleep(self.interval) {
            return Err(Failure::interrupted());
        }
        let screen = live.then(Screen::open);
        loop {
            let look = match &mut subject {
                Subject::Components(components) => components.look(),
                Subject::Instances(instances) => instances.look()?,
            };
            let read = match &screen {
                Some(screen) => screen.show(&look.table.lines())?,
                None if self.json => write(format!("{}\n", look.json).as_bytes())?,
                None => write(look.table.text().as_bytes())?,
            };
            left = left.map(|left| left.saturating_sub(1));
            if left == Some(0) || !read {
                return Ok(());
            }
            if !interrupt.sleep(self.interval) {
                return Err(Failure::interrupted());
            }
        }
    }
}

use clap::error::ErrorKind;
use clap::{ArgMatches, Command, FromArgMatches, Subcommand};

use super::catalog::{self, Entry};
use super::exit::Failure;
use super::flags::Flags;
use crate::error::Error;
use crate::runtime::until_signal;
use crate::topology::{Plan, ServerTemplate};

/// `run`: a sub-command for each component, with the flags of its kind.
#[derive(Debug)]
pub(super) enum Run {
    Component {
        entry: Entry,
        flags: Box<Flags>,
    },
    /// Nothing of that name, or more than one thing.
    Missing(String),
}

impl Run {
    /// The command that runs one component.
    pub(super) fn command_of(entry: Entry) -> Command {
        let summary = entry.description.docs.lines().next().unwrap_or_default();
        let about = format!("A {}. {summary}", entry.description.kind);
        Flags::augment(entry.description.kind, Command::new(entry.description.name).about(about.trim_end().to_owned()))
    }

    pub(super) fn from_matches_of(entry: Entry, matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = Flags::from_matches(entry.description.kind, matches)?;
        if let Flags::Sink(sink) = &flags
            && !sink.upstreams.previous.is_empty()
            && sink.upstreams.previous.len() != sink.upstreams.sub.len()
        {
            let (previous, sub) = (sink.upstreams.previous.len(), sink.upstreams.sub.len());
            let text = format!("{previous} times --previous for {sub} times --sub; give one for each, or none at all");
            return Err(Self::command_of(entry).error(ErrorKind::WrongNumberOfValues, text));
        }
        Ok(Self::Component { entry, flags: Box::new(flags) })
    }

    pub(super) fn act(self) -> Result<(), Failure> {
        let (entry, flags) = match self {
            Self::Component { entry, flags } => (entry, flags),
            // Twins are no sub-command; the lookup says why.
            Self::Missing(name) => return catalog::find(&name).map(drop).map_err(Failure::from),
        };
        let service = entry.service().map_err(Failure::Failed)?;
        let plan = flags.plan(entry.description, service);
        run(plan).map_err(|error| match error {
            error @ Error::Insecure { .. } => Failure::Refused(error.into()),
            error => Failure::Failed(error.into()),
        })
    }
}

fn run(plan: Plan) -> crate::Result<()> {
    until_signal(|| {
        let handle = ServerTemplate::of(plan).start()?;
        // What the system chose is of use to nobody who is not told.
        tracing::info_span!("component", name = handle.name()).in_scope(|| {
            for (key, address) in handle.addresses() {
                tracing::info!("{key} is {address}");
            }
        });
        Ok(handle)
    })
}

impl Subcommand for Run {
    fn augment_subcommands(command: Command) -> Command {
        let entries = catalog::all();
        let twins =
            |entry: &Entry| entries.iter().filter(|other| other.description.name == entry.description.name).count() > 1;
        let components = entries.iter().filter(|entry| !twins(entry)).map(|entry| Self::command_of(*entry));
        command
            .subcommands(components.collect::<Vec<_>>())
            .subcommand_value_name("COMPONENT")
            .subcommand_help_heading("Components")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            // Whatever is no component is told with the names that there are, and an exit code of its own.
            .allow_external_subcommands(true)
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        catalog::find(name).is_ok()
    }
}

impl FromArgMatches for Run {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Some((name, matches)) = matches.subcommand() else {
            return Err(clap::Error::raw(ErrorKind::MissingSubcommand, "name a component\n"));
        };
        match catalog::find(name) {
            Ok(entry) => Self::from_matches_of(entry, matches),
            Err(_) => Ok(Self::Missing(name.to_owned())),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

//! The one definition of the command line.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{ArgMatches, Args as _, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tracing::level_filters::LevelFilter;

use super::describe::Describe;
use super::exit::Failure;
use super::graph::Graph;
use super::list::List;
use super::run::Run;
use super::{catalog, value};
use crate::log::Log;

/// Lists, describes and runs the components that are linked into this program.
#[derive(Debug, Parser)]
#[command(name = "palm", arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    logging: Logging,
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, clap::Args)]
struct Logging {
    /// Least important level that is logged, by every component: off, error, warn, info, debug or trace
    /// [default: the component's own, or info]
    #[arg(long, global = true, env = crate::log::VARIABLE, value_name = "LEVEL", value_parser = value::level)]
    log: Option<LevelFilter>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the components: name, kind, methods
    List(List),
    /// Describes a component: methods with docs and types, parts, flags, source place
    Describe(Describe),
    /// Draws the topology of a component
    Graph(Graph),
    /// Runs a component until SIGTERM or Ctrl-C
    #[command(subcommand)]
    Run(Run),
}

impl Logging {
    fn start(&self) {
        let log = Log::new();
        // A program that has a subscriber of its own keeps it.
        let _ = self.log.map_or_else(Log::new, |level| log.override_level(level)).install();
    }
}

/// The whole command line, program name first.
pub(super) fn main(words: impl Iterator<Item = OsString>) -> Result<(), Failure> {
    let words: Vec<_> = words.collect();
    let mut command = without_empty_variables(Arguments::command());
    let (arguments, logging) = parse(&mut command, &words, |matches| {
        let arguments = Arguments::from_arg_matches(matches)?;
        Ok((arguments.command, arguments.logging))
    })?;
    logging.start();
    match arguments {
        Action::List(list) => list.act(),
        Action::Describe(describe) => describe.act(),
        Action::Graph(graph) => graph.act(),
        Action::Run(run) => run.act(),
    }
}

/// The arguments of `run COMPONENT`, without those words.
pub(super) fn run(component: &str, words: impl Iterator<Item = OsString>) -> Result<(), Failure> {
    let entry = catalog::find(component)?;
    let program = std::env::args_os().next().unwrap_or_else(|| component.into());
    let words: Vec<_> = std::iter::once(program).chain(words).collect();
    let mut command = without_empty_variables(Logging::augment_args(Run::command_of(entry)));
    let (run, logging) = parse(&mut command, &words, |matches| {
        Ok((Run::from_matches_of(entry, matches)?, Logging::from_arg_matches(matches)?))
    })?;
    logging.start();
    run.act()
}

fn parse<T>(
    command: &mut Command,
    words: &[OsString],
    read: impl FnOnce(&ArgMatches) -> Result<T, clap::Error>,
) -> Result<T, Failure> {
    match command.try_get_matches_from_mut(words) {
        Ok(matches) => read(&matches).map_err(|error| Failure::Usage { error: error.format(command), note: None }),
        Err(error) => Err(Failure::Usage { note: note(command, words, error.kind()), error }),
    }
}

/// A variable that is set and empty counts as not set.
fn without_empty_variables(command: Command) -> Command {
    let is_empty = |flag: &clap::Arg| flag.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command
        .mut_args(|flag| if is_empty(&flag) { flag.env(Resettable::Reset) } else { flag })
        .mut_subcommands(without_empty_variables)
}

/// Which flags the component has, for somebody who gave it another one.
fn note(command: &Command, words: &[OsString], kind: ErrorKind) -> Option<String> {
    if kind != ErrorKind::UnknownArgument {
        return None;
    }
    let component = match command.find_subcommand("run") {
        Some(run) => {
            let words = words.iter().skip_while(|word| *word != "run").skip(1);
            words.filter_map(|word| word.to_str()).find_map(|word| run.find_subcommand(word))?
        }
        None => command,
    };
    let kind = catalog::find(component.get_name()).ok()?.description.kind;
    let flags = component.get_arguments().filter_map(clap::Arg::get_long).filter(|flag| *flag != "help");
    Some(format!("\n  tip: the flags of a {kind} are --{}", flags.collect::<Vec<_>>().join(", --")))
}

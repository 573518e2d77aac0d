//! The one definition of the command line: help, completions and man pages come from it.
//!
//! Each command is a struct with a `run`, in a file of its own. Results go to stdout by `output::print`, logs to stderr.

use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::cache::{Delete, Get, Set};
use crate::call::Call;
use crate::cluster::Cluster;
use crate::doctor::Doctor;
use crate::export::Export;
use crate::failure::Failure;
use crate::graph::Graph;
use crate::manual::{Completions, Man};
use crate::ping::Ping;
use crate::registry::Registry;
use crate::runner::Runner;
use crate::terminal::LogLines;
use crate::top::Top;
use crate::{interrupt, value};

/// Calls, inspects and runs clusters of PALM components
///
/// Results are on stdout, log lines and errors on stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nobody there,
/// 130 interrupted. Each flag with a value has an environment variable, which its help names.
#[derive(Debug, Parser)]
#[command(name = "palm", version, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    logging: Logging,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Args)]
struct Logging {
    /// Least important level that is logged: off, error, warn, info, debug or trace [default: warn; info for a registry and a
    /// runner]
    #[arg(long, global = true, env = palm::log::VARIABLE, value_name = "LEVEL", value_parser = value::level)]
    log: Option<LevelFilter>,
}

#[derive(Debug, Subcommand)]
enum Action {
    Call(Call),
    Get(Get),
    Set(Set),
    Delete(Delete),
    Ping(Ping),
    Top(Top),
    Graph(Graph),
    Cluster(Cluster),
    Export(Export),
    Registry(Registry),
    Runner(Runner),
    Doctor(Doctor),
    Completions(Completions),
    Man(Man),
}

impl Action {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Call(command) => command.run(),
            Self::Get(command) => command.run(),
            Self::Set(command) => command.run(),
            Self::Delete(command) => command.run(),
            Self::Ping(command) => command.run(),
            Self::Top(command) => command.run(),
            Self::Graph(command) => command.run(),
            Self::Cluster(command) => command.run(),
            Self::Export(command) => command.run(),
            Self::Registry(command) => command.run(),
            Self::Runner(command) => command.run(),
            Self::Doctor(command) => command.run(),
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run(),
        }
    }

    /// Whether it runs until it is told to end: then it says what it does, and signals are its own affair.
    const fn is_service(&self) -> bool {
        match self {
            Self::Registry(command) => command.is_service(),
            Self::Runner(_) => true,
            _ => false,
        }
    }
}

/// Does what the process's arguments say.
pub(crate) fn main() -> ExitCode {
    let mut command = definition();
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments.run().map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS),
        Err(error) => {
            // Help and version go to stdout by this, and a reader that has seen enough is no failure.
            let error = error.format(&mut command);
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}

impl Arguments {
    fn run(self) -> Result<(), Failure> {
        let is_service = self.action.is_service();
        let default = if is_service { LevelFilter::INFO } else { LevelFilter::WARN };
        let log = palm::log::Log::new().override_level(self.logging.log.unwrap_or(default)).writer(LogLines);
        // Nobody else installs one.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log.layer()));
        if !is_service {
            interrupt::end_on_it();
        }
        self.action.run()
    }
}

/// All commands and flags, with their environment variables.
pub(crate) fn definition() -> Command {
    with_variables(Arguments::command(), "PALM")
}

/// Each flag with a value has a variable: `PALM`, the command's words, the flag. One that is set and empty counts as not set.
fn with_variables(command: Command, prefix: &str) -> Command {
    let with_variable = |flag: Arg| {
        let flag = match flag.get_long().map(|long| variable(prefix, long)) {
            Some(variable) if flag.get_env().is_none() && flag.get_action().takes_values() => flag.env(variable),
            _ => flag,
        };
        let is_empty = flag.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if is_empty { flag.env(Resettable::Reset) } else { flag }
    };
    command.mut_args(with_variable).mut_subcommands(|command| {
        let prefix = variable(prefix, command.get_name());
        with_variables(command, &prefix)
    })
}

fn variable(prefix: &str, word: &str) -> String {
    format!("{prefix}_{}", word.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn every_flag_has_its_variable() {
        let command = definition();
        let of = |words: &[&str], flag: &str| {
            let command = words.iter().fold(&command, |command, word| command.find_subcommand(word).expect(word));
            let flag = command.get_arguments().find(|argument| argument.get_long() == Some(flag)).expect(flag);
            flag.get_env().map(|variable| variable.to_string_lossy().into_owned())
        };
        assert_eq!(of(&["call"], "db").as_deref(), Some("PALM_CALL_DB"));
        assert_eq!(of(&["get"], "db").as_deref(), Some("PALM_GET_DB"));
        assert_eq!(of(&["cluster", "logs"], "component").as_deref(), Some("PALM_CLUSTER_LOGS_COMPONENT"));
        assert_eq!(of(&["cluster", "list"], "registry").as_deref(), Some("PALM_REGISTRY"));
        assert_eq!(of(&["call"], "json"), None);
    }
}

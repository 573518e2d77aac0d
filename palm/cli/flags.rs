//! The flags of `run`: one struct for each kind, out of groups that several kinds have.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, ArgMatches, Args, Command, FromArgMatches as _};

use super::value;
use crate::service::Kind;
use crate::topology::Plan;

/// What the command line says about the component that is to be run.
#[derive(Debug)]
pub(super) enum Flags {
    Server(ServerFlags),
    Pipeline(PipelineFlags),
    Sink(SinkFlags),
    Master(MasterFlags),
    Hub(HubFlags),
    Worker(WorkerFlags),
}

impl Flags {
    /// Adds the flags of a kind to a command.
    pub(super) fn augment(kind: Kind, command: Command) -> Command {
        // The last one of a flag that is given twice holds, so that a script's defaults can be overridden.
        let command = command.args_override_self(true);
        match kind {
            Kind::Server => ServerFlags::augment_args(command),
            Kind::Pipeline => PipelineFlags::augment_args(command),
            Kind::Sink => SinkFlags::augment_args(command),
            Kind::Master => MasterFlags::augment_args(command),
            Kind::Hub => HubFlags::augment_args(command),
            Kind::Worker => WorkerFlags::augment_args(command),
        }
    }

    pub(super) fn from_matches(kind: Kind, matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(match kind {
            Kind::Server => Self::Server(ServerFlags::from_arg_matches(matches)?),
            Kind::Pipeline => Self::Pipeline(PipelineFlags::from_arg_matches(matches)?),
            Kind::Sink => Self::Sink(SinkFlags::from_arg_matches(matches)?),
            Kind::Master => Self::Master(MasterFlags::from_arg_matches(matches)?),
            Kind::Hub => Self::Hub(HubFlags::from_arg_matches(matches)?),
            Kind::Worker => Self::Worker(WorkerFlags::from_arg_matches(matches)?),
        })
    }
}

#[derive(Debug, Default, Args)]
pub(super) struct ServerFlags {
    #[command(flatten)]
    pub(super) name: Name,
    #[command(flatten)]
    pub(super) pull: Pull,
    #[command(flatten)]
    pub(super) publish: Publish,
    #[command(flatten)]
    pub(super) cache: Cache,
    #[command(flatten)]
    pub(super) stream: Pipelined,
    #[command(flatten)]
    pub(super) threads: Threads,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, Default, Args)]
pub(super) struct PipelineFlags {
    #[command(flatten)]
    pub(super) name: Name,
    #[command(flatten)]
    pub(super) upstream: Upstream,
    #[command(flatten)]
    pub(super) publish: Publish,
    #[command(flatten)]
    pub(super) cache: Cache,
    #[command(flatten)]
    pub(super) stream: ToClient,
    #[command(flatten)]
    pub(super) threads: Threads,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, Default, Args)]
pub(super) struct SinkFlags {
    #[command(flatten)]
    pub(super) name: Name,
    #[command(flatten)]
    pub(super) upstreams: Upstreams,
    #[command(flatten)]
    pub(super) publish: Publish,
    #[command(flatten)]
    pub(super) cache: Cache,
    #[command(flatten)]
    pub(super) stream: ToClient,
    #[command(flatten)]
    pub(super) threads: Threads,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, Default, Args)]
pub(super) struct MasterFlags {
    #[command(flatten)]
    pub(super) name: Name,
    #[command(flatten)]
    pub(super) pull: Pull,
    #[command(flatten)]
    pub(super) publish: Publish,
    #[command(flatten)]
    pub(super) workers: Workers,
    #[command(flatten)]
    pub(super) cache: Cache,
    #[command(flatten)]
    pub(super) stream: Pipelined,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, Default, Args)]
pub(super) struct HubFlags {
    #[command(flatten)]
    pub(super) name: Name,
    #[command(flatten)]
    pub(super) upstream: Upstream,
    #[command(flatten)]
    pub(super) publish: Publish,
    #[command(flatten)]
    pub(super) workers: Workers,
    #[command(flatten)]
    pub(super) cache: Cache,
    #[command(flatten)]
    pub(super) stream: Pipelined,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, Default, Args)]
pub(super) struct WorkerFlags {
    /// Name of the worker [default: a UUID]
    #[arg(long, env = "PALM_RUN_NAME", value_parser = value::name)]
    pub(super) name: Option<String>,
    /// Address of the master's or hub's cache, where the other two are looked up; needed unless both are given
    #[arg(long, visible_alias = "db-address", env = "PALM_RUN_DB", value_name = "ADDRESS", value_parser = value::address)]
    #[arg(required_unless_present_all = ["pull", "push"])]
    pub(super) db: Option<String>,
    /// Address that messages are pulled from, the master's `--wpush` [default: what its cache says]
    #[arg(long, visible_alias = "pull-address", env = "PALM_RUN_PULL", value_name = "ADDRESS", value_parser = value::address)]
    pub(super) pull: Option<String>,
    /// Address that results are pushed to, the master's `--wpull` [default: what its cache says]
    #[arg(long, visible_alias = "push-address", env = "PALM_RUN_PUSH", value_name = "ADDRESS", value_parser = value::address)]
    pub(super) push: Option<String>,
    #[command(flatten)]
    pub(super) threads: Threads,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, Default, Args)]
pub(super) struct Name {
    /// Name of the component, as clients and the components after it know it
    #[arg(long, env = "PALM_RUN_NAME", value_parser = value::name)]
    pub(super) name: String,
}

#[derive(Debug, Default, Args)]
pub(super) struct Pull {
    /// Address that clients push to [default: a port of the system's choice on loopback]
    #[arg(long, visible_alias = "pull-address", env = "PALM_RUN_PULL", value_name = "ADDRESS", value_parser = value::address)]
    pub(super) pull: Option<String>,
}

#[derive(Debug, Default, Args)]
pub(super) struct Publish {
    /// Address that results are published at [default: a port of the system's choice on loopback]
    #[arg(id = "pub", long, visible_alias = "pub-address", env = "PALM_RUN_PUB", value_name = "ADDRESS", value_parser = value::address)]
    pub(super) address: Option<String>,
    /// Address that clients, workers and components of this library are linked at
    /// [default: a port of the system's choice on loopback; none with --insecure]
    #[arg(long, visible_alias = "link-address", env = "PALM_RUN_LINK", value_name = "ADDRESS", value_parser = value::address)]
    pub(super) link: Option<String>,
}

#[derive(Debug, Default, Args)]
pub(super) struct Cache {
    /// Address of the cache, where clients and workers find the other addresses
    /// [default: a port of the system's choice on loopback]
    #[arg(long, visible_alias = "db-address", env = "PALM_RUN_DB", value_name = "ADDRESS", value_parser = value::address)]
    pub(super) db: Option<String>,
}

#[derive(Debug, Default, Args)]
pub(super) struct Workers {
    /// Address that workers pull their messages from [default: a port of the system's choice on loopback]
    #[arg(long, visible_alias = "worker-push-address", env = "PALM_RUN_WPUSH", value_name = "ADDRESS", value_parser = value::address)]
    pub(super) wpush: Option<String>,
    /// Address that workers push their results to [default: a port of the system's choice on loopback]
    #[arg(long, visible_alias = "worker-pull-address", env = "PALM_RUN_WPULL", value_name = "ADDRESS", value_parser = value::address)]
    pub(super) wpull: Option<String>,
}

#[derive(Debug, Default, Args)]
pub(super) struct Upstream {
    /// Address that the component before this one publishes at, its `--pub`
    #[arg(long, visible_alias = "sub-address", env = "PALM_RUN_SUB", value_name = "ADDRESS", value_parser = value::address)]
    pub(super) sub: String,
    /// Name of the component before this one, or the topic that its `handle_stream` chooses [default: every topic]
    #[arg(long, env = "PALM_RUN_PREVIOUS", value_name = "TOPIC")]
    pub(super) previous: Option<String>,
}

#[derive(Debug, Default, Args)]
pub(super) struct Upstreams {
    /// Address that a component before this one publishes at, its `--pub`; one for each, or with commas between them
    #[arg(long, visible_alias = "sub-address", env = "PALM_RUN_SUB", value_name = "ADDRESS", value_parser = value::address)]
    #[arg(required = true, action = ArgAction::Append, value_delimiter = ',')]
    pub(super) sub: Vec<String>,
    /// Name of each component before this one, or the topic that its `handle_stream` chooses, in the order of `--sub`
    /// [default: every topic of each]
    #[arg(long, env = "PALM_RUN_PREVIOUS", value_name = "TOPIC", action = ArgAction::Append, value_delimiter = ',')]
    pub(super) previous: Vec<String>,
}

#[derive(Debug, Default, Args)]
pub(super) struct Pipelined {
    /// Hands results on to a pipeline, sink or hub instead of back to the client
    #[arg(long, env = "PALM_RUN_PIPELINED", value_parser = FalseyValueParser::new())]
    pub(super) pipelined: bool,
}

#[derive(Debug, Args)]
pub(super) struct ToClient {
    /// Whether results go back to the client, and not on to another component
    #[arg(long, env = "PALM_RUN_TO_CLIENT", action = ArgAction::Set, default_value_t = true, value_name = "BOOL")]
    pub(super) to_client: bool,
}

impl Default for ToClient {
    fn default() -> Self {
        Self { to_client: true }
    }
}

#[derive(Debug, Default, Args)]
pub(super) struct Threads {
    /// Calls of methods that take `&self` that may run at a time; results then leave as the calls end [default: 1]
    #[arg(long, env = "PALM_RUN_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
    /// Calls of `async` methods that may be under way at a time [default: 256]
    #[arg(long, env = "PALM_RUN_TASKS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) tasks: Option<u32>,
}

impl Threads {
    pub(super) fn count(&self) -> usize {
        self.threads.map_or(1, usize::from)
    }

    pub(super) fn tasks(&self) -> usize {
        self.tasks.map_or(Plan::TASKS, |tasks| usize::try_from(tasks).unwrap_or(usize::MAX))
    }
}

#[derive(Debug, Default, Args)]
pub(super) struct Options {
    /// Ends after so many messages [default: no limit]
    #[arg(long, env = "PALM_RUN_MESSAGES", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) messages: Option<u64>,
    /// Host name that peers are told for addresses beyond loopback [default: this machine's own]
    #[arg(long, env = "PALM_RUN_ADVERTISE", value_name = "HOST")]
    pub(super) advertise: Option<String>,
    /// Allows addresses beyond loopback, unencrypted as they are
    #[arg(long, env = "PALM_RUN_INSECURE", value_parser = FalseyValueParser::new())]
    pub(super) insecure: bool,
}

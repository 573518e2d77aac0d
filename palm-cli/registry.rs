//! `palm registry`: the web service, and its users.

use std::io::Read;
use std::net::SocketAddr;

use palm_registry::{Service, ServiceError, Settings};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::runtime::Runtime;

use crate::failure::Failure;
use crate::output;

/// Longest password that is read from stdin, in bytes.
const PASSWORD: u64 = 4 << 10;

/// Runs the registry of clusters: a web service with pages for people, and an API for runners and programs
///
/// The first user is made on the page that the registry names when it starts, or by `palm registry user add`. It ends by SIGTERM or
/// Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Registry {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    service: Listening,
}

#[derive(Debug, clap::Args)]
struct Listening {
    /// Where it listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    store: Database,
    /// Listens beyond loopback without TLS: passwords and keys can be read on the way
    #[arg(long)]
    insecure: bool,
    /// A proxy in front speaks TLS with browsers and runners: cookies travel by that alone
    #[arg(long)]
    behind_tls: bool,
    /// Lets no runner in by the key of its cluster alone; beyond loopback none is
    #[arg(long)]
    require_runner_token: bool,
}

#[derive(Debug, clap::Args)]
struct Database {
    /// Path of an SQLite file, which is made if there is none, or a `postgres://` URL
    #[arg(
        long,
        value_name = "DATABASE",
        default_value = "palm-registry.db",
        env = "PALM_REGISTRY_DATABASE",
        hide_env_values = true
    )]
    database: String,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Its users
    #[command(subcommand)]
    User(User),
}

#[derive(Debug, clap::Subcommand)]
enum User {
    /// Makes a user, whether the registry runs or not, and prints an API key of the user and nothing else
    Add {
        /// What the user signs in with
        name: String,
        /// Lets the user make other users
        #[arg(long)]
        admin: bool,
        /// Reads the password from stdin: the only way, since others can read command lines
        #[arg(long, required = true)]
        password_stdin: bool,
        #[command(flatten)]
        store: Database,
    },
}

impl Registry {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Some(Action::User(User::Add { name, admin, store, .. })) => add_user(&name, admin, &store.database),
            None => self.service.run(),
        }
    }

    /// Whether it runs until it is told to end.
    pub(crate) const fn is_service(&self) -> bool {
        self.action.is_none()
    }
}

impl Listening {
    fn run(self) -> Result<(), Failure> {
        let settings = Settings {
            listen: self.listen,
            database: self.store.database,
            insecure: self.insecure,
            behind_tls: self.behind_tls,
            require_runner_token: self.require_runner_token,
            ..Settings::default()
        };
        let runtime = runtime()?;
        let service = runtime.block_on(Service::start(settings)).map_err(|error| failure(&error))?;
        let url = format!("http://{}", service.address());
        output::note(&format!("the registry listens on {url}"));
        if let Some(token) = service.setup_token() {
            output::note(&format!(
                "there is no user yet; make the first one on {url}/setup with the set-up token {token}"
            ));
        }
        asked_to_end()?;
        output::note(&"the registry ends");
        runtime.block_on(service.shutdown());
        Ok(())
    }
}

/// Returns on the first signal. The second one ends the process at once.
fn asked_to_end() -> Result<(), Failure> {
    let cannot = |error| Failure::failed(format!("signals cannot be watched: {error}"));
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(cannot)?;
    let mut told = signals.forever();
    told.next();
    let watch = move || {
        if let Some(signal) = signals.forever().next() {
            std::process::exit(128 + signal);
        }
    };
    std::thread::Builder::new().name("palm-signals".to_owned()).spawn(watch).map_err(cannot)?;
    Ok(())
}

fn add_user(name: &str, admin: bool, database: &str) -> Result<(), Failure> {
    let mut password = String::new();
    let read = std::io::stdin().take(PASSWORD).read_to_string(&mut password);
    read.map_err(|error| Failure::failed(format!("cannot read the password from stdin: {error}")))?;
    let password = password.strip_suffix('\n').unwrap_or(&password);
    let password = password.strip_suffix('\r').unwrap_or(password);
    let key = runtime()?
        .block_on(palm_registry::add_user(database, name, password, admin))
        .map_err(|error| failure(&error))?;
    output::print(format!("{key}\n"))
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::failed(format!("no threads can be started: {error}")))
}

/// With its causes, which say what to do.
fn failure(error: &ServiceError) -> Failure {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    match error {
        ServiceError::Insecure { .. } => Failure::usage(text),
        _ => Failure::failed(text),
    }
}

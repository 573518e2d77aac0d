//! `palm runner`: runs on this node what the registry places on it.
//!
//! The supervisor decides on the main thread what is started and stopped. Around it, each on threads of its own: the guardians'
//! news and the output of components, the link to the registry, and the meter.

pub(crate) mod child;
mod identity;
mod kept;
mod link;
mod output;
mod policy;
mod process;
mod reports;
mod spool;
mod supervisor;
mod usage;

use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use palm_registry::cluster::NodeFile;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::api_client::ApiClient;
use crate::failure::Failure;
use crate::input;
use crate::trust::Trust;
use identity::Identity;
use kept::Kept;
use link::Link;
use process::Launcher;
use reports::Reports;
use spool::Spool;
use supervisor::{Event, LOOK, Supervisor};
use usage::Meter;

/// How long the registry is waited for at the end; log lines that it has not taken by then are kept for the next run.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs on this node what the registry of a cluster places on it
///
/// Components that end are restarted, what they write goes to the registry, and none of them outlives the runner. It ends by SIGTERM
/// or Ctrl-C, after its components; a second one ends it at once. The next run gets exactly the same components again.
#[derive(Debug, clap::Args)]
pub(crate) struct Runner {
    /// Address of the registry
    #[arg(long, value_name = "URL")]
    registry: String,
    /// Key of the cluster
    #[arg(long, value_name = "KEY")]
    cluster: String,
    /// File with address, processors and first port of this node [default: 127.0.0.1, 1 processor, ports from 5555]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What lets a runner in, where the key of the cluster is not enough
    #[arg(long, value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// File of certificates, in PEM: with it only these, and whom they sign, are taken for the registry [default: whom the system trusts]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Starts each component once, and ends when all have ended: 1 if one failed
    #[arg(long)]
    once: bool,
    /// Program that may be started, as the cluster file names it; repeated, or with commas, for several [default: any]
    #[arg(long = "allow", value_name = "PROGRAM", value_delimiter = ',')]
    allowed: Vec<String>,
    /// Gives the node's components to others when it ends
    #[arg(long)]
    leave: bool,
    /// Directory for its identity, what it is to run, and log lines while the registry is away [default: palm/runner in $XDG_STATE_HOME or
    /// ~/.local/state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Runner {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let node = match &self.config {
            Some(path) => NodeFile::parse(&input::text(path)?)
                .map_err(|errors| Failure::usage(format!("{}: {errors}", path.display())))?,
            None => NodeFile::default(),
        };
        let trust = Trust::of(self.ca_file.as_deref(), &self.registry)?;
        let state = self.state.clone().or_else(identity::default_state);
        let state = state.ok_or_else(|| Failure::usage("there is no home directory; give a directory: --state"))?;
        let kept =
            |error| Failure::failed(format!("`{}` cannot be used: {error}; give another --state", state.display()));
        let identity = Identity::take(&state, &self.registry, &self.cluster, &node).map_err(kept)?;
        let spool = Arc::new(
            Spool::open(&identity.directory.join("spool"), &identity.id.to_string(), identity.run).map_err(kept)?,
        );
        child::adopt_orphans().map_err(|error| Failure::failed(format!("components cannot be guarded: {error}")))?;

        let reports = Arc::new(Reports::default());
        let (events, inbox) = channel();
        watch_signals(events.clone())?;
        measure(Arc::clone(&reports));
        let client = ApiClient::new(&self.registry, self.token.as_deref(), trust);
        let join = link::introduction(identity.id, &node);
        tracing::info!(node = %identity.id, cluster = self.cluster, registry = self.registry, "a runner starts");
        let link = Link::new(client, self.cluster.clone(), join, Arc::clone(&reports), Arc::clone(&spool));
        let sender = link.clone().send_lines();
        let beats = link.clone().serve(Kept::open(&identity.directory), self.once, events.clone());
        let launcher = Launcher {
            node: identity.id.to_string(),
            spool: Arc::clone(&spool),
            events,
            guardians: Arc::new(Mutex::new(Vec::new())),
        };
        let outcome = Supervisor::new(launcher, Arc::clone(&reports), self.once, self.allowed).run(&inbox);

        reports.close();
        spool.close();
        let leave = self.leave;
        if leave {
            Kept::open(&identity.directory).keep(&[]);
        }
        within(FAREWELL, move || {
            if beats.join().unwrap_or(false)
                && let Err(error) = link.part(leave)
            {
                tracing::debug!("{error}");
            }
            let _ = sender.join();
        });
        spool.keep();
        match outcome {
            Err(Failure { code: 0, .. }) => Ok(()),
            outcome => outcome,
        }
    }
}

fn watch_signals(events: Sender<Event>) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Failure::failed(format!("signals cannot be watched: {error}")))?;
    thread::spawn(move || signals.forever().all(|number| events.send(Event::Signal(number)).is_ok()));
    Ok(())
}

/// Looks at what the processes use until nothing more is reported.
fn measure(reports: Arc<Reports>) {
    thread::spawn(move || {
        let mut meter = Meter::new();
        while reports.pause(LOOK) {
            let running = reports.running();
            let leaders: Vec<u32> = running.iter().map(|(pid, _)| *pid).collect();
            let mut usages = meter.look(&leaders);
            for (pid, argv) in running {
                let Some(mut usage) = usages.remove(&pid) else { continue };
                usage.stats = usage::stats(&argv);
                reports.measured(pid, usage);
            }
        }
    });
}

/// Does something that may hang for no longer than this.
fn within(time: Duration, work: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    // Either way it is over: the process ends next.
    let _ = is_done.recv_timeout(time);
}

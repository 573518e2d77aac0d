//! The roles: what this binary is when it is started once more.

use std::io::Read;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use palm::part::{CacheService, LinkService, PubService, PullService, WorkerPullService, WorkerPushService};
use palm::topology::Route;
use palm::{Call, Client, Error, ServerTemplate};
use serde::{Deserialize, Serialize};

use crate::history::{Event, History};
use crate::payload;

pub(crate) const VARIABLE: &str = "PALM_FAULTS_ROLE";
const ANY: &str = "tcp://127.0.0.1:*";
/// Ports for workers of a master that has a `first_port`.
pub(crate) const PORTS: u16 = 8;

/// All that a role is told, as JSON in its environment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Spec {
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) db: String,
    pub(crate) history: String,
    // What a method does.
    pub(crate) work_us: u64,
    /// Aborts the process.
    pub(crate) poison: Option<u64>,
    /// Never ends.
    pub(crate) hang: Option<u64>,
    /// Every so manieth message panics.
    pub(crate) panic_every: u64,
    // What a client sends.
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) size: usize,
    pub(crate) client_id: String,
    pub(crate) timeout_ms: u64,
    // What a master or a server is set to.
    pub(crate) work_timeout_ms: Option<u64>,
    pub(crate) worker_messages: Option<usize>,
    pub(crate) no_workers_ms: Option<u64>,
    pub(crate) hold_ms: Option<u64>,
    pub(crate) hold_bytes: Option<usize>,
    /// Workers of ours use the sockets of the Python implementation.
    pub(crate) classic: bool,
    /// First of the ports of a master that is restarted: where results come in, then those of its workers.
    pub(crate) first_port: Option<u16>,
    pub(crate) state_dir: String,
    /// Mechanisms that are switched off.
    pub(crate) off: Vec<String>,
}

static ROLE: OnceLock<(Spec, History)> = OnceLock::new();

fn role() -> &'static (Spec, History) {
    ROLE.get().unwrap()
}

pub(crate) fn play(spec: &str) -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let spec: Spec = serde_json::from_str(spec).unwrap();
    let history = History::at(spec.history.as_ref());
    let (spec, _) = ROLE.get_or_init(|| (spec, history));
    thread::spawn(|| {
        // The harness holds the other end; when it is gone, so are its roles.
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(3);
    });
    let outcome = match spec.role.as_str() {
        "master" => master(spec).run(),
        "server" => server(spec).run(),
        "worker" => palm::Worker::new(&spec.name, Work).db_address(&spec.db).run(),
        "client" => client(spec),
        "cache" => hammer(spec),
        other => panic!("no role {other}"),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "ended");
            ExitCode::FAILURE
        }
    }
}

const fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn is_off(spec: &Spec, mechanism: &str) -> bool {
    spec.off.iter().any(|off| off == mechanism)
}

fn publisher(spec: &Spec) -> PubService {
    let mut part = PubService::new(ANY);
    if let Some(time) = spec.hold_ms {
        part = part.hold_time(milliseconds(time));
    }
    if let Some(bytes) = spec.hold_bytes {
        part = part.hold_bytes(bytes);
    }
    if is_off(spec, "calls") { part.without_calls() } else { part }
}

fn master(spec: &Spec) -> ServerTemplate {
    let mut push = WorkerPushService::new(ANY);
    if let Some(timeout) = spec.work_timeout_ms {
        push = push.work_timeout(Some(milliseconds(timeout)));
    }
    if let Some(messages) = spec.worker_messages {
        push = push.worker_messages(messages);
    }
    if let Some(timeout) = spec.no_workers_ms {
        push = push.no_workers_timeout(milliseconds(timeout));
    }
    if is_off(spec, "redelivery") {
        push = push.without_redelivery();
    }
    if is_off(spec, "deduplication") {
        push = push.without_deduplication();
    }
    let mut pull = WorkerPullService::new(ANY);
    if let Some(first) = spec.first_port {
        push = push.worker_ports(first + 1..=first + PORTS);
        pull = WorkerPullService::new(format!("tcp://127.0.0.1:{first}").as_str());
    }
    if !spec.state_dir.is_empty() {
        push = push.state_dir(&spec.state_dir);
    }
    let template = ServerTemplate::new(&spec.name)
        .register_inbound("Pull", PullService::new(ANY), "WorkerPush")
        .register_inbound("WorkerPull", pull, "Pub")
        .register_outbound("WorkerPush", push, Route::exterior())
        .register_outbound("Pub", publisher(spec), Route::exterior())
        .register_bypass("Cache", CacheService::new(spec.db.as_str()));
    if spec.classic { template } else { template.register_inbound("Link", LinkService::new(ANY), "Pub") }
}

fn server(spec: &Spec) -> ServerTemplate {
    ServerTemplate::new(&spec.name)
        .service(Serve)
        .register_inbound("Pull", PullService::new(ANY), "Methods")
        .register_outbound("Methods", palm::part::Methods::default(), "Pub")
        .register_outbound("Pub", publisher(spec), Route::exterior())
        .register_bypass("Cache", CacheService::new(spec.db.as_str()))
}

struct Work;

#[palm::worker]
impl Work {
    fn foo(&mut self, message: &[u8], call: &Call) -> palm::Result<Vec<u8>, String> {
        work(message, call)
    }
}

struct Serve;

#[palm::server]
impl Serve {
    fn foo(&mut self, message: &[u8], call: &Call) -> palm::Result<Vec<u8>, String> {
        work(message, call)
    }

    fn upper(&mut self, message: &[u8]) -> Vec<u8> {
        message.to_ascii_uppercase()
    }

    fn fail(&mut self, _message: &[u8]) -> palm::Result<Vec<u8>, String> {
        Err("it is meant to fail".to_owned())
    }
}

fn work(message: &[u8], call: &Call) -> palm::Result<Vec<u8>, String> {
    let (spec, history) = role();
    let Some((answer, seq)) = payload::answer(message).zip(payload::read(payload::QUESTION, message)) else {
        history.write(&Event::Corrupt { who: call.name().to_owned() });
        return Err("the payload is not whole".to_owned());
    };
    history.write(&Event::Executed { seq, who: call.name().to_owned() });
    if spec.poison == Some(seq) {
        std::process::abort();
    }
    while spec.hang == Some(seq) {
        thread::sleep(Duration::from_secs(1));
    }
    assert!(spec.panic_every == 0 || !seq.is_multiple_of(spec.panic_every), "on purpose");
    if spec.work_us > 0 {
        thread::sleep(Duration::from_micros(spec.work_us));
    }
    Ok(answer)
}

fn connect(spec: &Spec) -> palm::Result<Client> {
    let builder = Client::builder(&spec.name, &spec.db)
        .connect_timeout(Duration::from_secs(60))
        .timeout(milliseconds(if spec.timeout_ms == 0 { 60_000 } else { spec.timeout_ms }));
    if spec.client_id.is_empty() { builder.connect() } else { builder.client_id(&spec.client_id).connect() }
}

fn client(spec: &Spec) -> palm::Result<()> {
    run_client(spec, &role().1)
}

/// A job from its first message to its last outcome.
pub(crate) fn run_client(spec: &Spec, history: &History) -> palm::Result<()> {
    let client = connect(spec)?;
    let writer = History::at(spec.history.as_ref());
    let (size, function) = (spec.size, format!("{}.foo", spec.name));
    let questions = (spec.first..spec.first + spec.count).map(move |seq| {
        writer.write(&Event::Attempt { seq });
        payload::question(seq, size)
    });
    for outcome in client.job(function, questions).messages(usize::try_from(spec.count).unwrap()) {
        history.write(&match outcome {
            Ok(reply) => match payload::read(payload::ANSWER, &reply) {
                Some(seq) => Event::Result { seq },
                None => Event::Corrupt { who: "client".to_owned() },
            },
            Err(Error::Remote { code, .. }) => Event::Error { code: code.into() },
            Err(Error::TimedOut { .. }) => Event::TimedOut,
            Err(error) => return Err(error),
        });
    }
    Ok(())
}

/// Cache requests without end, until it is killed.
fn hammer(spec: &Spec) -> palm::Result<()> {
    let client = connect(spec)?;
    let end = Instant::now() + Duration::from_secs(600);
    let mut turn = 0_u64;
    while Instant::now() < end {
        turn += 1;
        client.set(turn.to_string(), "hammered")?;
        client.get("hammered")?;
        client.delete("missing")?;
    }
    Ok(())
}

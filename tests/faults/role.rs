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
    /// How long it takes for each outcome.
    pub(crate) pause_us: u64,
    /// Its job is not told how many outcomes there will be.
    pub(crate) uncounted: bool,
    /// Where it finds the link, if not where the cache says.
    pub(crate) via: String,
    /// Where it, or a stage, finds the publisher before it.
    pub(crate) publisher: String,
    // What a master or a server is set to.
    pub(crate) work_timeout_ms: Option<u64>,
    pub(crate) worker_messages: Option<usize>,
    pub(crate) no_workers_ms: Option<u64>,
    pub(crate) hold_ms: Option<u64>,
    pub(crate) hold_bytes: Option<usize>,
    pub(crate) stall_ms: Option<u64>,
    pub(crate) session_ms: Option<u64>,
    /// Ports of its link and its publisher, where it is restarted.
    pub(crate) link_port: Option<u16>,
    pub(crate) pub_port: Option<u16>,
    /// Its stream goes on to a stage.
    pub(crate) pipelined: bool,
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
        "stage" => palm::Pipeline::new(&spec.name, Stage)
            .sub_address(&spec.publisher)
            .previous("server")
            .pub_address(at(spec.pub_port).as_str())
            .link_address(at(spec.link_port).as_str())
            .db_address(&spec.db)
            .run(),
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

fn at(port: Option<u16>) -> String {
    port.map_or_else(|| ANY.to_owned(), |port| format!("tcp://127.0.0.1:{port}"))
}

fn publisher(spec: &Spec) -> PubService {
    let mut part = PubService::new(at(spec.pub_port).as_str()).pipelined(spec.pipelined);
    if let Some(time) = spec.hold_ms {
        part = part.hold_time(milliseconds(time));
    }
    if let Some(bytes) = spec.hold_bytes {
        part = part.hold_bytes(bytes);
    }
    if is_off(spec, "calls") { part.without_calls() } else { part }
}

fn with_link(template: ServerTemplate, spec: &Spec) -> ServerTemplate {
    if spec.classic {
        return template;
    }
    let mut part = LinkService::new(at(spec.link_port).as_str());
    if let Some(bytes) = spec.hold_bytes {
        part = part.hold_bytes(bytes);
    }
    if let Some(timeout) = spec.stall_ms {
        part = part.stall_timeout(milliseconds(timeout));
    }
    if let Some(time) = spec.session_ms {
        part = part.session_time(milliseconds(time));
    }
    if is_off(spec, "resumption") {
        part = part.without_resumption();
    }
    template.register_inbound("Link", part, "Pub")
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
    with_link(template, spec)
}

fn server(spec: &Spec) -> ServerTemplate {
    let template = ServerTemplate::new(&spec.name)
        .service(Serve)
        .register_inbound("Pull", PullService::new(ANY), "Methods")
        .register_outbound("Methods", palm::part::Methods::default(), "Pub")
        .register_outbound("Pub", publisher(spec), Route::exterior())
        .register_bypass("Cache", CacheService::new(spec.db.as_str()));
    with_link(template, spec)
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

struct Stage;

#[palm::pipeline]
impl Stage {
    fn foo(&mut self, message: &[u8]) -> palm::Result<Vec<u8>, String> {
        let spec = &role().0;
        if spec.work_us > 0 {
            thread::sleep(Duration::from_micros(spec.work_us));
        }
        match payload::read(payload::ANSWER, message) {
            Some(_) => Ok(message.to_vec()),
            None => Err("the payload is not whole".to_owned()),
        }
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
    let mut builder = Client::builder(&spec.name, &spec.db)
        .connect_timeout(Duration::from_secs(60))
        .timeout(milliseconds(if spec.timeout_ms == 0 { 60_000 } else { spec.timeout_ms }));
    if !spec.client_id.is_empty() {
        builder = builder.client_id(&spec.client_id);
    }
    if !spec.via.is_empty() {
        builder = builder.this_config([("_palm.link", spec.via.clone())]);
    }
    if !spec.publisher.is_empty() {
        builder = builder.sub_address(&spec.publisher);
    }
    if is_off(spec, "resubmission") {
        builder = builder.without_resubmission();
    }
    builder.connect()
}

fn client(spec: &Spec) -> palm::Result<()> {
    run_client(spec, &role().1)
}

/// A job from its first message to its last outcome.
pub(crate) fn run_client(spec: &Spec, history: &History) -> palm::Result<()> {
    let client = connect(spec)?;
    let writer = History::at(spec.history.as_ref());
    let functions = if spec.publisher.is_empty() { vec!["server.foo"] } else { vec!["server.foo", "stage.foo"] };
    let size = spec.size;
    let questions = (spec.first..spec.first + spec.count).map(move |seq| {
        writer.write(&Event::Attempt { seq });
        payload::question(seq, size)
    });
    let mut job = client.job(functions, questions);
    if !spec.uncounted {
        job = job.messages(usize::try_from(spec.count).unwrap());
    }
    for outcome in job {
        history.write(&match outcome {
            Ok(reply) => match payload::read(payload::ANSWER, &reply) {
                Some(seq) => Event::Result { seq },
                None => Event::Corrupt { who: "client".to_owned() },
            },
            Err(Error::Remote { code, .. }) => Event::Error { code: code.into() },
            Err(Error::TimedOut { .. }) => Event::TimedOut,
            Err(error) => return Err(error),
        });
        if spec.pause_us > 0 {
            thread::sleep(Duration::from_micros(spec.pause_us));
        }
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

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::hooks::Hooks;
use super::worker_ports::{MAX_ENDPOINTS, WorkerPorts};
use super::{Address, FromAddress, Outbound};
use crate::engine::{
    Batch, Bound, Counter, Credit, CrewLimits, Envelope, HandOut, Opening, Part, PartId, Port, Router, Sequence,
    Transport, Turn, WorkerId,
};
use crate::error::Result;
use crate::service::Messages;
use crate::socket::{Peer, Sent, SocketKind};
use crate::wire::proto::Delivery;

/// How long an endpoint waits for its worker to connect.
const ENDPOINT_PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits for one that was there to come back: workers ask for their address only once.
const RETURN_PATIENCE: Duration = Duration::from_secs(600);
/// How often it is looked at what is overdue.
const CHECK: Duration = Duration::from_millis(500);
/// The worker that stands for all who share the fixed endpoint.
const SHARED: WorkerId = WorkerId(0);

/// Binds PUSH sockets for workers, and hands them messages as they are. Cache key `worker_push_address`.
///
/// A worker that asks the cache for the address gets an endpoint of its own (on loopback, or where
/// [`worker_ports`](Self::worker_ports) says; up to 256 workers). So it is known
/// who has what: each worker holds a bounded amount of work, and when its connection ends, what it held is handed to others,
/// three times at most; then the caller gets an error. So it is for a worker that froze, 3 s later. Workers that were given the address by hand share one endpoint, and
/// there only [`work_timeout`](Self::work_timeout) tells that a message is lost.
///
/// A message is told from others by the extension field `delivery`, which workers bring back with their results. The results
/// of a worker that was taken for dead too early are dropped, and counted as `stale`.
///
/// ```
/// use palm::part::WorkerPushService;
/// use std::time::Duration;
/// let part = WorkerPushService::new("tcp://127.0.0.1:5558").work_timeout(Some(Duration::from_secs(60)));
/// ```
pub struct WorkerPushService {
    address: Address,
    limits: CrewLimits,
    hooks: Option<Box<dyn Hooks>>,
    shared: Option<Bound>,
    /// The host of the fixed endpoint: where to bind beside it, and what workers are told.
    hosts: Option<(String, String)>,
    ports: WorkerPorts,
    /// Endpoints of an earlier run, whose workers may come back.
    restored: Vec<(String, Bound)>,
    shared_peers: usize,
    endpoints: BTreeMap<WorkerId, Endpoint>,
    last_worker: usize,
    checked: Option<Instant>,
    set_up: bool,
    full: bool,
}

/// The socket of one worker.
#[derive(Debug)]
struct Endpoint {
    asker: String,
    bound: Bound,
    peers: usize,
    /// Somebody was connected.
    met: bool,
    /// Since when nobody is connected.
    idle_since: Instant,
}

impl Endpoint {
    fn is_unused(&self, now: Instant) -> bool {
        let patience = if self.met { RETURN_PATIENCE } else { ENDPOINT_PATIENCE };
        self.peers == 0 && now >= self.idle_since + patience
    }
}

impl WorkerPushService {
    /// The part at that address.
    pub fn new(address: impl Into<Address>) -> Self {
        Self {
            address: address.into(),
            limits: CrewLimits::default(),
            hooks: None,
            shared: None,
            hosts: None,
            ports: WorkerPorts::default(),
            restored: Vec::new(),
            shared_peers: 0,
            endpoints: BTreeMap::new(),
            last_worker: 0,
            checked: None,
            set_up: false,
            full: false,
        }
    }

    /// Replaces what the part does with each message.
    #[must_use]
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Some(Box::new(hooks));
        self
    }

    /// How long a method may take before its message is handed to another worker. Default: 1800 s; `None` is for ever.
    #[must_use]
    pub const fn work_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.limits.work_timeout = timeout;
        self
    }

    /// Messages that a worker may hold unanswered. Default: 500. Within it, a worker holds about 50 ms of work.
    #[must_use]
    pub const fn worker_messages(mut self, messages: usize) -> Self {
        self.limits.messages = messages;
        self.limits.linked_messages = messages;
        self
    }

    /// How often a message is handed out before it is given up. Default: 3.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = attempts;
        self
    }

    /// How long a message with an `id` waits while there is no worker at all. Default: 30 s. Those without wait on.
    #[must_use]
    pub const fn no_workers_timeout(mut self, timeout: Duration) -> Self {
        self.limits.no_workers = timeout;
        self
    }

    /// For the controls of the fault tests: what a worker had when it died is lost.
    #[doc(hidden)]
    #[must_use]
    pub const fn without_redelivery(mut self) -> Self {
        self.limits.redelivery = false;
        self
    }

    /// For the controls of the fault tests: copies of results pass.
    #[doc(hidden)]
    #[must_use]
    pub const fn without_deduplication(mut self) -> Self {
        self.limits.deduplication = false;
        self
    }

    /// Workers that must have connected before the first message is handed out. Default: 1.
    ///
    /// Without it, whoever comes first may have done a short stream before the next one is there. They are waited for as long
    /// as [`no_workers_timeout`](Self::no_workers_timeout) says, from the first message on; then whoever is there begins, and a
    /// line says so. Over `inproc://` connections cannot be seen, and nothing is waited for.
    #[must_use]
    pub const fn expected_workers(mut self, workers: usize) -> Self {
        self.limits.expected = workers;
        self
    }

    /// Ports that workers' own endpoints are bound to. Default: any free port, where the part is bound to loopback; elsewhere
    /// workers have no endpoints of their own unless there is such a range. A worker that finds none free in it uses the
    /// fixed endpoint.
    #[must_use]
    pub fn worker_ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.ports.set_range(ports);
        self
    }

    /// A directory, made if it is not there, where it is kept which worker has which port, so that workers find their
    /// endpoints again after a restart, as those that ask for the address only once need it. Default: none; after a restart
    /// there is only the fixed endpoint until they ask again.
    ///
    /// The ports should be a range of [`worker_ports`](Self::worker_ports) that the system does not give to others meanwhile.
    #[must_use]
    pub fn state_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.ports.keep_in(directory.into());
        self
    }

    pub(crate) const fn limits(mut self, limits: CrewLimits) -> Self {
        self.limits = limits;
        self
    }

    fn hand_out(&mut self, turn: &mut Turn<'_>) {
        let part = turn.part;
        while let Some(HandOut { worker, sequence, delivery, marked }) = turn.core.dispatch.next(part, turn.now) {
            let Router { dispatch, links, .. } = &mut *turn.core;
            let Some(freight) = dispatch.freight(sequence) else { break };
            let linked = links.hand_out(worker, &delivery, freight, turn.now);
            if linked || self.push(turn, worker, sequence, marked.then_some(&delivery)) {
                if turn.core.dispatch.handed(part, worker, sequence, turn.now) {
                    turn.count(Counter::Redelivered, 1);
                }
                turn.core.tally.sent += 1;
            } else {
                turn.core.dispatch.set_blocked(part, worker, true);
            }
        }
        for given_up in turn.core.dispatch.take_late() {
            turn.count(Counter::Late, 1);
            turn.core.give_up(given_up);
        }
        if turn.core.dispatch.refuses(part, turn.now) {
            self.give_up_overdue(turn);
        }
        turn.core.flush_links();
        self.full = turn.core.dispatch.is_full(part);
        if turn.core.dispatch.len() > 0 {
            turn.wake_in(CHECK);
        }
    }

    /// Hands a message to a worker on a classic socket.
    fn push(&mut self, turn: &mut Turn<'_>, worker: WorkerId, sequence: Sequence, mark: Option<&Delivery>) -> bool {
        let Some(port) = self.port(worker) else { return false };
        let Router { dispatch, head, .. } = &mut *turn.core;
        let Some(freight) = dispatch.freight(sequence) else { return false };
        let sent = match &mut self.hooks {
            None => {
                freight.put_head(mark, turn.now, head);
                turn.transport.send_copy(port, None, [head, freight.payload()])
            }
            Some(hooks) => {
                let mut message = freight.message();
                if let Some(mark) = mark {
                    message.to_mut().set_delivery(mark);
                }
                turn.transport.send(port, None, false, hooks.from_router(&message))
            }
        };
        if sent != Sent::Done {
            turn.watch_writable(port, true);
        }
        sent == Sent::Done
    }

    fn port(&self, worker: WorkerId) -> Option<Port> {
        if worker == SHARED {
            return self.shared.as_ref().map(|bound| bound.port);
        }
        self.endpoints.get(&worker).map(|endpoint| endpoint.bound.port)
    }

    fn worker_at(&self, port: Port) -> Option<WorkerId> {
        if self.shared.as_ref().is_some_and(|bound| bound.port == port) {
            return Some(SHARED);
        }
        self.endpoints.iter().find(|(_, endpoint)| endpoint.bound.port == port).map(|(worker, _)| *worker)
    }

    /// Before anything else: the limits, and a worker for the endpoint whose connections cannot be seen.
    fn set_up(&mut self, turn: &mut Turn<'_>) {
        if !std::mem::replace(&mut self.set_up, true) {
            let unseen = self.shared.as_ref().is_some_and(|bound| bound.address.starts_with("inproc:"));
            let expected = if unseen { 1 } else { self.limits.expected };
            turn.core.dispatch.set_limits(turn.part, CrewLimits { expected, ..self.limits });
            if unseen {
                turn.core.dispatch.join(turn.part, SHARED, Credit::Fixed(self.limits.messages), turn.now);
            }
            for (asker, bound) in std::mem::take(&mut self.restored) {
                self.keep(turn, &asker, bound, true);
            }
        }
    }

    fn leave(&self, turn: &mut Turn<'_>, worker: WorkerId) {
        for given_up in turn.core.dispatch.leave(turn.part, worker) {
            turn.core.give_up(given_up);
        }
    }

    fn give_up_overdue(&self, turn: &mut Turn<'_>) {
        for given_up in turn.core.dispatch.overdue(turn.part, turn.now) {
            turn.core.give_up(given_up);
        }
    }

    fn check(&mut self, turn: &mut Turn<'_>) {
        if self.checked.is_some_and(|checked| turn.now < checked + CHECK) {
            return;
        }
        self.checked = Some(turn.now);
        self.give_up_overdue(turn);
        let now = turn.now;
        let unused: Vec<_> =
            self.endpoints.iter().filter(|(_, endpoint)| endpoint.is_unused(now)).map(|(worker, _)| *worker).collect();
        for worker in unused {
            self.close_endpoint(turn, worker);
        }
        if self.endpoints.values().any(|endpoint| endpoint.peers == 0) {
            turn.wake_in(CHECK);
        }
    }

    /// Closes the endpoint that has waited longest for its worker, if there are too many.
    fn make_room(&mut self, turn: &mut Turn<'_>) {
        if self.endpoints.len() >= MAX_ENDPOINTS {
            let left = self.endpoints.iter().filter(|(_, endpoint)| endpoint.met && endpoint.peers == 0);
            let longest = left.min_by_key(|(_, endpoint)| endpoint.idle_since).map(|(worker, _)| *worker);
            if let Some(worker) = longest {
                self.close_endpoint(turn, worker);
            }
        }
    }

    fn close_endpoint(&mut self, turn: &mut Turn<'_>, worker: WorkerId) {
        if let Some(endpoint) = self.endpoints.remove(&worker) {
            turn.transport.close(endpoint.bound.port);
            self.ports.forget(number(&endpoint.bound));
        }
    }

    /// Binds an endpoint beside the fixed one; `port` as it stands in an address.
    fn bind_endpoint(&self, transport: &mut dyn Transport, part: PartId, port: &str) -> Option<Bound> {
        let (host, _) = self.hosts.as_ref()?;
        let socket = transport.open(part, SocketKind::Push).ok()?;
        let opened = transport.watch(socket).is_ok() && transport.beat(socket).is_ok();
        match transport.bind(socket, &format!("tcp://{host}:{port}")).ok().filter(|_| opened) {
            Some(address) => Some(Bound { port: socket, address }),
            None => {
                transport.close(socket);
                None
            }
        }
    }

    /// Knows an endpoint from now on; gives its address.
    fn keep(&mut self, turn: &mut Turn<'_>, asker: &str, bound: Bound, met: bool) -> Option<String> {
        let told = self.hosts.as_ref().map(|(_, told)| format!("tcp://{told}:{}", number(&bound)));
        self.last_worker += 1;
        let endpoint = Endpoint { asker: asker.to_owned(), bound, peers: 0, met, idle_since: turn.now };
        self.endpoints.insert(WorkerId(self.last_worker), endpoint);
        turn.wake_in(CHECK);
        told
    }

    /// An endpoint for a worker, unless the fixed one has to do.
    fn endpoint(&mut self, turn: &mut Turn<'_>, asker: &str) -> Option<String> {
        let (host, told) = self.hosts.as_ref()?;
        let on_loopback = crate::runtime::is_loopback(host);
        let known =
            self.endpoints.values_mut().find(|endpoint| endpoint.asker == asker && endpoint.met && endpoint.peers == 0);
        if let Some(endpoint) = known {
            endpoint.idle_since = turn.now;
            return Some(format!("tcp://{told}:{}", number(&endpoint.bound)));
        }
        if !self.ports.serves(asker, on_loopback) {
            return None;
        }
        self.make_room(turn);
        if self.endpoints.len() >= MAX_ENDPOINTS {
            return None;
        }
        let part = turn.part;
        let bound =
            self.ports.candidates().iter().find_map(|port| self.bind_endpoint(&mut *turn.transport, part, port))?;
        self.ports.remember(number(&bound), asker);
        self.keep(turn, asker, bound, false)
    }
}

/// The number of a port that is bound over TCP.
fn number(bound: &Bound) -> u16 {
    bound.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or_default()
}

/// The host of a TCP address.
fn host(address: &str) -> Option<String> {
    Some(address.strip_prefix("tcp://")?.rsplit_once(':')?.0.to_owned())
}

/// Of an endpoint: two that share one cannot be told apart, and their results come in no order.
const fn credit_of(peers: usize, messages: usize) -> Credit {
    if peers > 1 { Credit::Fixed(peers * messages) } else { Credit::Paced(messages) }
}

impl fmt::Debug for WorkerPushService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPushService").field("address", &self.address).finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for WorkerPushService {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Outbound for WorkerPushService {
    const BINDS: bool = true;
    const KEY: Option<&'static str> = Some("worker_push_address");
}

impl Part for WorkerPushService {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        let shared = opening.bind_watched(SocketKind::Push, &self.address)?;
        self.hosts = host(&shared.address).zip(host(&opening.advertised(&shared.address)));
        self.shared = Some(shared);
        for (port, worker) in self.ports.load(opening.component())? {
            match self.bind_endpoint(&mut *opening.transport, opening.part, &port.to_string()) {
                Some(bound) => self.restored.push((worker, bound)),
                None => {
                    tracing::warn!("port {port}, which worker {worker} had, is in use: the worker has to ask anew");
                    self.ports.forget(port);
                }
            }
        }
        Ok(())
    }

    fn deliver(&mut self, turn: &mut Turn<'_>, envelope: Envelope) {
        self.set_up(turn);
        let (part, now) = (turn.part, turn.now);
        match self.hooks.as_deref_mut() {
            None => turn.core.dispatch.submit(part, envelope, now),
            Some(hooks) => {
                let dispatch = &mut turn.core.dispatch;
                let way = envelope.with(envelope.message.clone());
                let mut sink = |message| dispatch.submit(part, way.with(message), now);
                hooks.scatter(envelope.open().message, &mut Messages::new(&mut sink));
            }
        }
        self.full = turn.core.dispatch.is_full(part);
        // Once for all that is delivered now.
        turn.core.resume(part);
    }

    fn takes_batches(&self) -> bool {
        self.hooks.is_none()
    }

    fn deliver_batch(&mut self, turn: &mut Turn<'_>, batch: Batch) {
        self.set_up(turn);
        turn.core.dispatch.submit_batch(turn.part, batch, turn.now);
        self.full = turn.core.dispatch.is_full(turn.part);
        turn.core.resume(turn.part);
    }

    fn joined(&mut self, turn: &mut Turn<'_>, port: Port, _peer: Peer) {
        self.set_up(turn);
        let Some(worker) = self.worker_at(port) else { return };
        let credit = match self.endpoints.get_mut(&worker) {
            Some(endpoint) => {
                endpoint.peers += 1;
                endpoint.met = true;
                credit_of(endpoint.peers, self.limits.messages)
            }
            None => {
                self.shared_peers += 1;
                Credit::Fixed(self.shared_peers * self.limits.messages)
            }
        };
        turn.core.dispatch.join(turn.part, worker, credit, turn.now);
        self.hand_out(turn);
    }

    fn gone(&mut self, turn: &mut Turn<'_>, port: Port, _peer: Peer) {
        let Some(worker) = self.worker_at(port) else { return };
        let left = match self.endpoints.get_mut(&worker) {
            Some(endpoint) => {
                endpoint.peers = endpoint.peers.saturating_sub(1);
                endpoint.idle_since = turn.now;
                endpoint.peers
            }
            None => {
                self.shared_peers = self.shared_peers.saturating_sub(1);
                self.shared_peers
            }
        };
        if worker != SHARED {
            // Where two of one name have come to share an endpoint, nobody knows whose the messages were: what the other one
            // has done as well is a copy.
            self.leave(turn, worker);
            if left > 0 {
                let credit = credit_of(left, self.limits.messages);
                turn.core.dispatch.join(turn.part, worker, credit, turn.now);
            }
        } else if left == 0 {
            self.leave(turn, worker);
        } else {
            turn.core.dispatch.join(turn.part, SHARED, Credit::Fixed(left * self.limits.messages), turn.now);
        }
        self.hand_out(turn);
        turn.wake_in(CHECK);
    }

    fn resume(&mut self, turn: &mut Turn<'_>) {
        self.set_up(turn);
        self.check(turn);
        for worker in self.endpoints.keys().copied().chain([SHARED]) {
            if let Some(port) = self.port(worker) {
                turn.watch_writable(port, false);
                turn.core.dispatch.set_blocked(turn.part, worker, false);
            }
        }
        self.hand_out(turn);
    }

    fn answers(&self) -> bool {
        true
    }

    fn hands_out(&self) -> bool {
        true
    }

    fn work_timeout(&self) -> Option<Duration> {
        self.limits.work_timeout
    }

    fn settles(&self) -> bool {
        self.hooks.is_none()
    }

    fn answer(&mut self, turn: &mut Turn<'_>, asker: &str) -> Option<String> {
        self.set_up(turn);
        self.endpoint(turn, asker)
    }

    fn is_full(&self) -> bool {
        self.full
    }
}

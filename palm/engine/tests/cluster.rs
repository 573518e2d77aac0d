//! Whole clusters of engines, driven step by step: what happens next is drawn from what can happen.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::net::{Arrival, LinkId, Net, Owner, SocketId, View};
use crate::cache::{CacheHandle, MemoryCache};
use crate::engine::{
    Access, Counter, Done, Engine, Envelope, Finished, Inlets, Job, Opening, PartId, Place, Port, Router, Runner,
    Shelf, Stats, Task,
};
use crate::error::{BoxError, Error, Result};
use crate::part::Address;
use crate::service::{Component, Service};
use crate::topology::Plan;

/// Numbers that look random and come again with their seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((number ^ (number >> 31)) % end as u64).unwrap()
    }
}

/// Says which seed it was, if it fails.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let size = if number("PALM_SEEDS").is_some() { "PALM_SEEDS=1 " } else { "" };
            eprintln!("failed with {size}PALM_SEED={}", self.0);
        }
    }
}

fn seed(seed: u64, scenario: impl Fn(&mut Cluster)) {
    let _told = Told(seed);
    scenario(&mut Cluster::new(seed));
}

/// Runs a scenario with many seeds; one that fails is printed, and can be run alone with `PALM_SEED`.
pub(super) fn seeds(count: u64, scenario: impl Fn(&mut Cluster)) {
    match number("PALM_SEED") {
        Some(one) => {
            // What it logs is shown if it fails.
            let _ = tracing_subscriber::fmt().with_test_writer().with_ansi(false).try_init();
            seed(one, scenario);
        }
        None => (0..count).for_each(|number| seed(number, &scenario)),
    }
}

/// The same, on every processor.
pub(super) fn seeds_together(count: u64, scenario: impl Fn(&mut Cluster) + Sync) {
    if number("PALM_SEED").is_some() {
        return seeds(1, scenario);
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && number < count
                {
                    seed(number, &scenario);
                }
            });
        }
    });
}

/// A number from the environment.
pub(super) fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Something that takes part without being an engine: a client.
pub(super) trait Actor {
    /// Whether [`Actor::step`] would do something.
    fn ready(&self, net: &Net) -> bool;
    fn step(&mut self, net: &mut Net, now: Instant);
}

struct Node {
    engine: Engine,
    desk: Arc<Desk>,
    ports: Vec<SocketId>,
    inlets: Inlets,
    stats: Arc<Stats>,
    /// Calls that have begun, each to be run whenever its thread or task likes; empty where there is one at a time.
    begun: Vec<Begun>,
    overlaps: bool,
    /// Most calls that were under way at a time.
    together: usize,
    /// What user code gave, in order: batches, then the end.
    given: VecDeque<Given>,
    /// How far its clock is ahead.
    ahead: Duration,
    /// Its process is gone.
    gone: bool,
}

enum Given {
    Batch(PartId, Task, Vec<Envelope>),
    Finished(Vec<Finished>),
    Done(Done),
}

/// Everything that could happen next.
#[derive(Debug)]
enum Event {
    Arrive(LinkId, bool),
    Run(usize),
    Work(usize, usize),
    /// The job that has the object for itself takes long.
    Relieve(usize),
    Take(usize),
    Resume(usize, PartId),
    /// What another thread has left in the inlet of a part.
    Bring(usize, PartId),
    Flush(usize),
    Act(usize),
    Tick,
}

pub(super) struct Cluster {
    pub(super) net: Net,
    pub(super) random: Random,
    nodes: Vec<Node>,
    actors: Vec<Box<dyn Actor>>,
    pub(super) start: Instant,
    pub(super) now: Instant,
    /// Changes with every choice: two runs of one seed have the same.
    pub(super) trace: u64,
}

/// A call that has begun.
enum Begun {
    Job(Box<Job>),
    #[cfg(feature = "tokio")]
    Task(std::pin::Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Begun {
    fn shares(&self) -> bool {
        match self {
            Self::Job(job) => job.access() != Access::Alone,
            #[cfg(feature = "tokio")]
            Self::Task(_) => true,
        }
    }
}

impl Node {
    /// Whatever has the object for itself has it for as long as it runs.
    fn begin(&mut self, job: Job) {
        let begun = match job.access() {
            #[cfg(feature = "tokio")]
            Access::Async => Begun::Task(Box::pin(job.into_task(self.desk.clone()))),
            _ => Begun::Job(Box::new(job)),
        };
        assert!(self.begun.iter().all(|other| other.shares() && begun.shares()), "a call that shares nothing overlaps");
        self.begun.push(begun);
        self.together = self.together.max(self.begun.len());
    }

    /// Takes a call further: to its end, or to where a task waits next.
    fn work(&mut self, call: usize) {
        match self.begun.swap_remove(call) {
            Begun::Job(job) => self.run(*job),
            #[cfg(feature = "tokio")]
            Begun::Task(mut task) => {
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                if task.as_mut().poll(&mut context).is_pending() {
                    self.begun.push(Begun::Task(task));
                }
            }
        }
        self.collect();
    }

    fn run(&mut self, job: Job) {
        let done = job.run(&self.desk.component, &*self.desk);
        self.desk.given.lock().unwrap().push_back(Given::Done(done));
        self.collect();
    }

    fn collect(&mut self) {
        self.given.append(&mut self.desk.given.lock().unwrap());
    }
}

/// Where user code finds its component, and leaves what it gives.
struct Desk {
    component: Component,
    given: Mutex<VecDeque<Given>>,
    began: Instant,
    /// What passes within user code from one look at the clock to the next, in microseconds, and how many there were.
    passes: AtomicU64,
    looks: AtomicU64,
}

impl Runner for Desk {
    fn offer(&self, part: PartId, task: Task, results: Vec<Envelope>) {
        self.given.lock().unwrap().push_back(Given::Batch(part, task, results));
    }
    fn finished(&self, finished: Vec<Finished>) {
        self.given.lock().unwrap().push_back(Given::Finished(finished));
    }
    fn now(&self) -> Instant {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        self.began + Duration::from_micros(looks * self.passes.load(Ordering::Relaxed))
    }
}

#[cfg(feature = "tokio")]
impl crate::engine::Host for Desk {
    fn component(&self) -> &Component {
        &self.component
    }
    fn runner(&self) -> &dyn Runner {
        self
    }
    fn done(&self, done: Done) {
        self.given.lock().unwrap().push_back(Given::Done(done));
    }
}

struct Anywhere {
    name: String,
    bound: Option<String>,
}

impl Place for Anywhere {
    fn to_bind(&self, address: &Address, _protected: bool) -> Result<String> {
        Ok(address.to_string())
    }
    fn bound(&mut self, _key: Option<&'static str>, address: &str) {
        self.bound = Some(address.to_owned());
    }
    fn to_connect(&mut self, address: &Address) -> Result<String> {
        Ok(address.to_string())
    }
    fn refused(&self, address: &str, source: BoxError) -> Error {
        Error::Address { component: self.name.clone(), part: String::new(), address: address.to_owned(), source }
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Cluster {
    pub(super) fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            net: Net::new(8),
            random: Random(seed),
            nodes: Vec::new(),
            actors: Vec::new(),
            start: now,
            now,
            trace: 0,
        }
    }

    /// Starts a component as its plan says; cache services are left out.
    pub(super) fn add(&mut self, mut plan: Plan) -> usize {
        plan.verify().unwrap();
        plan.share().unwrap();
        let node = self.nodes.len();
        let mut ports = Vec::new();
        let mut link = None;
        let mut view = View { net: &mut self.net, node, ports: &mut ports };
        let stats = Arc::new(Stats::default());
        let (mut inlets, shelf) = (Inlets::new(stats.clone(), || {}), Shelf::default());
        for (index, planned) in plan.parts.iter_mut().enumerate() {
            let mut place = Anywhere { name: plan.name.clone(), bound: None };
            let mut opening = Opening {
                transport: &mut view,
                part: PartId(index),
                place: &mut place,
                inlets: &mut inlets,
                shelf: &shelf,
            };
            planned.part.open(&mut opening).unwrap();
            if planned.key == Some(crate::features::TOPIC) {
                link = place.bound;
            }
        }
        let rows = plan.rows();
        let description = plan.service.as_deref().map(Service::description);
        let core = Router::new(plan.name.as_str().into(), rows, stats.clone(), description, plan.messages);
        let parts = plan.parts.into_iter().map(|planned| planned.part).collect();
        let component = Component::with_cache(&plan.name, CacheHandle::local(Arc::new(MemoryCache::new())));
        let desk = Arc::new(Desk {
            component,
            given: Mutex::default(),
            began: Instant::now(),
            passes: AtomicU64::new(0),
            looks: AtomicU64::new(0),
        });
        let mut engine = Engine::new(core, parts, plan.service, plan.width);
        engine.set_link_address(link);
        let (begun, overlaps, given) = (Vec::new(), plan.width.shares(), VecDeque::new());
        let (ahead, gone) = (Duration::ZERO, false);
        self.nodes.push(Node { engine, desk, ports, inlets, stats, begun, overlaps, together: 0, given, ahead, gone });
        node
    }

    pub(super) fn act(&mut self, actor: impl Actor + 'static) {
        self.actors.push(Box::new(actor));
    }

    /// A component's process is gone without a word.
    pub(super) fn crash(&mut self, node: usize) {
        self.nodes[node].gone = true;
        for socket in self.nodes[node].ports.clone() {
            self.net.crash(socket);
        }
    }

    /// A component's clock goes ahead.
    pub(super) fn advance(&mut self, node: usize, by: Duration) {
        self.nodes[node].ahead += by;
    }

    fn clock(&self, node: usize) -> Instant {
        self.now + self.nodes[node].ahead
    }

    pub(super) fn count(&self, node: usize, counter: Counter) -> u64 {
        self.nodes[node].stats.get(counter)
    }

    pub(super) fn engine(&self, node: usize) -> &Engine {
        &self.nodes[node].engine
    }

    /// Most calls that were under way in a component at a time.
    pub(super) fn together(&self, node: usize) -> usize {
        self.nodes[node].together
    }

    /// Drops the tasks that are under way, as a runtime that ends does. Says how many.
    #[cfg(feature = "tokio")]
    pub(super) fn abort(&mut self, node: usize) -> usize {
        let node = &mut self.nodes[node];
        let tasks = node.begun.extract_if(.., |begun| matches!(begun, Begun::Task(_))).count();
        node.collect();
        tasks
    }

    pub(super) fn drain(&mut self, node: usize) {
        self.nodes[node].engine.drain();
        let Node { engine, inlets, .. } = &self.nodes[node];
        let closed = inlets.close(|part| engine.is_inbound(part));
        for (part, number) in closed {
            self.at(node, |engine, now, view| engine.arrived(part, number, None, now, view));
        }
    }

    pub(super) fn refuse_calls(&mut self, node: usize) -> usize {
        self.nodes[node].engine.refuse_calls()
    }

    /// Time that has passed on the cluster's clock.
    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for (link, to_binder, owner) in self.net.arrivals() {
            let wanted = match owner {
                Owner::Part { node, part, .. } => {
                    self.nodes[node].engine.wants(part) || !self.net.is_data(link, to_binder)
                }
                Owner::Test => true,
            };
            if wanted {
                events.push(Event::Arrive(link, to_binder));
            }
        }
        for (number, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.gone) {
            if node.engine.has_job() {
                events.push(Event::Run(number));
            }
            events.extend((0..node.begun.len()).map(|call| Event::Work(number, call)));
            if node.begun.iter().any(|begun| !begun.shares()) {
                events.push(Event::Relieve(number));
            }
            let brought = node.inlets.iter().filter(|(part, inlet)| !inlet.is_empty() && node.engine.takes(*part));
            events.extend(brought.map(|(part, _)| Event::Bring(number, part)));
            if node.engine.is_unflushed() || node.engine.owes() {
                events.push(Event::Flush(number));
            }
            match node.given.front() {
                Some(Given::Batch(part, task, _))
                    if node.engine.is_blocked(*part)
                        && !(*task == Task::Scatter
                            && node
                                .given
                                .iter()
                                .any(|given| matches!(given, Given::Done(done) if done.has_object()))) => {}
                Some(_) => events.push(Event::Take(number)),
                None => {}
            }
            for socket in &node.ports {
                let Owner::Part { part, .. } = self.net.sockets[*socket].owner else { continue };
                if self.net.sockets[*socket].writable_wanted && self.net.can_write(*socket) {
                    events.push(Event::Resume(number, part));
                }
            }
        }
        let ready = |number: &usize| self.actors[*number].ready(&self.net);
        events.extend((0..self.actors.len()).filter(ready).map(Event::Act));
        if self.next_deadline().is_some_and(|deadline| deadline <= self.now + Duration::from_millis(1)) {
            events.push(Event::Tick);
        }
        events
    }

    fn next_deadline(&self) -> Option<Instant> {
        let here = |node: &Node| node.engine.next_deadline().and_then(|deadline| deadline.checked_sub(node.ahead));
        self.nodes.iter().filter(|node| !node.gone).filter_map(here).min()
    }

    /// Lets the time pass up to `until`, and whatever happens in it happen.
    pub(super) fn run_until(&mut self, until: Duration) {
        let until = self.start + until;
        for _ in 0..1_000_000 {
            let mut events = self.events();
            if events.is_empty() {
                match self.next_deadline() {
                    Some(deadline) if deadline <= until => events.push(Event::Tick),
                    _ => {
                        self.now = until.max(self.now);
                        return;
                    }
                }
            }
            self.choose(events);
        }
        panic!("it goes on and on");
    }

    /// Runs while anything can happen without waiting, a millisecond or so apart.
    pub(super) fn settle(&mut self) {
        let until = self.elapsed();
        self.run_until(until);
    }

    /// Whenever user code of a node looks at the clock, so much time has passed.
    pub(super) fn passes(&self, node: usize, time: Duration) {
        self.nodes[node].desk.passes.store(time.as_micros() as u64, Ordering::Relaxed);
    }

    /// Lets one thing happen; `false` if nothing can.
    pub(super) fn step(&mut self) -> bool {
        let events = self.events();
        if events.is_empty() {
            return false;
        }
        self.choose(events);
        true
    }

    fn choose(&mut self, mut events: Vec<Event>) {
        let choice = self.random.below(events.len());
        self.trace = (self.trace ^ (events.len() * 1_000 + choice) as u64).wrapping_mul(0x100_0000_01b3);
        let event = events.swap_remove(choice);
        self.happen(&event);
    }

    /// Lets one thing happen, and the time pass up to it; `false` if nothing ever will.
    pub(super) fn step_in_time(&mut self) -> bool {
        self.step() || {
            let deadline = self.next_deadline().is_some();
            if deadline {
                self.happen(&Event::Tick);
            }
            deadline
        }
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Arrive(link, to_binder) => match self.net.arrive(link, to_binder) {
                Arrival::Message(Owner::Part { node, part, port }, incoming) => {
                    self.at(node, |engine, now, view| engine.receive(part, port, incoming, now, view));
                    self.more_of(link, to_binder, (node, part, port));
                    self.at(node, |engine, now, view| engine.settle(now, view));
                }
                Arrival::Joined(Owner::Part { node, part, port }, peer) => {
                    self.at(node, |engine, now, view| engine.joined(part, port, peer, now, view));
                }
                Arrival::Connected(Owner::Part { node, part, port }) => {
                    self.at(node, |engine, now, view| engine.connected(part, port, now, view));
                }
                Arrival::Gone(Owner::Part { node, part, port }, peer) => {
                    self.at(node, |engine, now, view| engine.gone(part, port, peer, now, view));
                }
                _ => {}
            },
            Event::Flush(node) => {
                let at_rest = self.random.below(2) == 0;
                self.at(node, |engine, now, view| engine.flush(at_rest, now, view));
            }
            Event::Run(node) => {
                let job = self.at(node, |engine, now, view| engine.next_job(now, view));
                match job {
                    Some(job) if self.nodes[node].overlaps || self.random.below(4) == 0 => self.nodes[node].begin(job),
                    Some(job) => self.nodes[node].run(job),
                    None => {}
                }
            }
            Event::Work(node, call) => self.nodes[node].work(call),
            Event::Relieve(node) => self.at(node, |engine, now, view| engine.relieve(now, view)),
            Event::Take(node) => match self.nodes[node].given.pop_front() {
                Some(Given::Batch(part, task, results)) => {
                    self.at(node, |engine, now, view| engine.results(part, task, results, now, view));
                }
                Some(Given::Finished(finished)) => {
                    self.at(node, |engine, now, view| engine.finished(finished, now, view));
                }
                Some(Given::Done(done)) => self.at(node, |engine, now, view| engine.finish(done, now, view)),
                None => {}
            },
            Event::Resume(node, part) => self.at(node, |engine, now, view| engine.resume(part, now, view)),
            Event::Bring(node, part) => {
                let inlet = self.nodes[node].inlets.iter().find(|(of, _)| *of == part).map(|(_, inlet)| inlet.clone());
                if let Some((number, message)) = inlet.and_then(|inlet| inlet.take()) {
                    self.at(node, |engine, now, view| engine.arrived(part, number, message, now, view));
                }
            }
            Event::Act(actor) => self.actors[actor].step(&mut self.net, self.now),
            Event::Tick => {
                self.now = self.next_deadline().map_or(self.now, |deadline| deadline.max(self.now));
                for node in (0..self.nodes.len()).filter(|node| !self.nodes[*node].gone).collect::<Vec<_>>() {
                    self.at(node, |engine, now, view| engine.timers(now, view));
                }
            }
        }
    }

    /// Some more of what waits there, as a reactor reads several messages of a socket before they are settled.
    fn more_of(&mut self, link: LinkId, to_binder: bool, (node, part, port): (usize, PartId, Port)) {
        while self.random.below(4) > 0
            && self.net.is_data(link, to_binder)
            && self.nodes[node].engine.wants(part)
            && let Arrival::Message(_, incoming) = self.net.arrive(link, to_binder)
        {
            self.at(node, |engine, now, view| engine.receive(part, port, incoming, now, view));
        }
    }

    fn at<T>(&mut self, node: usize, run: impl FnOnce(&mut Engine, Instant, &mut View<'_>) -> T) -> T {
        let now = self.clock(node);
        let Node { engine, ports, .. } = &mut self.nodes[node];
        run(engine, now, &mut View { net: &mut self.net, node, ports })
    }
}

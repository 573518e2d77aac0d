//! From a plan to a component at work.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use super::handle::Handle;
use super::inbox::{Ask, Inbox};
use super::place::{PlaceOf, Rules};
use super::reactor::Reactor;
use super::relief::Shared;
use super::sockets::Sockets;
use super::stop::Stop;
use super::supervise::Supervised;
#[cfg(feature = "tokio")]
use super::tasks::Tasks;
use crate::cache::{CacheHandle, OwnKeys, ReadOnly, RemoteCache};
use crate::engine::link::{Frame, PROTOCOL};
use crate::engine::{Engine, Inlets, Opening, PartId, Router, STATS_KEY, Shelf, Stats, Watch};
use crate::error::{Error, Result};
use crate::features;
use crate::part::BypassOpening;
use crate::service::Component;
use crate::socket::{Ready, Received, Sent, Socket, SocketKind, Wakeup};
use crate::topology::{OUTLINE_KEY, Plan};
use crate::wire::proto::LinkHello;

/// How long the cache service waits for a part's answer before it gives the general one.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a link may take to answer before the classic sockets are used.
const LINK_TIMEOUT: Duration = Duration::from_secs(2);

type Addresses = Arc<OnceLock<BTreeMap<String, String>>>;

/// Starts a component. Its addresses are bound when this returns; one that has to look addresses up at a peer does so in
/// its own thread, for as long as it takes.
pub(crate) fn start(mut plan: Plan) -> Result<Handle> {
    plan.verify()?;
    let own = Arc::new(OwnKeys::new(plan.cache));
    plan.cache = own.clone();
    let (waker, wakeup) = Wakeup::pair(&plan.context)?;
    // Two ways to the master's cache: the one that looks addresses up is cut when the component is told to end, the one of
    // the methods lasts.
    let remote = || {
        plan.master.as_deref().map(|address| Arc::new(RemoteCache::new(&plan.context, "master", address, &plan.name)))
    };
    let cache = remote().map_or_else(|| CacheHandle::local(plan.cache.clone()), CacheHandle::remote);
    let remote = remote();
    let component = Component::with_cache(&plan.name, cache);
    let stop = Arc::new(Stop::default());
    let shared = Arc::new(Shared::new(Inbox::new(waker), component, Arc::new(Stats::default()), stop, remote.clone()));
    let addresses = Addresses::default();
    // Of the highest level, so that whoever filters by level still sees whose event it is.
    let span = tracing::error_span!("component", name = %shared.component.name);
    span.in_scope(|| plan.share())?;
    let (has_service, threads) = (plan.service.is_some(), plan.width.threads);
    #[cfg(feature = "tokio")]
    if let Some(tasks) = Tasks::of(&plan, &span)? {
        // Set once, here.
        let _ = shared.tasks.set(tasks);
    }
    let start = Start { plan, own, remote, wakeup, shared: shared.clone(), addresses: addresses.clone() };
    if start.remote.is_some() {
        let shared = shared.clone();
        shared.clone().spawn(&span, move || match start.open() {
            Ok(reactor) => shared.drive(reactor),
            Err(Error::Stopped { .. }) => shared.end(Ok(())),
            Err(error) => shared.end(Err(error)),
        })?;
    } else {
        let reactor = span.in_scope(|| start.open())?;
        let shared = shared.clone();
        shared.clone().spawn(&span, move || shared.drive(reactor))?;
    }
    if has_service {
        let shared = shared.clone();
        shared.clone().spawn(&span, move || shared.relieve())?;
    }
    if threads > 1 {
        shared.pool(&span, threads)?;
    }
    #[cfg(feature = "metrics")]
    {
        let publisher = shared.clone();
        shared.clone().spawn(&span, move || publisher.keep_published()).inspect_err(|_| shared.shut_down())?;
    }
    Ok(Handle::new(shared, addresses))
}

struct Start {
    plan: Plan,
    own: Arc<OwnKeys>,
    remote: Option<Arc<RemoteCache>>,
    wakeup: Wakeup,
    shared: Arc<Shared>,
    addresses: Addresses,
}

impl Start {
    fn open(self) -> Result<Reactor> {
        let Self { mut plan, own, remote, wakeup, shared, addresses } = self;
        if let (Some(over_link), Some(remote)) = (plan.over_link, &remote)
            && let Some(address) = link_of(remote, &plan)?
        {
            plan = over_link(plan, &address);
        }
        plan.announce();
        let rules = Arc::new(Rules {
            component: plan.name.clone(),
            insecure: plan.insecure,
            advertise: plan.advertise.clone(),
            remote,
        });
        let mut sockets = Sockets::new(plan.context.clone());
        let mut found = Vec::new();
        let mut inlets = shared.inlets();
        let shelf = Shelf::default();
        for (index, planned) in plan.parts.iter_mut().enumerate() {
            let mut place = PlaceOf { rules: &rules, part: &planned.name, key: planned.key, addresses: &mut found };
            let mut opening = Opening {
                transport: &mut sockets,
                part: PartId(index),
                place: &mut place,
                inlets: &mut inlets,
                shelf: &shelf,
            };
            planned.part.open(&mut opening)?;
        }
        for planned in &mut plan.bypasses {
            let mut place = PlaceOf { rules: &rules, part: &planned.name, key: planned.key, addresses: &mut found };
            let mut opening = BypassOpening {
                place: &mut place,
                context: &plan.context,
                cache: &plan.cache,
                stats: &shared.stats,
                shelf: &shelf,
            };
            planned.part.open(&mut opening)?;
        }
        let found = publish(&plan, &own, &shared, found);
        let link = found.get(features::TOPIC).cloned();
        // Set once, here.
        let _ = addresses.set(found);
        let asked = plan.parts.iter().enumerate().filter(|(_, planned)| planned.part.answers());
        let asked: Vec<_> = asked.filter_map(|(index, planned)| Some((planned.key?, PartId(index)))).collect();
        shared.answer_asks(asked);
        for planned in std::mem::take(&mut plan.bypasses) {
            let (rules, context, cache) = (rules.clone(), plan.context.clone(), plan.cache.clone());
            let (shelf, shared) = (shelf.clone(), shared.clone());
            let supervised = Supervised { planned, rules, context, cache, shelf, shared: shared.clone() };
            shared.spawn(&tracing::Span::current(), move || supervised.run())?;
        }
        let rows = plan.rows();
        let description = plan.service.as_deref().map(crate::service::Service::description);
        let mut core = Router::new(plan.name.as_str().into(), rows, shared.stats.clone(), description, plan.messages);
        core.watch = Watch::new(plan.work_timeout);
        let parts = plan.parts.into_iter().map(|planned| planned.part).collect();
        let mut engine = Engine::new(core, parts, plan.service, plan.width);
        engine.set_link_address(link);
        Ok(Reactor::new(engine, sockets, inlets, wakeup))
    }
}

/// The address of the master's link, if it has one that answers.
fn link_of(master: &RemoteCache, plan: &Plan) -> Result<Option<String>> {
    let address = match master.get_within(features::TOPIC, None)? {
        Some(address) if !address.is_empty() => String::from_utf8_lossy(&address).into_owned(),
        _ => return Ok(None),
    };
    let mut socket = Socket::new(&plan.context, SocketKind::Dealer)?;
    socket.set_linger(Duration::ZERO);
    let hello = Frame::Hello(LinkHello { protocol: PROTOCOL, name: plan.name.clone(), ..LinkHello::default() });
    if socket.connect(&address).is_ok() && socket.send(None, false, hello.write()) == Sent::Done {
        socket.wait_alone(Ready::Read, LINK_TIMEOUT);
        if let Received::Message(answer) = socket.receive(|_| false)
            && let Some(Frame::Welcome(welcome)) = Frame::read(answer.body)
            && welcome.protocol == PROTOCOL
        {
            return Ok(Some(address));
        }
    }
    tracing::warn!("the link at {address} does not answer; the classic sockets are used");
    Ok(None)
}

/// Puts into the cache what peers look for there: the component's name, its addresses, what the user has preset.
fn publish(
    plan: &Plan,
    cache: &OwnKeys,
    shared: &Shared,
    found: Vec<(&'static str, String)>,
) -> BTreeMap<String, String> {
    let mut addresses = BTreeMap::new();
    for (key, address) in &found {
        let twins = found.iter().filter(|(other, _)| other == key).count();
        let key = if twins > 1 || plan.numbered == Some(key) {
            let number = addresses.keys().filter(|taken: &&String| taken.starts_with(*key)).count();
            format!("{key}_{number}")
        } else {
            (*key).to_owned()
        };
        addresses.insert(key, address.clone());
    }
    let mut read_only = ReadOnly::default();
    let own = addresses.iter().map(|(key, address)| (key.as_str(), address.as_bytes().to_vec()));
    let name = [
        ("name", plan.name.as_bytes().to_vec()),
        (features::KEY, features::json(addresses.get(features::TOPIC).map(String::as_str))),
        (OUTLINE_KEY, plan.outline().to_json().into_bytes()),
    ];
    for (key, value) in own.chain(name) {
        cache.publish(key, value);
        read_only.insert(key);
    }
    for (key, value) in &plan.presets {
        cache.publish(key, value.clone());
        read_only.insert(key);
    }
    shared.stop.set_read_only(read_only);
    addresses
}

impl Shared {
    /// Lets the cache service ask the parts that these keys belong to, and read the counters.
    fn answer_asks(self: &Arc<Self>, parts: Vec<(&'static str, PartId)>) {
        let shared = Arc::downgrade(self);
        let stats = self.stats.clone();
        self.stop.set_ask(move |key, asker| {
            if key == STATS_KEY {
                return Some(stats.json());
            }
            let (_, part) = *parts.iter().find(|(known, _)| *known == key)?;
            let (answer, answered) = std::sync::mpsc::channel();
            shared.upgrade()?.inbox.ask(Ask { part, asker: asker.to_owned(), answer });
            answered.recv_timeout(ASK_TIMEOUT).ok().flatten()
        });
    }

    /// No inlets yet. What other threads leave there wakes the reactor.
    fn inlets(self: &Arc<Self>) -> Inlets {
        let shared = Arc::downgrade(self);
        Inlets::new(self.stats.clone(), move || {
            if let Some(shared) = shared.upgrade() {
                shared.inbox.wake();
            }
        })
    }

    /// Starts the threads that calls of methods with `&self` run on; all of them or none.
    fn pool(self: &Arc<Self>, span: &tracing::Span, threads: usize) -> Result<()> {
        for number in 1..=threads {
            let (shared, name) = (self.clone(), format!("palm {} {number}", self.component.name));
            if let Err(error) = self.clone().spawn_named(name, span, move || shared.work()) {
                self.shut_down();
                return Err(error);
            }
        }
        Ok(())
    }

    fn spawn(self: Arc<Self>, span: &tracing::Span, run: impl FnOnce() + Send + 'static) -> Result<()> {
        let name = format!("palm {}", self.component.name);
        self.spawn_named(name, span, run)
    }

    fn spawn_named(
        self: Arc<Self>,
        name: String,
        span: &tracing::Span,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<()> {
        let span = span.clone();
        let ending = self.ending.clone();
        ending.enter();
        let leaves = ending.clone();
        let spawned = thread::Builder::new().name(name).spawn(move || {
            let _entered = span.enter();
            self.guard(run);
            drop(self);
            leaves.leave();
        });
        spawned.map(drop).map_err(|error| {
            ending.leave();
            Error::system("start a thread", error)
        })
    }
}

use std::time::Duration;

use bytes::Bytes;

use super::{Address, FromAddress, Outbound};
use crate::engine::link::Audience;
use crate::engine::{
    Addressee, Answer, Batch, Contents, Counter, Debt, Envelope, Hold, Item, Limits, Opening, Outcome, Part, Port, Turn,
};
use crate::error::Result;
use crate::features;
use crate::socket::{Incoming, Sent, SocketKind};
use crate::wire::Code;

/// When to try again where the transport was full.
const RETRY: Duration = Duration::from_millis(1);

/// Binds a PUB socket, and publishes each message to who subscribed to its topic. Cache key `pub_address`.
///
/// The topic is what `handle_stream` chose; without it the component's name if the stream is `pipelined` (the message is then
/// moved one stage on), otherwise the client's id. What nobody has subscribed to yet is held, and goes out when the
/// subscription arrives: up to [`hold_time`](Self::hold_time), and up to [`hold_bytes`](Self::hold_bytes) for each
/// topic, beyond which the component takes nothing more in. What expires is counted as `expired` and
/// logged; so are, as `superseded`, answers to a call that a classic client has given up for a new one.
///
/// ```
/// use palm::part::PubService;
/// let part = PubService::new("tcp://127.0.0.1:5556").pipelined(true);
/// ```
#[derive(Debug)]
pub struct PubService {
    address: Address,
    pipelined: bool,
    calls: bool,
    limits: Limits,
    hold: Hold,
    port: Option<Port>,
    /// Topics on which a session of the link is still to be told that the link goes on from here.
    change_overs: Vec<String>,
    /// The component's name, as a topic.
    server: Bytes,
}

impl PubService {
    /// The part at that address.
    pub fn new(address: impl Into<Address>) -> Self {
        Self {
            address: address.into(),
            pipelined: false,
            calls: true,
            limits: Limits::default(),
            hold: Hold::default(),
            port: None,
            change_overs: Vec::new(),
            server: Bytes::new(),
        }
    }

    /// Whether the stream goes on to another component. Default: it goes back to the client.
    #[must_use]
    pub const fn pipelined(mut self, pipelined: bool) -> Self {
        self.pipelined = pipelined;
        self
    }

    /// The name that pipelined messages are published under. Default: the component's.
    #[must_use]
    pub fn server(mut self, server: impl Into<String>) -> Self {
        self.server = server.into().into();
        self
    }

    /// How long a message waits for its subscriber. Default: 30 s.
    #[must_use]
    pub const fn hold_time(mut self, time: Duration) -> Self {
        self.limits.time = time;
        self
    }

    /// Bytes of messages that may wait for one subscriber before the intake pauses. Default: 16 MiB.
    ///
    /// For all subscribers together it is 256 MiB, or this if it is more.
    #[must_use]
    pub const fn hold_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Bytes of messages that may wait for all subscribers together. Default: 256 MiB, or `hold_bytes` if that is more.
    #[must_use]
    pub const fn hold_total(mut self, bytes: usize) -> Self {
        self.limits.total = bytes;
        self
    }

    /// How long a subscriber may take nothing of its results before they are dropped. Default: 600 s.
    #[must_use]
    pub const fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.limits.stall = timeout;
        self
    }

    /// Subscribers that a pipelined stream waits for. Default: 1.
    #[must_use]
    pub const fn expected_subscribers(mut self, subscribers: u32) -> Self {
        self.limits.subscribers = subscribers;
        self
    }

    /// For the controls of the fault tests: a classic client's calls are not told apart, any subscription of it will do.
    #[doc(hidden)]
    #[must_use]
    pub const fn without_calls(mut self) -> Self {
        self.calls = false;
        self
    }

    /// Publishes a message, or holds it until somebody has subscribed to it.
    fn publish(&mut self, turn: &mut Turn<'_>, contents: Contents) {
        let Some(port) = self.port else { return };
        let Contents { mut message, topic, debt, .. } = contents;
        let stage = match topic.map(Bytes::from) {
            Some(topic) => Some(topic),
            None if self.pipelined => {
                message.next_stage();
                Some(self.server.clone())
            }
            None => None,
        };
        let stage = stage.filter(|topic| *topic != message.client());
        let classic = message.id().is_none();
        let addressee = match &stage {
            Some(_) => Addressee::Stage,
            None if classic && self.calls => turn.core.calls.current(message.client()),
            None => Addressee::Client,
        };
        let topic = stage.unwrap_or_else(|| message.client_topic().clone());
        if classic {
            turn.core.calls.settled(message.client());
        }
        if topic.is_empty() {
            turn.count(Counter::Discarded, 1);
            tracing::warn!(function = message.function(), "dropped a message without a client: it has no topic");
            return turn.core.settle_branch(debt, &message, turn.now);
        }
        let answer = Answer { message, addressee, debt };
        let outcome = self.hold.offer(&topic, answer, turn.now, &mut sender(turn, port));
        self.note(turn, outcome);
    }

    /// Publishes answers for which nothing is owed, to a client that has subscribed and waits for none before them; gives back
    /// what is left when the transport is full.
    fn publish_batch(&mut self, turn: &mut Turn<'_>, mut batch: Batch) -> Option<Batch> {
        let Some(port) = self.port else { return Some(batch) };
        let (way, head) = (&batch.way, &mut turn.core.head);
        let mut taken = |item: &Item| {
            way.put_head(item, None, head);
            turn.transport.send_copy(port, Some(way.header.topic()), [head, &item.payload]) != Sent::Full
        };
        let sent = batch.items.iter().position(|item| !taken(item)).unwrap_or(batch.len());
        if sent > 0 {
            self.hold.answered(batch.way.header.topic(), turn.now);
        }
        let left = batch.items.split_off(sent);
        let left = (!left.is_empty()).then(|| batch.with(left));
        batch.close();
        left
    }

    fn subscription(&mut self, turn: &mut Turn<'_>, port: Port, topic: &Bytes) {
        let outcome = self.hold.subscribed(topic, turn.now, &mut sender(turn, port));
        self.note(turn, outcome);
        if topic == features::TOPIC.as_bytes() {
            // Whoever subscribes to this topic is told what we are, and knows that its earlier subscriptions have arrived.
            let _ = turn.transport.send(port, Some(topic), false, features::json(turn.core.link_address.as_deref()));
        }
    }

    /// Those who listen over the link have changed.
    fn attend(&mut self, turn: &mut Turn<'_>, port: Port) {
        let now = turn.now;
        for change in turn.core.links.take_audience() {
            match change {
                Audience::Joined { topic, replaces } => {
                    if let Some(session) = &replaces {
                        // All that was published before came before this word; all after it goes over the link.
                        self.change_overs.push(features::change_over(session));
                    }
                    let outcome = self.hold.linked(&topic, replaces.is_some(), now, &mut sender(turn, port));
                    self.note(turn, outcome);
                }
                Audience::Left { topic } => self.hold.unlinked(&topic),
            }
        }
        self.change_overs
            .retain(|topic| turn.transport.send(port, Some(topic.as_bytes()), false, Vec::new()) == Sent::Full);
        if !self.change_overs.is_empty() {
            turn.wake_in(RETRY);
        }
    }

    fn note(&self, turn: &mut Turn<'_>, outcome: Outcome) {
        for (topic, Answer { message, debt, .. }) in outcome.dropped {
            let text = format!("nobody took it under the topic `{}`", String::from_utf8_lossy(&topic));
            turn.core.undeliverable(message, debt, Code::NoWorkers, text, turn.now);
        }
        turn.core.tally.sent += outcome.sent;
        turn.count(Counter::Held, outcome.held);
        turn.core.stats.set_holding(self.hold.bytes());
        if outcome.expired > 0 {
            turn.count(Counter::Expired, outcome.expired);
            tracing::warn!(
                messages = outcome.expired,
                "dropped what nobody had subscribed to within {:?}",
                self.limits.time
            );
        }
        if outcome.stalled > 0 {
            turn.count(Counter::Stalled, outcome.stalled);
            tracing::warn!(
                messages = outcome.stalled,
                "dropped what its subscriber has not taken for {:?}",
                self.limits.stall
            );
        }
        if outcome.superseded > 0 {
            turn.count(Counter::Superseded, outcome.superseded);
            tracing::warn!(
                messages = outcome.superseded,
                "dropped answers to an earlier call of a client that makes a new one"
            );
        }
        if let Some(next) = self.hold.next(turn.now) {
            turn.wake_in(next.saturating_duration_since(turn.now));
        }
    }
}

fn sender<'t>(turn: &'t mut Turn<'_>, port: Port) -> impl FnMut(&Bytes, &Answer, bool) -> Sent + 't {
    move |topic, answer, published| {
        let Answer { message, debt, addressee } = answer;
        // First of all, since it may be full: what went over the link cannot be taken back.
        if published && turn.send(port, Some(topic), message) == Sent::Full {
            return Sent::Full;
        }
        if !turn.core.give(topic, message, *debt, published, turn.now) {
            turn.core.published(message, *debt, *addressee == Addressee::Stage, turn.now);
        }
        Sent::Done
    }
}

#[diagnostic::do_not_recommend]
impl FromAddress for PubService {
    fn at(address: Address) -> Self {
        Self::new(address)
    }
}

#[diagnostic::do_not_recommend]
impl Outbound for PubService {
    const BINDS: bool = true;
    const KEY: Option<&'static str> = Some("pub_address");
}

impl Part for PubService {
    fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
        self.hold = Hold::new(self.limits);
        if self.server.is_empty() {
            self.server = opening.component().to_owned().into();
        }
        self.port = Some(opening.bind(SocketKind::Pub, &self.address)?.port);
        Ok(())
    }

    fn receive(&mut self, turn: &mut Turn<'_>, port: Port, incoming: Incoming) {
        let topic = incoming.body.get(1..).map(|topic| incoming.body.slice_ref(topic)).unwrap_or_default();
        match incoming.body.first() {
            Some(1) => self.subscription(turn, port, &topic),
            Some(0) => self.hold.unsubscribed(&topic),
            _ => turn.count(Counter::Undecodable, 1),
        }
    }

    fn deliver(&mut self, turn: &mut Turn<'_>, envelope: Envelope) {
        if turn.core.is_unwanted(envelope.debt) {
            // Its client is gone for good.
            return turn.count(Counter::Cancelled, 1);
        }
        let Contents { message, topic, debt, .. } = &*envelope;
        let to = message.client_topic();
        let for_client = message.id().is_some() && topic.is_none() && !self.pipelined && !to.is_empty();
        if for_client && self.hold.passes(to, turn.now) {
            turn.core.tally.sent += 1;
            if !turn.core.give(to, message, *debt, false, turn.now) {
                turn.core.published(message, *debt, false, turn.now);
            }
            return envelope.close();
        }
        self.publish(turn, envelope.open());
    }

    fn takes_batches(&self) -> bool {
        true
    }

    fn deliver_batch(&mut self, turn: &mut Turn<'_>, batch: Batch) {
        let (to, count) = (batch.way.header.topic(), batch.len() as u64);
        let for_client = batch.way.client != 0 && !self.pipelined && !to.is_empty();
        let left = if !for_client {
            Some(batch)
        } else if self.hold.passes(to, turn.now) {
            turn.core.give_batch(batch, turn.now)
        } else if self.hold.is_heard(to) && batch.way.debt == Debt::NONE && turn.core.links.listener(to, 0).is_none() {
            self.publish_batch(turn, batch)
        } else {
            Some(batch)
        };
        turn.core.tally.sent += count - left.as_ref().map_or(0, Batch::len) as u64;
        left.into_iter().flat_map(Batch::into_envelopes).for_each(|envelope| self.deliver(turn, envelope));
    }

    fn resume(&mut self, turn: &mut Turn<'_>) {
        let Some(port) = self.port else { return };
        let now = turn.now;
        self.attend(turn, port);
        let outcome = self.hold.tick(now, &mut sender(turn, port));
        self.note(turn, outcome);
    }

    fn settles(&self) -> bool {
        true
    }

    fn is_full(&self) -> bool {
        self.hold.is_full()
    }

    fn is_idle(&self) -> bool {
        self.hold.is_empty()
    }
}

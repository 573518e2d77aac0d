use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::dialer::{Dialer, Welcomed};
use crate::engine::link::{Frame, Record, Violation};
use crate::engine::{Envelope, Port, Turn};
use crate::features;
use crate::socket::SocketKind;
use crate::wire::proto::LinkHello;

/// How long the publisher's word that the link goes on from here may take after the link has been acknowledged.
const CHANGE_OVER: Duration = Duration::from_secs(2);

/// The link to the component before this one, which takes the place of a subscription.
///
/// What was published before the link was acknowledged still comes over the subscription, and what is published after that
/// over the link alone, after a word on a topic of this session's own that says so: that is where one ends and the other
/// begins.
#[derive(Debug)]
pub(super) struct Upstream {
    dialer: Dialer,
    change_over: ChangeOver,
}

#[derive(Debug)]
enum ChangeOver {
    /// The subscription still counts; frames of the link wait.
    Waiting {
        early: VecDeque<Frame>,
        until: Option<Instant>,
    },
    Done,
}

impl Upstream {
    /// Connects to the link of the component that publishes a topic.
    pub(super) fn connect(turn: &mut Turn<'_>, address: &str, topic: &[u8]) -> crate::Result<Self> {
        let mut dialer = Dialer::new();
        dialer.set_hello(LinkHello {
            name: turn.component().to_owned(),
            topics: vec![Bytes::copy_from_slice(topic)],
            replaces: true,
            ..LinkHello::default()
        });
        let port = turn.transport.open(turn.part, SocketKind::Dealer)?;
        turn.transport.watch(port)?;
        turn.transport.beat(port)?;
        turn.transport.connect(port, address).map_err(|source| crate::Error::Address {
            component: turn.component().to_owned(),
            part: turn.core.part_name(turn.part).to_owned(),
            address: address.to_owned(),
            source,
        })?;
        dialer.port = Some(port);
        Ok(Self { dialer, change_over: ChangeOver::Waiting { early: VecDeque::new(), until: None } })
    }

    pub(super) fn is_at(&self, port: Port) -> bool {
        self.dialer.port == Some(port)
    }

    pub(super) fn greet(&self, turn: &mut Turn<'_>) {
        self.dialer.greet(turn);
    }

    /// Whether that is the topic of the word that the link goes on from here.
    pub(super) fn is_change_over(&self, topic: &[u8]) -> bool {
        topic == features::change_over(self.dialer.session_id()).as_bytes()
    }

    /// The link goes on from here: what had waited is taken in.
    pub(super) fn take_over(&mut self, turn: &mut Turn<'_>, intake: &mut dyn FnMut(&mut Turn<'_>, Envelope)) {
        let ChangeOver::Waiting { early, .. } = std::mem::replace(&mut self.change_over, ChangeOver::Done) else {
            return;
        };
        self.dialer.replaces_nothing();
        for frame in early {
            self.hear(turn, frame, intake);
        }
    }

    /// When the word has been waited for long enough, while it is.
    pub(super) const fn waits_until(&self) -> Option<Instant> {
        match self.change_over {
            ChangeOver::Waiting { until, .. } => until,
            ChangeOver::Done => None,
        }
    }

    pub(super) fn receive(
        &mut self,
        turn: &mut Turn<'_>,
        body: Bytes,
        intake: &mut dyn FnMut(&mut Turn<'_>, Envelope),
    ) {
        let Some(frame) = Frame::read(body) else { return turn.undecodable(&Violation::Frame) };
        match (&mut self.change_over, frame) {
            // Those of the session before count for nothing.
            (ChangeOver::Waiting { early, .. }, frame @ Frame::Data { .. }) if self.dialer.is_welcomed() => {
                early.push_back(frame);
            }
            (_, frame) => self.hear(turn, frame, intake),
        }
    }

    fn hear(&mut self, turn: &mut Turn<'_>, frame: Frame, intake: &mut dyn FnMut(&mut Turn<'_>, Envelope)) {
        if let Err(error) = self.try_hear(turn, frame, intake) {
            turn.undecodable(&error);
        }
    }

    fn try_hear(
        &mut self,
        turn: &mut Turn<'_>,
        frame: Frame,
        intake: &mut dyn FnMut(&mut Turn<'_>, Envelope),
    ) -> Result<(), Violation> {
        match frame {
            Frame::Welcome(welcome) => {
                let welcomed = self.dialer.welcome(turn, &welcome)?;
                let ChangeOver::Waiting { early, until } = &mut self.change_over else { return Ok(()) };
                match welcomed {
                    Welcomed::On => {
                        *until = Some(turn.now + CHANGE_OVER);
                        turn.wake_in(CHANGE_OVER);
                    }
                    Welcomed::Anew => {
                        // They are of the session before.
                        early.clear();
                        *until = None;
                    }
                    Welcomed::Late => {}
                }
            }
            Frame::Data { number, processed, records } => {
                let Some(mut records) = self.dialer.take_in(number, processed, records)? else { return Ok(()) };
                while !records.is_empty() {
                    match Record::read(&mut records).ok_or(Violation::Record)? {
                        Record::Open { stream, client, header } => {
                            self.dialer.session.opened(stream, client, &header)?;
                        }
                        Record::Reset => self.dialer.session.reset(),
                        Record::Message { stream, request, extra, payload } => {
                            let message = self.dialer.session.message(stream, request, &extra, payload)?;
                            let debt = turn.core.debts.enter(message.id(), turn.part);
                            intake(turn, Envelope::new(message, None, debt));
                        }
                        _ => return Err(Violation::Record),
                    }
                }
                self.dialer.done(turn, number);
            }
            Frame::Ack { processed } => self.dialer.session.acked(processed)?,
            Frame::Cancel { client, call } => turn.core.cancel(client, call, turn.now),
            Frame::Alive => {}
            Frame::Hello(_) | Frame::Bye => return Err(Violation::Frame),
        }
        Ok(())
    }

    /// Tells the component before this one that messages of it are settled.
    pub(super) fn settled(&mut self, turn: &mut Turn<'_>, client: u64, request: u64, branches: u32, results: u32) {
        self.dialer.session.push(&Record::<&[u8]>::Settled { client, request, branches, results });
        turn.flush_soon();
    }

    pub(super) fn flush(&mut self, turn: &mut Turn<'_>, at_rest: bool) {
        self.dialer.flush(turn, at_rest);
    }

    pub(super) fn close(&mut self, turn: &mut Turn<'_>) {
        self.dialer.close(turn);
    }
}

//! Inbound parts over a PULL socket.

use std::fmt;

use super::hooks::{Hooks, Plain};
use super::{Address, FromAddress, Inbound};
use crate::engine::{Envelope, Opening, Part, Port, Turn};
use crate::error::Result;
use crate::service::Messages;
use crate::socket::{Incoming, Peer, SocketKind};
use crate::wire::{Message, Streams};

/// Takes what comes in to the router: what all inbound parts share.
pub(super) struct Intake {
    pub(super) hooks: Option<Box<dyn Hooks>>,
    streams: Streams,
    /// Messages come from outside the component's own cluster of workers: they are marked, and their calls are told apart.
    from_outside: bool,
    /// Messages are results of this component's workers.
    results: bool,
    /// Messages whose feedback has not come, if the part blocks.
    waiting: usize,
}

impl Intake {
    pub(super) fn new(from_outside: bool, results: bool) -> Self {
        Self { hooks: None, streams: Streams::default(), from_outside, results, waiting: 0 }
    }

    pub(super) fn take(&mut self, turn: &mut Turn<'_>, incoming: Incoming) {
        let peer = incoming.peer;
        let Some(hooks) = &mut self.hooks else {
            match self.streams.decode(incoming.body) {
                Ok(message) => self.enter(turn, message, peer),
                Err(error) => turn.undecodable(&error),
            }
            return;
        };
        match hooks.to_router(incoming.body) {
            Ok(message) => {
                let mut messages = Vec::new();
                hooks.scatter(message, &mut Messages::new(&mut |message| messages.push(message)));
                messages.into_iter().for_each(|message| self.enter(turn, message, peer));
            }
            Err(error) => turn.undecodable(&*error),
        }
    }

    fn enter(&mut self, turn: &mut Turn<'_>, mut message: Message, peer: Option<Peer>) {
        if self.from_outside {
            message.identify();
            if message.id().is_none() {
                turn.core.calls.asked(message.client(), peer);
            }
        }
        if self.results && !turn.core.judge(&mut message, turn.now) {
            return;
        }
        if turn.blocks() {
            self.waiting += 1;
            turn.route_waiting(message, 0);
        } else {
            turn.collect(message);
        }
    }

    /// A message that came in over the link.
    pub(super) fn enter_linked(&mut self, turn: &mut Turn<'_>, envelope: Envelope) {
        if envelope.message.id().is_none() {
            turn.core.calls.asked(envelope.message.client(), None);
        }
        if turn.blocks() {
            self.waiting += 1;
            turn.core.lose_track(envelope.debt, &envelope.message);
            turn.route_waiting(envelope.open().message, 0);
        } else {
            turn.route(envelope);
        }
    }

    pub(super) fn feedback(&mut self, message: Option<&Message>) {
        match message {
            Some(message) => self.hooks.as_deref_mut().unwrap_or(&mut Plain).handle_feedback(message),
            None => self.waiting = self.waiting.saturating_sub(1),
        }
    }

    pub(super) const fn is_waiting(&self) -> bool {
        self.waiting > 0
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

macro_rules! pull_part {
    ($(#[$docs:meta])* $name:ident, binds: $binds:literal, key: $key:expr, from_outside: $outside:literal, results: $results:literal) => {
        $(#[$docs])*
        #[derive(Debug)]
        pub struct $name {
            address: Address,
            intake: Intake,
        }

        impl $name {
            /// The part at that address.
            pub fn new(address: impl Into<Address>) -> Self {
                Self { address: address.into(), intake: Intake::new($outside, $results) }
            }

            /// Replaces what the part does with each message.
            #[must_use]
            pub fn hooks(mut self, hooks: impl Hooks) -> Self {
                self.intake.hooks = Some(Box::new(hooks));
                self
            }
        }

        #[diagnostic::do_not_recommend]
        impl FromAddress for $name {
            fn at(address: Address) -> Self {
                Self::new(address)
            }
        }

        #[diagnostic::do_not_recommend]
        impl Inbound for $name {
            const BINDS: bool = $binds;
            const KEY: Option<&'static str> = $key;
        }

        impl Part for $name {
            fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
                if $binds {
                    opening.bind_watched(SocketKind::Pull, &self.address)?;
                } else {
                    opening.connect_watched(SocketKind::Pull, &self.address)?;
                }
                Ok(())
            }

            fn receive(&mut self, turn: &mut Turn<'_>, _port: Port, incoming: Incoming) {
                self.intake.take(turn, incoming);
            }

            fn feedback(&mut self, _turn: &mut Turn<'_>, _token: u64, message: Option<Message>) {
                self.intake.feedback(message.as_ref());
            }

            fn is_full(&self) -> bool {
                self.intake.is_waiting()
            }

            fn brings_results(&self) -> bool {
                $results
            }

            fn is_linkable(&self) -> bool {
                $binds && $outside && self.intake.hooks.is_none()
            }
        }
    };
}

pull_part! {
    /// Binds a PULL socket for clients, and routes what comes in. Cache key `pull_address`.
    ///
    /// A message without an identifier, be it `id` or in its `cache` field, gets one there. With `blocking` it takes the
    /// next message only after the router's feedback for the last one.
    ///
    /// ```
    /// use palm::part::PullService;
    /// let part = PullService::new("tcp://127.0.0.1:5555");
    /// ```
    PullService, binds: true, key: Some("pull_address"), from_outside: true, results: false
}

pull_part! {
    /// Binds a PULL socket for the results of workers, and routes them as they are. Cache key `worker_pull_address`.
    ///
    /// ```
    /// use palm::part::WorkerPullService;
    /// let part = WorkerPullService::new("tcp://127.0.0.1:5557");
    /// ```
    WorkerPullService, binds: true, key: Some("worker_pull_address"), from_outside: false, results: true
}

pull_part! {
    /// Connects a PULL socket to a PUSH service, and routes what comes in.
    ///
    /// ```
    /// use palm::part::PullConnection;
    /// let part = PullConnection::new("tcp://127.0.0.1:5558");
    /// ```
    PullConnection, binds: false, key: None, from_outside: false, results: false
}

//! Outbound parts over a PUSH socket.

use std::collections::VecDeque;
use std::fmt;

use super::hooks::Hooks;
use super::{Address, FromAddress, Outbound};
use crate::engine::{Contents, Counter, Envelope, Opening, Part, Port, Turn};
use crate::error::Result;
use crate::service::Messages;
use crate::socket::{Sent, SocketKind};
use crate::wire::Message;

/// Hands messages to PUSH peers, and keeps what none of them can take now.
struct Outlet {
    hooks: Option<Box<dyn Hooks>>,
    port: Option<Port>,
    waiting: VecDeque<Message>,
}

impl Outlet {
    const fn new() -> Self {
        Self { hooks: None, port: None, waiting: VecDeque::new() }
    }

    fn deliver(&mut self, turn: &mut Turn<'_>, envelope: Envelope) {
        let Self { hooks, waiting, .. } = self;
        let Contents { message, .. } = envelope.open();
        let Some(hooks) = hooks else { return self.offer(turn, message) };
        hooks.scatter(message, &mut Messages::new(&mut |message| waiting.push_back(message)));
        self.flush(turn);
    }

    fn offer(&mut self, turn: &mut Turn<'_>, message: Message) {
        if self.waiting.is_empty() && self.send(turn, &message) {
            return;
        }
        self.waiting.push_back(message);
        self.watch(turn);
    }

    fn flush(&mut self, turn: &mut Turn<'_>) {
        while let Some(message) = self.waiting.pop_front() {
            if !self.send(turn, &message) {
                self.waiting.push_front(message);
                break;
            }
        }
        self.watch(turn);
    }

    fn send(&mut self, turn: &mut Turn<'_>, message: &Message) -> bool {
        let Some(port) = self.port else { return false };
        let sent = match &mut self.hooks {
            None => turn.send(port, None, message),
            Some(hooks) => turn.transport.send(port, None, false, hooks.from_router(message)),
        };
        if sent == Sent::Done {
            turn.count(Counter::Sent, 1);
        }
        sent == Sent::Done
    }

    fn watch(&self, turn: &mut Turn<'_>) {
        if let Some(port) = self.port {
            turn.watch_writable(port, !self.waiting.is_empty());
        }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

macro_rules! push_part {
    ($(#[$docs:meta])* $name:ident, binds: $binds:literal, key: $key:expr) => {
        $(#[$docs])*
        #[derive(Debug)]
        pub struct $name {
            address: Address,
            outlet: Outlet,
        }

        impl $name {
            /// The part at that address.
            pub fn new(address: impl Into<Address>) -> Self {
                Self { address: address.into(), outlet: Outlet::new() }
            }

            /// Replaces what the part does with each message.
            #[must_use]
            pub fn hooks(mut self, hooks: impl Hooks) -> Self {
                self.outlet.hooks = Some(Box::new(hooks));
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
        impl Outbound for $name {
            const BINDS: bool = $binds;
            const KEY: Option<&'static str> = $key;
        }

        impl Part for $name {
            fn open(&mut self, opening: &mut Opening<'_>) -> Result<()> {
                self.outlet.port = Some(if $binds {
                    opening.bind(SocketKind::Push, &self.address)?.port
                } else {
                    opening.connect_watched(SocketKind::Push, &self.address)?
                });
                Ok(())
            }

            fn deliver(&mut self, turn: &mut Turn<'_>, envelope: Envelope) {
                self.outlet.deliver(turn, envelope);
            }

            fn resume(&mut self, turn: &mut Turn<'_>) {
                self.outlet.flush(turn);
            }

            fn is_full(&self) -> bool {
                !self.outlet.waiting.is_empty()
            }

            fn is_idle(&self) -> bool {
                self.outlet.waiting.is_empty()
            }
        }
    };
}

push_part! {
    /// Binds a PUSH socket, and hands each message to one of the peers that pull. Full while there is none.
    ///
    /// ```
    /// use palm::part::PushService;
    /// let part = PushService::new("tcp://127.0.0.1:5558");
    /// ```
    PushService, binds: true, key: Some("push_address")
}

push_part! {
    /// Connects a PUSH socket to a PULL service, and hands it each message.
    ///
    /// ```
    /// use palm::part::PushConnection;
    /// let part = PushConnection::new("tcp://127.0.0.1:5557");
    /// ```
    PushConnection, binds: false, key: None
}

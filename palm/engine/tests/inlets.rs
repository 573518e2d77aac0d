//! What other threads bring: it is taken in where there is room for it, and nothing of it is lost.

use std::sync::{Arc, Mutex};

use super::client::numbers;
use super::cluster::seeds;
use crate::ServerTemplate;
use crate::engine::{Counter, Envelope, Inlet, NotTaken, Opening, Part, Turn};
use crate::part::{Inbound, Outbound, PullService, PushService, SocketKind};
use crate::topology::Route;
use crate::wire::Message;

/// Where a test gets hold of a part's inlet, and sees what was not taken.
#[derive(Clone, Default)]
struct Door {
    inlet: Arc<Mutex<Option<Inlet>>>,
    turned_away: Arc<Mutex<Vec<u64>>>,
}

impl Door {
    fn offer(&self, number: u64) -> Result<(), NotTaken> {
        let inlet = self.inlet.lock().unwrap().clone().unwrap();
        inlet.offer(number, Some(Message::new("x.foo", number.to_string())))
    }
}

impl Part for Door {
    fn open(&mut self, opening: &mut Opening<'_>) -> crate::Result<()> {
        *self.inlet.lock().unwrap() = Some(opening.inlet(32));
        Ok(())
    }

    fn arrived(&mut self, turn: &mut Turn<'_>, number: u64, message: Option<Message>) {
        match message {
            Some(message) => turn.route(message),
            None => self.turned_away.lock().unwrap().push(number),
        }
    }
}

impl Inbound for Door {
    const BINDS: bool = false;
}

/// Has each message done by another thread: the test.
#[derive(Clone, Default)]
struct Elsewhere {
    inlet: Arc<Mutex<Option<Inlet>>>,
    under_way: Arc<Mutex<Vec<Envelope>>>,
}

impl Elsewhere {
    fn bring_back(&self) {
        for (number, envelope) in self.under_way.lock().unwrap().iter().enumerate() {
            let result = envelope.message.clone().with_payload(format!("<{number}>"));
            let inlet = self.inlet.lock().unwrap().clone().unwrap();
            inlet.offer(number as u64, Some(result)).unwrap();
        }
    }
}

impl Part for Elsewhere {
    fn open(&mut self, opening: &mut Opening<'_>) -> crate::Result<()> {
        *self.inlet.lock().unwrap() = Some(opening.inlet(100));
        Ok(())
    }

    fn deliver(&mut self, _turn: &mut Turn<'_>, envelope: Envelope) {
        self.under_way.lock().unwrap().push(envelope);
    }

    fn arrived(&mut self, turn: &mut Turn<'_>, number: u64, message: Option<Message>) {
        let envelope = self.under_way.lock().unwrap()[number as usize].clone();
        turn.route(envelope.with(message.unwrap()));
    }
}

impl Outbound for Elsewhere {
    const BINDS: bool = false;
    const REPLIES: bool = true;
}

#[test]
fn what_is_brought_waits_outside_while_the_way_is_full() {
    seeds(200, |cluster| {
        let door = Door::default();
        let template = ServerTemplate::new("server").register_inbound("Door", door.clone(), "Push").register_outbound(
            "Push",
            PushService::new("out"),
            Route::exterior(),
        );
        let node = cluster.add(template.plan());
        let pull = cluster.net.connected(SocketKind::Pull, "out");
        cluster.net.sockets[pull].paused = true;
        (0..30).for_each(|number| door.offer(number).unwrap());
        cluster.settle();
        // Eight on the way to the peer that does not read, one more that makes the part full.
        assert_eq!(cluster.count(node, Counter::Received), 9);
        let taken = (30..60).filter(|number| door.offer(*number).is_ok()).count();
        assert_eq!((taken, cluster.count(node, Counter::Refused)), (11, 19));
        cluster.net.sockets[pull].paused = false;
        cluster.settle();
        assert_eq!(cluster.payloads(pull), numbers(0..41, |number| number.to_string()));
        assert!(cluster.engine(node).is_idle());
    });
}

#[test]
fn results_from_elsewhere_wait_while_the_way_on_is_full() {
    seeds(200, |cluster| {
        let part = Elsewhere::default();
        let template = ServerTemplate::new("server")
            .register_inbound("Pull", PullService::new("in"), "Elsewhere")
            .register_outbound("Elsewhere", part.clone(), "Push")
            .register_outbound("Push", PushService::new("out"), Route::exterior());
        let node = cluster.add(template.plan());
        let pull = cluster.net.connected(SocketKind::Pull, "out");
        cluster.net.sockets[pull].paused = true;
        cluster.sends("in", (0..30).map(|number| Message::new("x.foo", number.to_string())));
        cluster.settle();
        assert_eq!(part.under_way.lock().unwrap().len(), 30);
        part.bring_back();
        cluster.settle();
        assert_eq!(cluster.count(node, Counter::Sent), 8);
        cluster.net.sockets[pull].paused = false;
        cluster.settle();
        assert_eq!(cluster.payloads(pull), numbers(0..30, |number| format!("<{number}>")));
    });
}

#[test]
fn what_waits_at_the_end_is_turned_away_and_told() {
    seeds(50, |cluster| {
        let door = Door::default();
        let template = ServerTemplate::new("server").register_inbound("Door", door.clone(), "Push").register_outbound(
            "Push",
            PushService::new("out"),
            Route::exterior(),
        );
        let node = cluster.add(template.plan());
        (0..10).for_each(|number| door.offer(number).unwrap());
        cluster.settle();
        assert_eq!(cluster.count(node, Counter::Received), 1, "nobody pulls");
        cluster.drain(node);
        assert_eq!(*door.turned_away.lock().unwrap(), (1..10).collect::<Vec<_>>());
        assert_eq!(door.offer(10), Err(NotTaken::Closed));
    });
}

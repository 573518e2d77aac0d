//! The thread that reads the answers while tasks wait for them and no thread does.
//!
//! It is started by the first future of a client, and ends with the client. It also keeps the time of the tasks, and hands
//! over what did not fit into the socket at once.

use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::calls::{DRIVER, Rouse, Successor};
use super::connection::Connection;
use super::inbox::Inbox;
use super::outbox::Outbox;
use crate::error::{Error, Result};

/// How long it goes on reading when no task waits any more: another one is likely.
const LINGER: Duration = Duration::from_millis(100);

/// How soon what did not fit is tried again.
const RETRY: Duration = Duration::from_millis(1);

/// Starts the driver unless it runs.
pub(super) fn start(connection: &Arc<Connection>) -> Result<()> {
    let mut driver = connection.driver.lock().unwrap_or_else(PoisonError::into_inner);
    if driver.is_none() {
        // Weak, so that it keeps no socket open.
        let weak = Arc::downgrade(connection);
        let started = thread::Builder::new().name("palm-client".to_owned()).spawn(move || run(&weak));
        *driver = Some(started.map_err(|error| Error::system("start the thread of a client", error))?.thread().clone());
    }
    Ok(())
}

fn run(connection: &Weak<Connection>) {
    while let Some(connection) = connection.upgrade() {
        connection.drive();
        drop(connection);
        // Whoever needs it, and the end of the client, unparks it; that is remembered.
        thread::park();
    }
}

impl Connection {
    /// Sends a frame of a call now, or as soon as there is room.
    pub(super) fn send_soon(&self, outbox: &Outbox, call: u32, frame: [&[u8]; 2]) {
        if !outbox.send_soon(call, frame) {
            let rouse = self.core().calls.rouse(Some(Instant::now() + RETRY));
            self.rouse(rouse);
        }
    }

    pub(super) fn rouse(&self, rouse: Rouse) {
        match rouse {
            Rouse::No => {}
            Rouse::Wake => self.waker.wake(),
            Rouse::Unpark => {
                if let Some(driver) = &*self.driver.lock().unwrap_or_else(PoisonError::into_inner) {
                    driver.unpark();
                }
            }
        }
    }

    pub(super) fn succeed(&self, successor: Successor) {
        match successor {
            Successor::Nobody => {}
            Successor::Thread(thread) => thread.wake(),
            Successor::Driver(rouse) => self.rouse(rouse),
        }
    }

    /// Leads while tasks wait and nobody else does.
    fn drive(&self) {
        let mut lead: Option<MutexGuard<'_, Inbox>> = None;
        let mut woken = Vec::new();
        let mut idle: Option<Instant> = None;
        let mut core = self.core();
        loop {
            let calls = &mut core.calls;
            calls.driver_looks();
            let now = Instant::now();
            calls.due(now, &mut woken);
            let queued = self.outbox.as_ref().is_some_and(|outbox| outbox.flush(|call| calls.is_open(call)));
            idle = if calls.has_tasks() || queued { None } else { Some(idle.unwrap_or(now)) };
            let rest = idle.map(|since| since + LINGER);
            if woken.is_empty() && (calls.driver_is_in_the_way() || rest.is_some_and(|rest| now >= rest)) {
                break;
            }
            if lead.is_none() && calls.lead(DRIVER) {
                // Free: whoever led before let go of it before it stepped down.
                lead = Some(self.inbox());
            }
            let until = [calls.next_due(), rest, queued.then(|| now + RETRY)].into_iter().flatten().min();
            if woken.is_empty() {
                calls.driver_waits(until);
                drop(core);
                let left = until.map(|until| until.saturating_duration_since(now));
                match (&mut lead, left) {
                    (Some(inbox), left) => self.read(inbox, left),
                    (None, Some(left)) => thread::park_timeout(left),
                    (None, None) => thread::park(),
                }
            } else {
                drop(core);
                woken.drain(..).for_each(super::calls::Waiter::wake);
            }
            core = match &mut lead {
                Some(inbox) => self.hand_out(inbox, &mut woken),
                None => self.core(),
            };
        }
        if lead.take().is_some() {
            core.calls.step_down();
        }
        core.calls.driver_parks();
        let successor = core.calls.successor();
        drop(core);
        self.succeed(successor);
    }
}

//! The thread that reads the answers while tasks wait for them and no thread does.
//!
//! It is started by the first future of a client, and ends with the client. It also keeps the time of the tasks, and hands
//! over what did not fit into the socket at once.

use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::calls::{DRIVER, Rouse, Successor};
use super::link::{Inbox, Link};
use crate::error::{Error, Result};

/// How long it goes on reading when no task waits any more: another one is likely.
const LINGER: Duration = Duration::from_millis(100);

/// How soon what did not fit is tried again.
const RETRY: Duration = Duration::from_millis(1);

/// Starts the driver unless it runs.
pub(super) fn start(link: &Arc<Link>) -> Result<()> {
    let mut driver = link.driver.lock().unwrap_or_else(PoisonError::into_inner);
    if driver.is_none() {
        // Weak, so that it keeps no socket open.
        let weak = Arc::downgrade(link);
        let started = thread::Builder::new().name("palm-client".to_owned()).spawn(move || run(&weak));
        *driver = Some(started.map_err(|error| Error::system("start the thread of a client", error))?.thread().clone());
    }
    Ok(())
}

fn run(link: &Weak<Link>) {
    while let Some(link) = link.upgrade() {
        link.drive();
        drop(link);
        // Whoever needs it, and the end of the client, unparks it; that is remembered.
        thread::park();
    }
}

impl Link {
    /// Sends a frame of a call now, or as soon as there is room.
    pub(super) fn send_soon(&self, call: u64, frame: &[u8]) {
        if !self.outbox.send_soon(call, frame) {
            let rouse = self.calls().rouse(Some(Instant::now() + RETRY));
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
        let mut calls = self.calls();
        loop {
            calls.driver_looks();
            let now = Instant::now();
            calls.due(now, &mut woken);
            let queued = self.outbox.flush(|call| calls.is_open(call));
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
                drop(calls);
                let left = until.map(|until| until.saturating_duration_since(now));
                match (&mut lead, left) {
                    (Some(inbox), left) => inbox.read(left),
                    (None, Some(left)) => thread::park_timeout(left),
                    (None, None) => thread::park(),
                }
            } else {
                drop(calls);
                woken.drain(..).for_each(super::calls::Waiter::wake);
            }
            calls = self.calls();
            if let Some(inbox) = &mut lead {
                woken.extend(inbox.batch.drain(..).filter_map(|message| calls.deliver(message)));
            }
        }
        if lead.take().is_some() {
            calls.step_down();
        }
        calls.driver_parks();
        let successor = calls.successor();
        drop(calls);
        self.succeed(successor);
    }
}

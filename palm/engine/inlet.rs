//! What other threads leave for a part, and how the thread that drives the component hears of it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::envelope::PartId;
use super::stats::{Counter, Stats};
use crate::wire::Message;

/// Where other threads leave messages for a part: a queue with a bound, made by [`Opening::inlet`](super::Opening::inlet).
///
/// The component takes what lies there when there is room behind the part, and calls
/// [`Part::arrived`](super::Part::arrived) with it. Clones lead to the same queue; dropping them changes nothing.
///
/// ```
/// use palm::part::{Inbound, Inlet, Opening, Part, Turn};
///
/// /// Brings in what a thread of its own counts.
/// struct Counting;
///
/// impl Part for Counting {
///     fn open(&mut self, opening: &mut Opening<'_>) -> palm::Result<()> {
///         let inlet = opening.inlet(64);
///         std::thread::spawn(move || {
///             for number in 0..3_u64 {
///                 if inlet.offer(number, Some(palm::Message::new("server.foo", number.to_string()))).is_err() {
///                     break;
///                 }
///             }
///         });
///         Ok(())
///     }
///
///     fn arrived(&mut self, turn: &mut Turn<'_>, _number: u64, message: Option<palm::Message>) {
///         if let Some(message) = message {
///             turn.route(message);
///         }
///     }
/// }
///
/// impl Inbound for Counting {
///     const BINDS: bool = false;
/// }
/// ```
#[derive(Clone)]
pub struct Inlet(Arc<Queue>);

struct Queue {
    bell: Arc<Bell>,
    limit: usize,
    contents: Mutex<Contents>,
    stats: Arc<Stats>,
}

#[derive(Default)]
struct Contents {
    waiting: VecDeque<Arrival>,
    closed: bool,
}

/// A number that the part knows, and a message, or that there is none.
type Arrival = (u64, Option<Message>);

/// Why something was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// As much as the queue holds waits there already.
    #[error("too much is waiting")]
    Full,
    /// The component ends.
    #[error("the component is shutting down")]
    Closed,
}

impl Inlet {
    /// Leaves a message for the part, or the news that there is none, with a number that the part makes something of. Never
    /// waits.
    ///
    /// # Errors
    /// The queue is full, which is counted as `refused`; or the component ends.
    pub fn offer(&self, number: u64, message: Option<Message>) -> Result<(), NotTaken> {
        let mut contents = self.lock();
        if contents.closed {
            return Err(NotTaken::Closed);
        }
        if contents.waiting.len() >= self.0.limit {
            self.0.stats.add(Counter::Refused, 1);
            return Err(NotTaken::Full);
        }
        contents.waiting.push_back((number, message));
        drop(contents);
        self.0.bell.ring();
        Ok(())
    }

    /// The component's counters.
    #[cfg(feature = "http")]
    pub(crate) fn stats(&self) -> &Arc<Stats> {
        &self.0.stats
    }

    pub(crate) fn take(&self) -> Option<Arrival> {
        self.lock().waiting.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    /// Takes nothing more, and gives what waits.
    fn close(&self) -> VecDeque<Arrival> {
        let mut contents = self.lock();
        contents.closed = true;
        std::mem::take(&mut contents.waiting)
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inlet").field("waiting", &self.lock().waiting.len()).finish_non_exhaustive()
    }
}

/// Tells the thread that drives the component that something lies in an inlet.
struct Bell {
    rung: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Bell {
    fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        (self.wake)();
    }
}

/// The inlets of a component. When they are dropped, nothing more is taken.
pub(crate) struct Inlets {
    bell: Arc<Bell>,
    stats: Arc<Stats>,
    open: Vec<(PartId, Inlet)>,
}

impl Inlets {
    /// `wake` ends the wait of the thread that drives the component.
    pub(crate) fn new(stats: Arc<Stats>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let bell = Bell { rung: AtomicBool::new(false), wake: Box::new(wake) };
        Self { bell: Arc::new(bell), stats, open: Vec::new() }
    }

    pub(super) fn open(&mut self, part: PartId, limit: usize) -> Inlet {
        let contents = Mutex::default();
        let inlet = Inlet(Arc::new(Queue { bell: self.bell.clone(), limit, contents, stats: self.stats.clone() }));
        self.open.push((part, inlet.clone()));
        inlet
    }

    /// Whether something was left since the last time; whoever leaves something from here on is heard the next time.
    pub(crate) fn has_heard(&self) -> bool {
        self.bell.rung.swap(false, Ordering::AcqRel)
    }

    /// Each inlet with its part.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PartId, &Inlet)> {
        self.open.iter().map(|(part, inlet)| (*part, inlet))
    }

    /// What could not be taken yet is looked at the next time too.
    pub(crate) fn look_again(&self) {
        self.bell.rung.store(true, Ordering::Release);
    }

    /// Takes nothing more for the parts that `which` says, and gives the numbers of what waits there.
    pub(crate) fn close(&self, which: impl Fn(PartId) -> bool) -> Vec<(PartId, u64)> {
        let closed = self.iter().filter(|(part, _)| which(*part));
        closed.flat_map(|(part, inlet)| inlet.close().into_iter().map(move |(number, _)| (part, number))).collect()
    }
}

impl Drop for Inlets {
    fn drop(&mut self) {
        let left = self.close(|_| true).len();
        self.stats.add(Counter::Discarded, left as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inlets() -> Inlets {
        Inlets::new(Arc::default(), || {})
    }

    #[test]
    fn a_full_inlet_says_so_and_a_closed_one_too() {
        let mut inlets = inlets();
        let inlet = inlets.open(PartId(0), 2);
        assert!(!inlets.has_heard());
        assert_eq!([0, 1, 2].map(|number| inlet.offer(number, None)), [Ok(()), Ok(()), Err(NotTaken::Full)]);
        assert!(inlets.has_heard() && !inlets.has_heard());
        assert_eq!(inlet.take().map(|arrival| arrival.0), Some(0));
        assert_eq!(inlets.close(|_| true), [(PartId(0), 1)]);
        assert_eq!(inlet.offer(3, None), Err(NotTaken::Closed));
        assert_eq!(inlets.stats.get(Counter::Refused), 1);
    }

    #[test]
    fn what_is_left_when_the_component_ends_is_counted() {
        let mut inlets = inlets();
        let (inlet, stats) = (inlets.open(PartId(0), 2), inlets.stats.clone());
        inlet.offer(0, None).expect("there is room");
        drop(inlets);
        assert_eq!((inlet.offer(1, None), stats.get(Counter::Discarded)), (Err(NotTaken::Closed), 1));
    }
}

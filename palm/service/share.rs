//! Whether threads may share an object.

use std::sync::Arc;

use super::Service;
use super::construct::Probe;

/// The probe's way for a type that is `Sync`.
pub trait BySync<T> {
    /// Moves it to where threads can share it.
    fn share(&self, service: Box<T>) -> Option<Arc<dyn Service + Sync>>;
}

impl<T: Service + Sync> BySync<T> for Probe<T> {
    fn share(&self, service: Box<T>) -> Option<Arc<dyn Service + Sync>> {
        Some(Arc::new(*service))
    }
}

/// The probe's way for a type that only one thread at a time may use.
pub trait ByTurns<T> {
    /// Is no way.
    fn share(&self, service: Box<T>) -> Option<Arc<dyn Service + Sync>>;
}

impl<T> ByTurns<T> for &Probe<T> {
    fn share(&self, _: Box<T>) -> Option<Arc<dyn Service + Sync>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Both;

    #[crate::worker]
    impl Both {
        fn foo(&self) {}
        fn bar(&mut self) {}
    }

    struct Turns(Cell<u32>);

    #[crate::worker]
    impl Turns {
        fn foo(&self) {
            self.0.set(1);
        }
    }

    struct Alone;

    #[crate::worker]
    impl Alone {
        fn foo(&mut self) {}
    }

    #[test]
    fn what_is_sync_and_has_a_method_for_it_is_shared() {
        assert!((Box::new(Both) as Box<dyn Service>).share().is_some());
        assert!((Box::new(Turns(Cell::new(0))) as Box<dyn Service>).share().is_none());
        assert!((Box::new(Alone) as Box<dyn Service>).share().is_none());
        assert_eq!(Both.description().methods.iter().map(|method| method.shared).collect::<Vec<_>>(), [true, false]);
    }
}

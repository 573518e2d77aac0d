//! What parts of one component have in common.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Values that the parts of a component share, by type and name.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<Values>>);

type Values = HashMap<(TypeId, String), Arc<dyn Any + Send + Sync>>;

impl Shelf {
    /// The value of that name, made if there is none.
    pub(crate) fn get<T: Default + Send + Sync + 'static>(&self, name: &str) -> Arc<T> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values.entry((TypeId::of::<T>(), name.to_owned())).or_insert_with(|| Arc::new(T::default()));
        // The key holds the type, so that it is always the right one.
        Arc::downcast(value.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_type_lead_to_one_value() {
        let shelf = Shelf::default();
        let value: Arc<Mutex<u32>> = shelf.get("a");
        assert!(Arc::ptr_eq(&value, &shelf.get("a")));
        assert!(!Arc::ptr_eq(&value, &shelf.get("b")));
        let other: Arc<Mutex<String>> = shelf.get("a");
        assert_eq!(*other.lock().expect("nobody has it"), "");
    }
}

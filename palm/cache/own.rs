use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;

use super::Cache;
use crate::error::Result;

/// A component's cache: its own keys, which are about this run of this component alone, before a store that may outlive it or
/// be shared by several.
pub(crate) struct OwnKeys {
    own: RwLock<HashMap<Box<str>, Bytes>>,
    store: Arc<dyn Cache>,
}

impl OwnKeys {
    pub(crate) fn new(store: Arc<dyn Cache>) -> Self {
        Self { own: RwLock::default(), store }
    }

    /// Makes a key one of the component's own.
    pub(crate) fn publish(&self, key: &str, value: impl Into<Bytes>) {
        self.write().insert(key.into(), value.into());
    }

    /// Changes one of the component's own keys; `false` if it is none.
    fn replace(&self, key: &str, value: &Bytes) -> bool {
        self.write().get_mut(key).map(|own| *own = value.clone()).is_some()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Box<str>, Bytes>> {
        self.own.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Box<str>, Bytes>> {
        self.own.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache for OwnKeys {
    fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let own = self.read().get(key).cloned();
        if own.is_some() { Ok(own) } else { self.store.get(key) }
    }

    fn set(&self, key: &str, value: Bytes) -> Result<()> {
        if self.replace(key, &value) { Ok(()) } else { self.store.set(key, value) }
    }

    fn set_for(&self, key: &str, value: Bytes, time_to_live: Duration) -> Result<()> {
        if self.replace(key, &value) { Ok(()) } else { self.store.set_for(key, value, time_to_live) }
    }

    fn delete(&self, key: &str) -> Result<bool> {
        let own = self.write().remove(key).is_some();
        if own { Ok(true) } else { self.store.delete(key) }
    }

    fn contains(&self, key: &str) -> Result<bool> {
        let own = self.read().contains_key(key);
        if own { Ok(true) } else { self.store.contains(key) }
    }

    /// What is the component's own stays.
    fn clean(&self, prefix: &str) -> Result<usize> {
        self.store.clean(prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::MemoryCache;

    #[test]
    fn what_is_a_components_own_is_not_in_the_store() -> Result<()> {
        let store = Arc::new(MemoryCache::new());
        let (one, other) = (OwnKeys::new(store.clone()), OwnKeys::new(store.clone()));
        one.publish("name", "one");
        other.publish("name", "other");
        one.set("key", Bytes::from_static(b"shared"))?;
        assert_eq!(other.get("key")?.as_deref(), Some(&b"shared"[..]));
        assert_eq!(one.get("name")?.as_deref(), Some(&b"one"[..]));
        one.set("name", Bytes::from_static(b"changed"))?;
        assert_eq!(one.get("name")?.as_deref(), Some(&b"changed"[..]));
        assert_eq!(other.get("name")?.as_deref(), Some(&b"other"[..]));
        assert_eq!(other.clean("")?, 1);
        assert!(one.contains("name")? && !store.contains("name")?);
        Ok(())
    }
}

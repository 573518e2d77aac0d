//! What the cache service says to a request: bytes in, bytes out, an answer to everything.

use std::collections::HashSet;

use bytes::Bytes;

use super::Cache;
use crate::error::{BoxError, Error};
use crate::features::RESERVED;
use crate::wire::{DecodeError, Message};

/// Keys that peers may read but neither set nor delete: what the component has preset, and the library's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadOnly(HashSet<Box<str>>);

impl ReadOnly {
    pub(crate) fn insert(&mut self, key: &str) {
        self.0.insert(key.into());
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        key.starts_with(RESERVED) || self.0.contains(key)
    }

    fn check(&self, key: &str) -> Result<(), Error> {
        if self.contains(key) {
            return Err(Error::Cache { key: key.to_owned(), reason: "the component's own keys are read-only".into() });
        }
        Ok(())
    }
}

impl<K: AsRef<str>> FromIterator<K> for ReadOnly {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| key.as_ref().into()).collect())
    }
}

/// Why a request is answered with an empty frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unserved {
    /// It is no message.
    Undecodable(DecodeError),
    /// It is not allowed, has no room, or is nothing that a cache does. The log says which.
    Refused,
}

/// The one frame that answers a request; empty for what is missing. `ask` knows the keys whose value depends on who asks.
pub(crate) fn answer(
    cache: &dyn Cache,
    read_only: &ReadOnly,
    ask: &dyn Fn(&str, &str) -> Option<String>,
    request: Bytes,
) -> Result<Vec<u8>, Unserved> {
    let message = Message::decode(request).map_err(Unserved::Undecodable)?;
    serve(cache, read_only, ask, &message).map_err(|error| {
        tracing::warn!(function = message.function(), client = message.client(), %error, "a cache request failed");
        Unserved::Refused
    })
}

fn serve(
    cache: &dyn Cache,
    read_only: &ReadOnly,
    ask: &dyn Fn(&str, &str) -> Option<String>,
    message: &Message,
) -> Result<Vec<u8>, BoxError> {
    let action = message.function().rsplit_once('.').map_or("", |(_, action)| action);
    match action {
        "get" => {
            let key = key_in_payload(message)?;
            match ask(key, message.client()) {
                Some(value) => Ok(value.into_bytes()),
                None => Ok(cache.get(key)?.map(Vec::from).unwrap_or_default()),
            }
        }
        "set" => {
            let key = match message.cache() {
                "" => uuid::Uuid::new_v4().to_string(),
                key => key.to_owned(),
            };
            read_only.check(&key)?;
            cache.set(&key, message.payload().clone())?;
            Ok(key.into_bytes())
        }
        "delete" => {
            let key = key_in_payload(message)?;
            read_only.check(key)?;
            Ok(if cache.delete(key)? { key.as_bytes().to_vec() } else { Vec::new() })
        }
        _ => Err("no such call; a cache knows `get`, `set` and `delete`".into()),
    }
}

fn key_in_payload(message: &Message) -> Result<&str, BoxError> {
    std::str::from_utf8(message.payload()).map_err(|_| "the key is not UTF-8".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::MemoryCache;

    fn ask(cache: &MemoryCache, function: &str, key: &str, payload: &[u8]) -> Vec<u8> {
        let mut request = Message::new(function, payload.to_vec());
        request.set_cache(key);
        let read_only = ["pull_address"].into_iter().collect();
        match answer(cache, &read_only, &|_, _| None, request.encode().into()) {
            Ok(answer) => answer,
            Err(why) => {
                assert_eq!(why, Unserved::Refused);
                b"refused".to_vec()
            }
        }
    }

    fn preset() -> MemoryCache {
        let cache = MemoryCache::with_limit(1_000);
        cache.set("pull_address", Bytes::from_static(b"tcp://here")).expect("fits");
        cache
    }

    #[test]
    fn values_are_set_read_and_deleted_under_any_name() {
        let cache = preset();
        assert_eq!(ask(&cache, "server.set", "key", b"value"), b"key");
        assert_eq!(ask(&cache, "a.b.get", "", b"key"), b"value");
        assert_eq!(ask(&cache, "x.delete", "", b"key"), b"key");
        assert_eq!(ask(&cache, "x.delete", "", b"key"), b"");
        assert_eq!(ask(&cache, "server.get", "", b"key"), b"");
    }

    #[test]
    fn a_value_without_a_key_gets_one() {
        let cache = preset();
        let key = ask(&cache, "server.set", "", b"value");
        assert_eq!(key.len(), 36);
        assert_eq!(ask(&cache, "server.get", "", &key), b"value");
    }

    #[test]
    fn the_components_own_keys_are_read_only() {
        let cache = preset();
        for key in ["pull_address", "_palm.features"] {
            assert_eq!(ask(&cache, "server.set", key, b"mine"), b"refused");
            assert_eq!(ask(&cache, "server.delete", "", key.as_bytes()), b"refused");
        }
        assert_eq!(ask(&cache, "server.get", "", b"pull_address"), b"tcp://here");
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let cache = preset();
        assert_eq!(ask(&cache, "server.get", "", b"\xff"), b"refused");
        assert_eq!(ask(&cache, "server.drop", "", b"key"), b"refused");
        assert_eq!(ask(&cache, "get", "", b"pull_address"), b"refused");
        assert_eq!(ask(&cache, "server.set", "large", &[0; 1_001]), b"refused");
        let nobody = |_: &str, _: &str| None;
        let raw = |bytes| answer(&cache, &ReadOnly::default(), &nobody, Bytes::from_static(bytes));
        assert!(matches!(raw(b"\x0a\xff"), Err(Unserved::Undecodable(_))));
        assert_eq!(raw(b""), Err(Unserved::Refused));
    }
}

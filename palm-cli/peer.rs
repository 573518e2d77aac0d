//! A component as its cache shows it.

use std::time::Duration;

use palm::Error;
use palm::cache::CacheHandle;

use crate::failure::Failure;
use crate::value;

/// How long somebody has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The component whose cache is asked.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Db {
    /// The component's cache
    #[arg(long, value_name = "ADDRESS", value_parser = value::address)]
    pub(crate) db: String,
}

/// A component's cache at the other end of an address.
#[derive(Debug)]
pub(crate) struct Peer {
    address: String,
    cache: CacheHandle,
}

impl Peer {
    /// Nothing is opened before the first request.
    pub(crate) fn at(address: &str) -> Self {
        Self::patient(address, PATIENCE)
    }

    /// As [`at`](Self::at); each request waits so long.
    pub(crate) fn patient(address: &str, patience: Duration) -> Self {
        Self { address: address.to_owned(), cache: CacheHandle::at(address, patience) }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        self.cache.get(key).map_err(|error| self.failure(&error))
    }

    /// A value that is text.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, Failure> {
        Ok(self.get(key)?.map(|value| String::from_utf8_lossy(&value).into_owned()))
    }

    /// A value that is a JSON object; `None` if it is not there, or none.
    pub(crate) fn object(&self, key: &str) -> Result<Option<serde_json::Value>, Failure> {
        let value = self.get(key)?.and_then(|value| serde_json::from_slice(&value).ok());
        Ok(value.filter(serde_json::Value::is_object))
    }

    pub(crate) fn set(&self, value: &[u8], key: &str) -> Result<String, Failure> {
        self.cache.set(value, key).map_err(|error| self.failure(&error))
    }

    pub(crate) fn delete(&self, key: &str) -> Result<bool, Failure> {
        self.cache.delete(key).map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &Error) -> Failure {
        match error {
            Error::TimedOut { waited, .. } => Failure::nobody_there(format!(
                "nobody answers at {} within {waited:?}; is it the `db_address` of a component that runs?",
                self.address
            )),
            // The cache says it with a name that nobody gave.
            Error::Cache { key, reason } => {
                let reason = reason.split(" (`").next().unwrap_or(reason);
                Failure::failed(format!("the cache at {} refused `{key}`: {reason}", self.address))
            }
            error => Failure::of(error),
        }
    }
}

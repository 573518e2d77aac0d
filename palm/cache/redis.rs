use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::redis::{Client, Cmd, Connection, FromRedisValue, RedisError, RedisResult, cmd};
use bytes::Bytes;

use super::Cache;
use crate::error::{Error, Result};

/// How long a connection, or an answer, is waited for by default.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long a server that did not answer is left alone: what is asked meanwhile is refused at once.
const REST: Duration = Duration::from_secs(1);

/// Keys looked at by one step of `clean`.
const STEP: usize = 1_000;

/// Keys and values in a Redis server, which several components may share.
///
/// A server that is away costs a caller [`timeout`](Self::timeout) for the connection and as much for the answer at most; then
/// it is left alone for 1 s, in which every call is refused at once. It is connected to again by the first call after that.
/// How much it keeps, and what it does when it is full, is its own configuration (`maxmemory`).
///
/// ```no_run
/// use palm::cache::RedisCache;
///
/// let cache = RedisCache::open("redis://127.0.0.1:6379/0")?.prefix("cluster1/");
/// palm::Master::new("server").cache(cache).run()?;
/// # Ok::<(), palm::Error>(())
/// ```
pub struct RedisCache {
    client: Client,
    prefix: String,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// Until when it is left alone.
    away: Option<Instant>,
}

impl RedisCache {
    /// The server at this address, `redis://[user:password@]host:port/database`. It is connected to by the first call.
    ///
    /// # Errors
    /// [`Error::System`] when it is no such address.
    pub fn open(url: &str) -> Result<Self> {
        let client = Client::open(url).map_err(|error| Error::system("use the address of a Redis server", error))?;
        Ok(Self { client, prefix: String::new(), timeout: TIMEOUT, state: Mutex::default() })
    }

    /// What every key begins with in the server, to keep them apart from those of others. Default: nothing.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a connection, or an answer, is waited for. Default: 1 s.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn key(&self, key: &str) -> String {
        [&self.prefix, key].concat()
    }

    fn call<T: FromRedisValue>(&self, key: &str, command: &Cmd) -> Result<T> {
        let refused = |reason: String| Error::Cache { key: key.to_owned(), reason };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.away.is_some_and(|until| Instant::now() < until) {
            return Err(refused("the Redis server is away; it is tried again within a second".to_owned()));
        }
        let result = self.ask(&mut state, command);
        state.away = match &result {
            Err(error) if is_away(error) => Some(Instant::now() + REST),
            _ => None,
        };
        result.map_err(|error| refused(format!("Redis: {error}")))
    }

    fn ask<T: FromRedisValue>(&self, state: &mut State, command: &Cmd) -> RedisResult<T> {
        // Taken out: after an error, an answer that comes late must not be taken for the next one.
        if let Some(mut kept) = state.connection.take() {
            match command.query(&mut kept) {
                // The server has been restarted, or has closed what was idle.
                Err(error) if error.is_connection_dropped() && !error.is_timeout() => {}
                result => return keep(state, kept, result),
            }
        }
        let mut connection = self.client.get_connection_with_timeout(self.timeout)?;
        connection.set_read_timeout(Some(self.timeout))?;
        connection.set_write_timeout(Some(self.timeout))?;
        let result = command.query(&mut connection);
        keep(state, connection, result)
    }
}

fn keep<T>(state: &mut State, connection: Connection, result: RedisResult<T>) -> RedisResult<T> {
    if !result.as_ref().is_err_and(is_away) {
        state.connection = Some(connection);
    }
    result
}

/// Whether it is the connection that failed, rather than the server that refused.
fn is_away(error: &RedisError) -> bool {
    error.is_io_error() || error.is_timeout() || error.is_connection_dropped() || error.is_unrecoverable_error()
}

/// Every character of a prefix for itself, in a pattern of the server's.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('*');
    pattern
}

impl Cache for RedisCache {
    fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let value: Option<Vec<u8>> = self.call(key, cmd("GET").arg(self.key(key)))?;
        Ok(value.map(Bytes::from))
    }

    fn set(&self, key: &str, value: Bytes) -> Result<()> {
        self.call(key, cmd("SET").arg(self.key(key)).arg(&value[..]))
    }

    fn set_for(&self, key: &str, value: Bytes, time_to_live: Duration) -> Result<()> {
        // The server takes none of 0 ms, and none beyond its clock.
        let milliseconds = u64::try_from(time_to_live.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 50);
        self.call(key, cmd("SET").arg(self.key(key)).arg(&value[..]).arg("PX").arg(milliseconds))
    }

    fn delete(&self, key: &str) -> Result<bool> {
        let removed: usize = self.call(key, cmd("DEL").arg(self.key(key)))?;
        Ok(removed > 0)
    }

    fn contains(&self, key: &str) -> Result<bool> {
        self.call(key, cmd("EXISTS").arg(self.key(key)))
    }

    /// Looks through all the keys of the server, by steps. A key that is set meanwhile may stay.
    fn clean(&self, prefix: &str) -> Result<usize> {
        let pattern = pattern(&self.key(prefix));
        let (mut cursor, mut removed) = (0_u64, 0);
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
            let (next, keys): (u64, Vec<Vec<u8>>) = self.call(prefix, &scan)?;
            if !keys.is_empty() {
                removed += self.call::<usize>(prefix, cmd("UNLINK").arg(keys))?;
            }
            if next == 0 {
                return Ok(removed);
            }
            cursor = next;
        }
    }
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may have a password in it.
        f.debug_struct("RedisCache").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn a_prefix_is_no_pattern() {
        assert_eq!(pattern(""), "*");
        assert_eq!(pattern("job/1"), "job/1*");
        assert_eq!(pattern(r"a*[b]?\"), r"a\*\[b\]\?\\*");
    }
}

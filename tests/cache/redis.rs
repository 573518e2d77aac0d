//! The store that several components share, against a real server.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use palm::cache::{Cache, RedisCache};
use palm::{Bytes, Client, Error, Master};
use tempfile::TempDir;

use crate::skip::skip;
use crate::stores::{keeps_its_promises, serves_a_cluster};
use crate::support::{address, guarded, until};

/// A Redis server of this test's own.
struct Redis {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl Redis {
    /// `None`, with a line, on a machine that has none; a failure with `PALM_TEST_ALL=1`.
    fn start() -> Option<Self> {
        let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if found.is_err() {
            skip("what needs a Redis server", "there is no redis-server");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let child = Self::spawn(port, &directory);
        Some(Self { child, port, directory })
    }

    fn spawn(port: u16, directory: &TempDir) -> Child {
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", "always", "--maxmemory", "64mb"])
            .current_dir(directory.path())
            .stdout(log)
            .spawn()
            .unwrap();
        until("the Redis server", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        child
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.child = Self::spawn(self.port, &self.directory);
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn redis() {
    guarded(|| {
        let Some(redis) = Redis::start() else { return };
        let other = RedisCache::open(&redis.url()).unwrap().prefix("other/");
        other.set("a", Bytes::from_static(b"other")).unwrap();
        let mine = || RedisCache::open(&redis.url()).unwrap().prefix("mi*ne/");
        keeps_its_promises(&mine());
        serves_a_cluster(mine());
        assert_eq!(other.get("a").unwrap().as_deref(), Some(&b"other"[..]), "cleaning is for one's own prefix");
    });
}

#[test]
fn two_masters_share_one() {
    guarded(|| {
        let Some(redis) = Redis::start() else { return };
        let start = |name| Master::new(name).cache(RedisCache::open(&redis.url()).unwrap()).start().unwrap();
        let masters = ["one", "two"].map(start);
        let [one, two] = ["one", "two"].map(|name| {
            let master = masters.iter().find(|master| master.name() == name).unwrap();
            Client::connect(name, address(master, "db_address")).unwrap()
        });
        one.set("from one", "key").unwrap();
        assert_eq!(&two.get("key").unwrap().unwrap()[..], b"from one");
    });
}

#[test]
fn a_server_that_is_restarted_is_found_again() {
    guarded(|| {
        let Some(mut redis) = Redis::start() else { return };
        let cache = RedisCache::open(&redis.url()).unwrap();
        cache.set("key", Bytes::from_static(b"value")).unwrap();
        redis.kill();
        let error = cache.get("key").unwrap_err();
        assert!(matches!(&error, Error::Cache { key, .. } if key == "key"), "{error}");
        assert!(cache.set("key", Bytes::new()).unwrap_err().to_string().contains("away"));
        redis.restart();
        until("it is there again", || cache.get("key").is_ok());
        assert_eq!(cache.get("key").unwrap().as_deref(), Some(&b"value"[..]));
        // One that was restarted between two calls is no error at all.
        redis.kill();
        redis.restart();
        let other = RedisCache::open(&redis.url()).unwrap();
        until("it has read its file", || other.get("key").is_ok());
        assert_eq!(cache.get("key").unwrap().as_deref(), Some(&b"value"[..]));
    });
}

#[test]
fn a_server_that_hangs_holds_up_nobody_for_long() {
    guarded(|| {
        let Some(redis) = Redis::start() else { return };
        let cache = RedisCache::open(&redis.url()).unwrap().timeout(Duration::from_millis(100));
        let master = Master::new("master").cache(cache).start().unwrap();
        let client = Client::connect("master", address(&master, "db_address")).unwrap();
        client.set("value", "key").unwrap();
        redis.signal("STOP");
        // It takes connections, and never answers.
        let start = Instant::now();
        for _ in 0..200 {
            assert!(client.set("value", "key").is_err());
            assert_eq!(client.get("key").unwrap(), None);
        }
        // The component's own keys do not come from there.
        assert!(Client::connect("master", address(&master, "db_address")).is_ok());
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        redis.signal("CONT");
        until("it answers again", || client.get("key").unwrap().is_some_and(|value| value == "value"));
    });
}

#[test]
fn a_server_that_is_full_refuses() {
    guarded(|| {
        let Some(redis) = Redis::start() else { return };
        let cache = RedisCache::open(&redis.url()).unwrap();
        let large = Bytes::from(vec![7; 1 << 20]);
        let refused = (0..100).find_map(|number| cache.set(&number.to_string(), large.clone()).err()).unwrap();
        assert!(refused.to_string().contains("OOM"), "{refused}");
        assert_eq!(cache.get("0").unwrap().unwrap().len(), 1 << 20, "what is there can be read");
        assert!(cache.delete("0").unwrap());
    });
}

#[test]
fn what_is_no_server_is_an_error() {
    guarded(|| {
        assert!(matches!(RedisCache::open("http://127.0.0.1"), Err(Error::System { .. })));
        assert!(matches!(RedisCache::open(""), Err(Error::System { .. })));
        // Nobody is there.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cache = RedisCache::open(&format!("redis://127.0.0.1:{port}")).unwrap();
        assert!(matches!(cache.get("key"), Err(Error::Cache { .. })));
        // Somebody else is there.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            }
        });
        let cache = RedisCache::open(&format!("redis://127.0.0.1:{port}")).unwrap().timeout(Duration::from_millis(300));
        assert!(matches!(cache.get("key"), Err(Error::Cache { .. })));
        assert!(matches!(cache.clean(""), Err(Error::Cache { .. })));
        assert!(!format!("{cache:?}").contains("127.0.0.1"), "an address may have a password in it");
    });
}

//! The expansion trips no lint of a strict crate: what is denied here would not compile.
#![deny(warnings, missing_docs, unused, unused_qualifications, unreachable_pub, nonstandard_style)]
#![deny(missing_debug_implementations, single_use_lifetimes, trivial_casts, trivial_numeric_casts, unused_results)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery, clippy::unwrap_used, clippy::as_conversions, clippy::panic)]
#![allow(clippy::missing_const_for_fn, reason = "what a user might have meant is no matter of the expansion")]
#![forbid(unsafe_code, elided_lifetimes_in_paths, unused_imports)]

use palm::{Call, Message, Topic};

/// A server.
#[derive(Debug, Default)]
struct Strict {
    counter: u64,
}

#[palm::server]
impl Strict {
    /// One argument.
    fn one(&mut self, message: &[u8]) -> Vec<u8> {
        self.counter += 1;
        message.to_vec()
    }

    fn both<'a>(&'a self, message: &'a str, call: &Call<'a>) -> Result<String, std::fmt::Error> {
        if message.is_empty() {
            Err(std::fmt::Error)
        } else {
            Ok(format!("{} {} {message}", call.name(), self.counter))
        }
    }

    #[deprecated = "it is old"]
    fn old(&self) -> String {
        self.counter.to_string()
    }

    #[cfg(any())]
    fn gone(&self) {}

    fn handle_stream(&mut self, message: &mut Message) -> Topic {
        message.next_stage();
        self.counter += 1;
        Topic::from("even")
    }

    fn stopping(&mut self) {
        self.counter = 0;
    }
}

/// A server whose methods are futures.
#[cfg(feature = "tokio")]
#[derive(Debug, Default)]
struct StrictAsync {
    counter: std::sync::atomic::AtomicU64,
}

#[cfg(feature = "tokio")]
#[palm::server]
impl StrictAsync {
    async fn one(&self, message: &[u8]) -> Vec<u8> {
        let _ = std::future::ready(self.counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed)).await;
        message.to_vec()
    }

    async fn both<'a>(&'a self, message: &'a str, call: &Call<'a>) -> Result<String, std::fmt::Error> {
        std::future::ready(()).await;
        if message.is_empty() { Err(std::fmt::Error) } else { Ok(format!("{} {self:?} {message}", call.name())) }
    }

    #[deprecated = "it is old"]
    async fn old(&self) -> String {
        std::future::ready(format!("{self:?}")).await
    }

    #[cfg(any())]
    async fn gone(&self) {}
}

/// A worker without a method.
#[derive(Debug, Default)]
struct Empty;

#[palm::worker]
impl Empty {}

/// A worker with one, and without a default.
#[derive(Debug)]
struct Single;

#[palm::worker(constructor = Self::new)]
impl Single {
    #[palm(skip)]
    const fn new() -> Self {
        Self
    }

    fn ping(&self) -> &'static str {
        if format!("{self:?}").is_empty() { "nobody" } else { "pong" }
    }
}

/// A master.
#[derive(Debug, Default)]
struct Scatterer {
    counter: usize,
}

#[palm::master]
impl Scatterer {
    fn scatter(&mut self, message: Message) -> impl Iterator<Item = Message> {
        self.counter += 1;
        std::iter::repeat_n(message, self.counter)
    }

    #[cfg(test)]
    fn gather(&self, message: Message) -> Option<Message> {
        (self.counter > 0).then_some(message)
    }
}

palm::topology! {
    /// A topology.
    struct Cluster {
        /// Where messages come in.
        inbound  Pull:  palm::part::PullService = "tcp://127.0.0.1:5555" => Pub, log "in", scatter;
        outbound Pub:   palm::part::PubService { pipelined: true } = "tcp://127.0.0.1:5556";
        bypass   Cache: palm::part::CacheService;
    }
}

palm::topology! {
    /// Nobody uses what it is not asked for.
    struct Unused {
        inbound Pull: palm::part::PullService = format!("tcp://127.0.0.1:{}", 0) => discard;
    }
}

#[test]
fn it_compiles() {
    drop(Unused::new("unused"));
    drop(Cluster::new("cluster").pull_address("tcp://127.0.0.1:*").template());
}

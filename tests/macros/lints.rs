//! The expansion trips no lint of a strict crate: what is denied here would not compile.
#![deny(warnings, missing_docs, unused, unused_qualifications, unreachable_pub, nonstandard_style)]
#![deny(missing_debug_implementations, single_use_lifetimes, trivial_casts, trivial_numeric_casts, unused_results)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery, clippy::unwrap_used, clippy::as_conversions, clippy::panic)]
#![forbid(unsafe_code, elided_lifetimes_in_paths, unused_imports, dead_code)]

use palm::{Call, Message, Topic};

/// A server.
#[derive(Debug, Default)]
pub(super) struct Strict {
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
        if message.is_empty() { Err(std::fmt::Error) } else { Ok(format!("{} {} {message}", call.name(), self.counter)) }
    }

    #[deprecated = "it is old"]
    fn old(&mut self) -> String {
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

/// A worker without a method.
#[derive(Debug, Default)]
pub(super) struct Empty;

#[palm::worker]
impl Empty {}

/// A worker with one, and without a default.
#[derive(Debug)]
pub(super) struct Single;

#[palm::worker(constructor = Self::new)]
impl Single {
    #[palm(skip)]
    const fn new() -> Self {
        Self
    }

    fn ping(&mut self) -> &'static str {
        if format!("{self:?}").is_empty() { "nobody" } else { "pong" }
    }
}

/// A master.
#[derive(Debug, Default)]
pub(super) struct Scatterer {
    counter: usize,
}

#[palm::master]
impl Scatterer {
    fn scatter(&mut self, message: Message) -> impl Iterator<Item = Message> {
        self.counter += 1;
        std::iter::repeat_n(message, self.counter)
    }

    #[cfg(all())]
    fn gather(&mut self, message: Message) -> Option<Message> {
        (self.counter > 0).then_some(message)
    }
}

//! `palm ping`: who is there.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use palm::log::harmless;
use palm::topology::Outline;
use serde_json::json;

use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::peer::{Db, Peer};

/// Requests of which the quickest is the round trip.
const REQUESTS: u32 = 5;

/// Says who is at an address: name, kind, version, methods, round trip
#[derive(Debug, clap::Args)]
pub(crate) struct Ping {
    #[command(flatten)]
    db: Db,
    /// Prints an object
    #[arg(long)]
    json: bool,
}

/// What a component says of itself.
struct Answer {
    name: String,
    /// Of this library's components; a pylm one says nothing more than its name.
    version: Option<String>,
    outline: Option<Outline>,
    round_trip: Duration,
}

impl Ping {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let peer = Peer::at(&self.db.db);
        let answer = Answer::of(&peer)?;
        if self.json { print_json(&answer.json(&peer)) } else { print(answer.text(&peer)) }
    }
}

impl Answer {
    fn of(peer: &Peer) -> Result<Self, Failure> {
        // The first request makes the connection.
        let name = peer.text("name")?.ok_or_else(|| {
            Failure::failed(format!("{} answers, and has no name; is it a PALM component?", peer.address()))
        })?;
        let mut round_trip = Duration::MAX;
        for _ in 0..REQUESTS {
            let start = Instant::now();
            peer.get("name")?;
            round_trip = round_trip.min(start.elapsed());
        }
        let features = peer.object("_palm.features")?;
        let version = features.as_ref().map(|features| features["version"].as_str().unwrap_or("?").to_owned());
        let outline = match version {
            Some(_) => peer.get("_palm.outline")?.and_then(|outline| Outline::from_json(&outline)),
            None => None,
        };
        Ok(Self { name, version, outline, round_trip })
    }

    fn kind(&self) -> Option<&str> {
        self.outline.as_ref()?.kind.as_deref()
    }

    fn text(&self, peer: &Peer) -> String {
        let what = match &self.version {
            None => "classic PALM peer".to_owned(),
            Some(version) => format!("{}, palm {}", self.kind().unwrap_or("router"), version),
        };
        let micros = self.round_trip.as_micros();
        let mut text =
            format!("{}: {}, {micros} us at {}\n", harmless(&self.name), harmless(&what), harmless(peer.address()));
        for method in self.outline.iter().flat_map(|outline| &outline.methods) {
            let arrow = if method.reply.is_empty() { "" } else { " -> " };
            let line = format!("{}.{}({}){arrow}{}", self.name, method.name, method.payload, method.reply);
            // A `String` takes all that is written to it.
            let _ = writeln!(text, "  {}", harmless(&line));
            if let Some(docs) = method.docs.lines().next() {
                let _ = writeln!(text, "      {}", harmless(docs));
            }
        }
        text
    }

    fn json(&self, peer: &Peer) -> serde_json::Value {
        let methods = self.outline.iter().flat_map(|outline| &outline.methods).map(|method| {
            json!({
                "name": method.name,
                "docs": method.docs,
                "payload": Some(&method.payload).filter(|text| !text.is_empty()),
                "reply": Some(&method.reply).filter(|text| !text.is_empty()),
            })
        });
        json!({
            "name": self.name,
            "classic": self.version.is_none(),
            "kind": self.kind(),
            "version": self.version,
            "methods": self.outline.is_some().then(|| methods.collect::<serde_json::Value>()),
            "address": peer.address(),
            "round_trip_us": u64::try_from(self.round_trip.as_micros()).unwrap_or(u64::MAX),
        })
    }
}

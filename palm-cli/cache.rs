//! `palm get`, `set` and `delete`: the cache of a component.

use std::ffi::OsString;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::failure::Failure;
use crate::input::whole;
use crate::output::{print, print_json};
use crate::peer::{Db, Peer};

/// Prints the value of a key of a component's cache
///
/// The value is printed as its bytes and a newline. A key that is not there, or has an empty value, is exit code 1.
#[derive(Debug, clap::Args)]
pub(crate) struct Get {
    /// The key
    key: String,
    #[command(flatten)]
    db: Db,
    /// Prints `{"key", "value"}`, the value in base64, or `null` if there is none
    #[arg(long)]
    json: bool,
}

/// Sets a value in a component's cache
///
/// Without a key it is given one, which is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    /// The value; `-` reads it from stdin
    value: OsString,
    /// Its key [default: one that is made up]
    key: Option<String>,
    #[command(flatten)]
    db: Db,
    /// Prints `{"key"}`
    #[arg(long)]
    json: bool,
}

/// Removes a key from a component's cache
///
/// A key that is not there is exit code 1.
#[derive(Debug, clap::Args)]
pub(crate) struct Delete {
    /// The key
    key: String,
    #[command(flatten)]
    db: Db,
    /// Prints `{"key", "deleted"}`
    #[arg(long)]
    json: bool,
}

impl Get {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let value = Peer::at(&self.db.db).get(&self.key)?;
        if self.json {
            let encoded = value.as_ref().map(|value| STANDARD.encode(value));
            print_json(&json!({ "key": self.key, "value": encoded }))?;
        } else if let Some(value) = &value {
            print([value, &b"\n"[..]].concat())?;
        }
        value.map(drop).ok_or(Failure::silent(1))
    }
}

impl Set {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let value = if self.value == "-" { whole(Path::new("-"))? } else { self.value.into_encoded_bytes() };
        let key = Peer::at(&self.db.db).set(&value, self.key.as_deref().unwrap_or_default())?;
        match (self.json, self.key) {
            (true, _) => print_json(&json!({ "key": key })),
            (false, None) => print(format!("{key}\n")),
            (false, Some(_)) => Ok(()),
        }
    }
}

impl Delete {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let peer = Peer::at(&self.db.db);
        // A cache of pylm ends when it is asked to delete what is not there.
        let deleted = peer.get(&self.key)?.is_some() && peer.delete(&self.key)?;
        if self.json {
            print_json(&json!({ "key": self.key, "deleted": deleted }))?;
        }
        if deleted { Ok(()) } else { Err(Failure::silent(1)) }
    }
}

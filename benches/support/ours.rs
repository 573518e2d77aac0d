//! Roles that more than one benchmark has: what users of this library write, with its default settings.

use std::iter::repeat_n;

use palm::client::ClientBuilder;
use palm::{Bytes, Client, Handle, Master, Worker};

use crate::peer::BoxError;

struct Work;

#[palm::worker]
impl Work {
    fn foo(&mut self, message: Bytes) -> Bytes {
        message
    }
}

/// Which sockets the roles use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Link,
    Classic,
}

impl Wire {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Classic => "classic",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self, BoxError> {
        let found = [Self::Link, Self::Classic].into_iter().find(|wire| wire.name() == name);
        found.ok_or_else(|| format!("`{name}` is no wire; there are link, classic").into())
    }
}

pub(crate) fn master(wire: Wire, workers: usize) -> palm::Result<Handle> {
    let master = Master::new("server").expected_workers(workers);
    if wire == Wire::Classic { master.classic() } else { master }.start()
}

pub(crate) fn worker(wire: Wire, name: &str, db_address: &str) -> palm::Result<Handle> {
    let worker = Worker::new(name, Work).db_address(db_address);
    if wire == Wire::Classic { worker.classic() } else { worker }.start()
}

pub(crate) fn client(wire: Wire, db_address: &str) -> ClientBuilder {
    let client = Client::builder("server", db_address);
    if wire == Wire::Classic { client.classic() } else { client }
}

/// Sends a payload so many times, and takes the answers.
pub(crate) fn job(client: &Client, function: &str, payload: &Bytes, count: usize) -> Result<(), BoxError> {
    let mut answered = 0;
    for reply in client.job(function, repeat_n(payload.clone(), count)).messages(count) {
        answered += usize::from(reply?.len() == payload.len());
    }
    if answered == count { Ok(()) } else { Err(format!("{answered} of {count} came back as they went").into()) }
}

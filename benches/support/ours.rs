//! The roles of this library: what its users write, with its default settings.

use std::iter::repeat_n;

use palm::{Bytes, Client, Handle, Master, Server, Worker};

use crate::load::Caller;
use crate::peer::BoxError;

pub(crate) const FUNCTION: &str = "server.foo";

struct Echo;

#[palm::server]
impl Echo {
    fn foo(&mut self, message: Bytes) -> Bytes {
        message
    }
}

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

pub(crate) fn server(_wire: Wire) -> palm::Result<Handle> {
    Server::new("server", Echo).start()
}

pub(crate) fn master(wire: Wire, workers: usize) -> palm::Result<Handle> {
    let master = Master::new("server").expected_workers(workers);
    if wire == Wire::Classic { master.classic() } else { master }.start()
}

pub(crate) fn worker(wire: Wire, name: &str, db_address: &str) -> palm::Result<Handle> {
    let worker = Worker::new(name, Work).db_address(db_address);
    if wire == Wire::Classic { worker.classic() } else { worker }.start()
}

pub(crate) fn connect(_wire: Wire, db_address: &str) -> palm::Result<Client> {
    // Clients have no link yet; once they have one: `if wire == Wire::Classic { builder.classic() } else { builder }`.
    Client::builder("server", db_address).connect()
}

/// A client with one payload.
#[derive(Debug)]
pub(crate) struct Ours {
    client: Client,
    payload: Bytes,
}

impl Ours {
    pub(crate) fn new(client: Client, size: usize) -> Self {
        Self { client, payload: vec![b'x'; size].into() }
    }
}

impl Caller for Ours {
    fn job(&mut self, count: usize) -> Result<(), BoxError> {
        let mut answered = 0;
        for reply in self.client.job(FUNCTION, repeat_n(self.payload.clone(), count)).messages(count) {
            answered += usize::from(reply?.len() == self.payload.len());
        }
        if answered == count { Ok(()) } else { Err(format!("{answered} of {count} came back as they went").into()) }
    }

    fn call(&mut self) -> Result<(), BoxError> {
        let reply = self.client.eval(FUNCTION, self.payload.clone())?;
        if reply.len() == self.payload.len() { Ok(()) } else { Err("the answer is another one".into()) }
    }
}

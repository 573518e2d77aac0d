//! This library's side: a server, and a client with one payload.

use palm::{Bytes, Client, Handle, Server};

use crate::load::Caller;
use crate::ours::{self, Wire};
use crate::peer::BoxError;

const FUNCTION: &str = "server.foo";

struct Echo;

#[palm::server]
impl Echo {
    fn foo(&mut self, message: Bytes) -> Bytes {
        message
    }
}

pub(crate) fn server(wire: Wire) -> palm::Result<Handle> {
    let server = Server::new("server", Echo);
    if wire == Wire::Classic { server.classic() } else { server }.start()
}

#[derive(Debug)]
pub(crate) struct Ours {
    client: Client,
    payload: Bytes,
}

impl Ours {
    pub(crate) fn connect(wire: Wire, db_address: &str, size: usize) -> Result<Self, BoxError> {
        Ok(Self { client: ours::client(wire, db_address).connect()?, payload: vec![b'x'; size].into() })
    }
}

impl Caller for Ours {
    fn job(&mut self, count: usize) -> Result<(), BoxError> {
        ours::job(&self.client, FUNCTION, &self.payload, count)
    }

    fn call(&mut self) -> Result<(), BoxError> {
        let reply = self.client.eval(FUNCTION, self.payload.clone())?;
        if reply.len() == self.payload.len() { Ok(()) } else { Err("the answer is another one".into()) }
    }
}

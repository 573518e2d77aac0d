//! What many clients and workers cost if nothing is done but to send: a ROUTER for all and a DEALER for each, with as many bytes in
//! a frame and under way as this library has, and as many messages in a row for a worker. Each message is copied by whoever gets
//! it, and nothing is remembered of it.

use std::iter::repeat_n;

use palm::Bytes;
use zmq::{Context, DONTWAIT, Error, Message, SNDMORE, Socket, SocketType};

use crate::peer::BoxError;
use crate::records;
use crate::unbounded::socket;

/// Bytes of a frame.
const FRAME: usize = 64 << 10;
/// Messages that a worker gets before the next one has its turn.
const ROW: usize = 128;

pub(crate) struct Client {
    socket: Socket,
    /// Bytes that it may have under way.
    window: usize,
}

/// A ROUTER and its address.
fn router(context: &Context) -> Result<(Socket, String), BoxError> {
    let router = socket(context, SocketType::ROUTER)?;
    router.bind("tcp://127.0.0.1:*")?;
    let address = router.get_last_endpoint()?.map_err(|_| "the address is not UTF-8")?;
    Ok((router, address))
}

/// Sends back what comes, for ever.
pub(crate) fn server(ready: impl FnOnce(&str)) -> Result<(), BoxError> {
    let context = Context::new();
    let (router, address) = router(&context)?;
    ready(&address);
    loop {
        let (client, frame) = (router.recv_msg(0)?, router.recv_msg(0)?);
        router.send(client, SNDMORE)?;
        router.send(packed(records::payloads(&frame)), 0)?;
    }
}

/// Passes what its one client sends on to so many workers, in rows and by turns, and what they send back to the client, for ever.
/// Its addresses are for clients and for workers.
pub(crate) fn master(workers: usize, ready: impl FnOnce(&str)) -> Result<(), BoxError> {
    let context = Context::new();
    let ((clients, address), (crew, crew_address)) = (router(&context)?, router(&context)?);
    ready(&format!("{address} {crew_address}"));
    let mut names = Vec::with_capacity(workers);
    while names.len() < workers {
        names.push(crew.recv_bytes(0)?);
        crew.recv_msg(0)?;
    }
    let mut turns = names.iter().cycle();
    let (mut client, mut answers) = (Vec::new(), Vec::with_capacity(FRAME));
    loop {
        let mut items = [clients.as_poll_item(zmq::POLLIN), crew.as_poll_item(zmq::POLLIN)];
        zmq::poll(&mut items, -1)?;
        while let Some((_, frame)) = received(&crew)? {
            records::payloads(&frame).for_each(|payload| records::push(&mut answers, payload));
            if answers.len() >= FRAME {
                answer(&clients, &client, &mut answers)?;
            }
        }
        answer(&clients, &client, &mut answers)?;
        while let Some((name, frame)) = received(&clients)? {
            client.clear();
            client.extend_from_slice(&name);
            let mut payloads = records::payloads(&frame).peekable();
            while payloads.peek().is_some()
                && let Some(name) = turns.next()
            {
                crew.send(name, SNDMORE)?;
                crew.send(packed(payloads.by_ref().take(ROW)), 0)?;
            }
        }
    }
}

/// What has come, and from whom.
fn received(router: &Socket) -> Result<Option<(Message, Message)>, Error> {
    match router.recv_msg(DONTWAIT) {
        Err(Error::EAGAIN) => Ok(None),
        name => Ok(Some((name?, router.recv_msg(0)?))),
    }
}

fn answer(router: &Socket, client: &[u8], answers: &mut Vec<u8>) -> Result<(), Error> {
    if answers.is_empty() {
        return Ok(());
    }
    router.send(client, SNDMORE)?;
    router.send(std::mem::replace(answers, Vec::with_capacity(FRAME)), 0)
}

/// Sends back what comes from the master with these addresses, for ever.
pub(crate) fn worker(addresses: &str, ready: impl FnOnce()) -> Result<(), BoxError> {
    let (_, address) = addresses.split_once(' ').ok_or("a master has two addresses")?;
    let context = Context::new();
    let dealer = socket(&context, SocketType::DEALER)?;
    dealer.connect(address)?;
    dealer.send("", 0)?;
    ready();
    loop {
        let frame = dealer.recv_msg(0)?;
        dealer.send(packed(records::payloads(&frame)), 0)?;
    }
}

fn packed<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut frame = Vec::with_capacity(FRAME);
    payloads.for_each(|payload| records::push(&mut frame, payload));
    frame
}

impl Client {
    /// Connects one of so many to the first of these addresses, and waits for an answer.
    pub(crate) fn connect(context: &Context, addresses: &str, of: usize) -> Result<Self, BoxError> {
        let socket = socket(context, SocketType::DEALER)?;
        socket.connect(addresses.split(' ').next().unwrap_or(addresses))?;
        // As the link allows: see `LinkService::intake_bytes`.
        let client = Self { socket, window: if of > 2 { ((16 << 20) / of).max(128 << 10) } else { 8 << 20 } };
        client.job(&Bytes::new(), 1)?;
        Ok(client)
    }

    pub(crate) fn job(&self, payload: &Bytes, count: usize) -> Result<(), BoxError> {
        let together = FRAME / records::size(payload);
        let window = (self.window / records::size(payload)).min(8_192);
        let (mut sent, mut answered) = (0, 0);
        while answered < count {
            while sent < count && sent - answered < window {
                let together = together.min(count - sent).min(window - (sent - answered));
                self.socket.send(packed(repeat_n(&**payload, together)), 0)?;
                sent += together;
            }
            // Waits for one, and takes what else is there.
            let mut flags = 0;
            while answered < count {
                match self.socket.recv_msg(flags) {
                    Err(Error::EAGAIN) => break,
                    frame => answered += records::payloads(&frame?).filter(|answer| answer == payload).count(),
                }
                flags = DONTWAIT;
            }
        }
        Ok(())
    }
}

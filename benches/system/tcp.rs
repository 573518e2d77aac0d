//! The limit: plain connections, and programs that only copy records. Whatever has come is read at once, by large pieces, and
//! answered by one write.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::load::Caller;
use crate::peer::BoxError;
use crate::records;
use crate::roles::{Roles, window};
use crate::topology::WORKERS;

/// Read and written at a time at most. A record is smaller.
const PIECE: usize = 256 << 10;

fn accepted(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn connected(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A listener on a port of the system's choice, and its address.
fn bound() -> io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    Ok((listener, address))
}

struct Reader {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// Of these, what was given out.
    taken: usize,
}

impl Reader {
    fn new(stream: &TcpStream) -> io::Result<Self> {
        Ok(Self { stream: stream.try_clone()?, buffer: vec![0; PIECE], filled: 0, taken: 0 })
    }

    /// Waits for a whole record, and gives out all that are there; `None` at the end of the connection.
    fn records(&mut self) -> io::Result<Option<&[u8]>> {
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        loop {
            let read = self.stream.read(&mut self.buffer[self.filled..])?;
            self.filled += read;
            self.taken = records::payloads(&self.buffer[..self.filled]).map(records::size).sum();
            if read == 0 {
                return Ok(None);
            }
            if self.taken > 0 {
                return Ok(Some(&self.buffer[..self.taken]));
            }
        }
    }
}

/// Copies each record to where it came from.
fn answer(mut stream: &TcpStream) -> Result<(), BoxError> {
    let (mut reader, mut answers) = (Reader::new(stream)?, Vec::new());
    while let Some(records) = reader.records()? {
        answers.clear();
        records::payloads(records).for_each(|payload| records::push(&mut answers, payload));
        stream.write_all(&answers)?;
    }
    Ok(())
}

/// Hands on what comes from a worker.
fn collect(worker: &TcpStream, client: &Mutex<TcpStream>) -> Result<(), BoxError> {
    let mut reader = Reader::new(worker)?;
    while let Some(records) = reader.records()? {
        client.lock().map_err(|_| "the other worker's thread panicked")?.write_all(records)?;
    }
    Ok(())
}

pub(crate) struct Tcp;

impl Roles for Tcp {
    type Client = Client;

    fn server(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        let (clients, address) = bound()?;
        ready(&[address]);
        answer(&accepted(&clients)?)
    }

    /// Whole pieces go to the workers by turns. Nobody waits in a circle, since the client reads whatever else it does.
    fn master(self, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        let ((clients, address), (workers, workers_address)) = (bound()?, bound()?);
        ready(&[address, workers_address]);
        let workers = (0..WORKERS).map(|_| accepted(&workers)).collect::<Result<Vec<_>, _>>()?;
        let client = accepted(&clients)?;
        let answers = Arc::new(Mutex::new(client.try_clone()?));
        for worker in &workers {
            let (worker, answers) = (worker.try_clone()?, Arc::clone(&answers));
            thread::spawn(move || collect(&worker, &answers));
        }
        let (mut reader, mut turns) = (Reader::new(&client)?, workers.iter().cycle());
        while let (Some(records), Some(mut worker)) = (reader.records()?, turns.next()) {
            worker.write_all(records)?;
        }
        Ok(())
    }

    fn worker(self, addresses: &[&str], _number: &str, ready: impl FnOnce(&[String])) -> Result<(), BoxError> {
        let [_, master] = addresses[..] else { return Err("a master has two addresses".into()) };
        let stream = connected(master)?;
        ready(&[]);
        answer(&stream)
    }

    fn client(self, addresses: &[&str], _answering: usize, size: usize) -> Result<Client, BoxError> {
        let stream = connected(addresses[0])?;
        let reader = Reader::new(&stream)?;
        Ok(Client { stream, reader, payload: vec![b'x'; size] })
    }
}

pub(crate) struct Client {
    stream: TcpStream,
    reader: Reader,
    payload: Vec<u8>,
}

/// Sends so many, while few enough are under way.
fn submit(mut to: &TcpStream, payload: &[u8], count: usize, answered: &Receiver<usize>) -> Result<(), BoxError> {
    let most = (PIECE / records::size(payload)).max(1);
    let (mut left, mut room, mut piece) = (count, window(payload.len()), Vec::new());
    while left > 0 {
        if room == 0 {
            room = answered.recv()?;
        }
        room += answered.try_iter().sum::<usize>();
        let together = most.min(left).min(room);
        piece.clear();
        (0..together).for_each(|_| records::push(&mut piece, payload));
        to.write_all(&piece)?;
        left -= together;
        room -= together;
    }
    Ok(())
}

impl Client {
    /// Waits for answers, and says how many there were.
    fn answered(reader: &mut Reader, size: usize) -> Result<usize, BoxError> {
        let records = reader.records()?.ok_or("the connection has ended")?;
        Ok(records::payloads(records).filter(|payload| payload.len() == size).count())
    }
}

impl Caller for Client {
    /// Writes in a thread of its own, so that it reads even when nobody else does.
    fn job(&mut self, count: usize) -> Result<(), BoxError> {
        let Self { stream, reader, payload } = self;
        let (stream, payload) = (&*stream, &payload[..]);
        thread::scope(|scope| {
            let (sender, receiver) = channel();
            scope.spawn(move || submit(stream, payload, count, &receiver));
            let mut left = count;
            while left > 0 {
                let answered = Self::answered(reader, payload.len())?;
                left -= answered;
                // Nobody takes it any more when all are sent.
                let _ = sender.send(answered);
            }
            Ok(())
        })
    }

    /// Needs no other thread: nobody answers before all of the record is there.
    fn call(&mut self) -> Result<(), BoxError> {
        let mut record = Vec::new();
        records::push(&mut record, &self.payload);
        self.stream.write_all(&record)?;
        while Self::answered(&mut self.reader, self.payload.len())? == 0 {}
        Ok(())
    }
}

//! A stand-in for the registry: it answers what a test has put there, and notes what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// One request: method and target, credential, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) what: String,
    pub(crate) credential: Option<String>,
    pub(crate) body: String,
}

type Answer = Box<dyn Fn(&Request) -> (u16, Value) + Send + Sync>;

pub(crate) struct StandIn {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl StandIn {
    pub(crate) fn start(answer: impl Fn(&Request) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, notes): (Arc<Answer>, _) = (Arc::new(Box::new(answer)), asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, notes) = (answer.clone(), notes.clone());
                thread::spawn(move || serve(&stream, &answer, &notes));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, answer: &Answer, notes: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        notes.lock().unwrap().push(request.clone());
        let (status, body) = answer(&request);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n\r\n", body.len());
        let mut stream = stream;
        if stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let line = |reader: &mut BufReader<&TcpStream>| {
        let mut line = String::new();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let first = line(reader)?;
    let (mut credential, mut length) = (None, 0);
    loop {
        let header = line(reader)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(": ")?;
        match name.to_ascii_lowercase().as_str() {
            "authorization" => credential = Some(value.to_owned()),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let what = first.strip_suffix(" HTTP/1.1")?.to_owned();
    Some(Request { what, credential, body: String::from_utf8(body).ok()? })
}

pub(crate) fn problem(code: &str, text: &str, line: Option<u32>) -> Value {
    json!({ "error": { "code": code, "text": text, "line": line } })
}

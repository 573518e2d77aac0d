//! A stand-in for the registry: it answers what a test has put there, and notes what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
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
        Self::serve(answer, |stream| stream)
    }

    /// One behind TLS, as localhost; and its certificate, which nobody else has signed.
    pub(crate) fn secure(answer: impl Fn(&Request) -> (u16, Value) + Send + Sync + 'static) -> (Self, String) {
        let names = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        Self::secure_with(|key| names.self_signed(key).unwrap(), answer)
    }

    /// One with the certificate that is made for its key.
    pub(crate) fn secure_with(
        certify: impl FnOnce(&rcgen::KeyPair) -> rcgen::Certificate,
        answer: impl Fn(&Request) -> (u16, Value) + Send + Sync + 'static,
    ) -> (Self, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = certify(&key);
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let config = Arc::new(config);
        let mut registry =
            Self::serve(answer, move |stream| StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream));
        registry.url = registry.url.replace("http://127.0.0.1", "https://localhost");
        (registry, certificate.pem())
    }

    fn serve<S: Read + Write>(
        answer: impl Fn(&Request) -> (u16, Value) + Send + Sync + 'static,
        open: impl Fn(TcpStream) -> S + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, open, notes): (Arc<Answer>, _, _) = (Arc::new(Box::new(answer)), Arc::new(open), asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, open, notes) = (answer.clone(), open.clone(), notes.clone());
                thread::spawn(move || serve(open(stream), &answer, &notes));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: impl Read + Write, answer: &Answer, notes: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        notes.lock().unwrap().push(request.clone());
        let (status, body) = answer(&request);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n\r\n", body.len());
        let stream = reader.get_mut();
        if stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    fn line(reader: &mut impl BufRead) -> Option<String> {
        let mut line = String::new();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

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

//! A registry with a file of its own, and callers of it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use palm_registry::{Service, Settings, add_user};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A master and two workers.
pub(crate) const FILE: &str = "\
[Valuation Master]
Script = python3 master.py --name foo
--pull = _1
--pub = _2
--db = _5
[Valuation Worker]
Script = python3 worker.py
--db = _5
Connected = Valuation Master
Role = Worker
Replicas = 1
";

thread_local! {
    static DATABASE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Runs a test with another database for the registry that it starts.
pub(crate) fn on_database(database: String, test: fn()) {
    DATABASE.set(Some(database));
    test();
    assert_eq!(DATABASE.take(), None, "it started no registry");
}

pub(crate) struct Registry {
    runtime: Runtime,
    service: Option<Service>,
    pub(crate) database: String,
    limits: palm_registry::Limits,
    agent: ureq::Agent,
    _directory: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, String::from_utf8_lossy(&self.body));
        self
    }

    /// The word for programs in a refusal.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Registry {
    pub(crate) fn start() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path: PathBuf = directory.path().join("registry.db");
        let mut settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            database: path.display().to_string(),
            ..Settings::default()
        };
        if let Some(database) = DATABASE.take() {
            settings.database = database;
        }
        change(&mut settings);
        let runtime = Runtime::new().unwrap();
        let (database, limits) = (settings.database.clone(), settings.limits);
        let service = runtime.block_on(Service::start(settings)).unwrap();
        let agent = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
        Self { runtime, service: Some(service), database, limits, agent, _directory: directory }
    }

    /// Ends the service and starts it on the same database.
    pub(crate) fn restart(&mut self) {
        self.runtime.block_on(self.service.take().unwrap().shutdown());
        let (listen, database) = (([127, 0, 0, 1], 0).into(), self.database.clone());
        let settings = Settings { listen, database, limits: self.limits, ..Settings::default() };
        self.service = Some(self.runtime.block_on(Service::start(settings)).unwrap());
    }

    pub(crate) fn service(&self) -> &Service {
        self.service.as_ref().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.service().address())
    }

    /// Makes a user, whose password is `correct horse`, and gives an API key.
    pub(crate) fn user(&self, name: &str) -> String {
        self.runtime.block_on(add_user(&self.database, name, "correct horse", false)).unwrap()
    }

    pub(crate) fn admin(&self, name: &str) -> String {
        self.runtime.block_on(add_user(&self.database, name, "correct horse", true)).unwrap()
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = self.agent.configure_request(request.body(body).unwrap()).allow_non_standard_methods(true).build();
        let mut response = self.agent.run(sent).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap(),
        }
    }

    pub(crate) fn get(&self, path: &str, key: &str) -> Answer {
        let headers: &[_] = if key.is_empty() { &[] } else { &[("Key", key)] };
        self.send("GET", path, headers, b"")
    }

    pub(crate) fn post(&self, path: &str, key: &str, body: &serde_json::Value) -> Answer {
        let headers: &[_] = if key.is_empty() { &[] } else { &[("Key", key)] };
        self.send("POST", path, headers, body.to_string().as_bytes())
    }

    pub(crate) fn delete(&self, path: &str, key: &str) -> Answer {
        self.send("DELETE", path, &[("Key", key)], b"")
    }

    /// Makes a cluster by the old surface, and gives its key.
    pub(crate) fn cluster(&self, key: &str, file: &str) -> String {
        self.get(&format!("/cluster?method=new_cluster&description={}", escape(file)), key).ok().text().to_owned()
    }

    /// Commands of an old runner.
    pub(crate) fn node_config(&self, cluster: &str, ip: &str, processors: u32, ports_from: u32) -> Vec<String> {
        let node = format!("[DEFAULT]\nIp = {ip}\nProcessors = {processors}\nPorts_from = {ports_from}\n");
        let path = format!("/cluster?method=node_config&cluster={}&node={}", escape(cluster), escape(&node));
        serde_json::from_value(self.get(&path, "").ok().json()).unwrap()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Some(service) = self.service.take() {
            self.runtime.block_on(service.shutdown());
        }
    }
}

/// As it stands in an address.
pub(crate) fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Keeps cookies, and finds the token in the last page.
pub(crate) struct Browser<'a> {
    registry: &'a Registry,
    pub(crate) cookies: BTreeMap<String, String>,
    csrf: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(registry: &'a Registry) -> Self {
        Self { registry, cookies: BTreeMap::new(), csrf: String::new() }
    }

    pub(crate) fn signed_in(registry: &'a Registry, name: &str) -> Self {
        let mut browser = Self::new(registry);
        browser.get("/login").ok();
        let answer = browser.post("/login", &[("name", name), ("password", "correct horse")]);
        assert_eq!((answer.status, answer.header("location")), (302, "/dashboard"), "{}", answer.text());
        browser
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// Sends a form with the token of the last page.
    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        let mut fields = fields.to_vec();
        fields.push(("csrf", &csrf));
        self.post_bare(path, &fields, &[])
    }

    pub(crate) fn post_bare(&mut self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        let mut headers = headers.to_vec();
        headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        self.send("POST", path, &headers, &body.join("&"))
    }

    fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = headers.to_vec();
        if !cookies.is_empty() {
            headers.push(("Cookie", &cookies));
        }
        let answer = self.registry.send(method, path, &headers, body.as_bytes());
        for line in answer.headers.get_all("set-cookie") {
            let (name, value) = line.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let found =
            String::from_utf8_lossy(&answer.body).split_once("name=\"csrf\" value=\"").map(|(_, rest)| rest.to_owned());
        if let Some(rest) = found {
            self.csrf = rest.split('"').next().unwrap().to_owned();
        }
        answer
    }

    pub(crate) fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Sends these very bytes, and gives the status of the answer; 0 if there was none.
pub(crate) fn raw(registry: &Registry, request: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(registry.service().address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // It may be cut off before all is sent.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let line = String::from_utf8_lossy(&answer);
    line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok()).unwrap_or(0)
}

/// Asks until it is as expected, for a minute at most.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "{what} has not come within a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}

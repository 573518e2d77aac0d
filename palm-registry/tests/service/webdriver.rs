//! A real Chromium, told what to do by the WebDriver protocol.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::until;

/// What keeps it to itself, and lets it run without a screen.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// A browser with an empty profile. It ends with this.
pub(crate) struct Chromium {
    driver: Driver,
    session: String,
    _profile: TempDir,
}

/// The process that is talked to.
struct Driver {
    process: Child,
    url: String,
    agent: ureq::Agent,
}

impl Chromium {
    /// Why there is none, where the machine has none.
    pub(crate) fn start() -> Result<Self, String> {
        let driver = Driver::start()?;
        let profile = tempfile::tempdir().map_err(|error| error.to_string())?;
        let profile_flag = format!("--user-data-dir={}", profile.path().display());
        let flags: Vec<&str> = FLAGS.into_iter().chain([profile_flag.as_str()]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let begun = driver.call("POST", "/session", &wanted)?;
        let session = format!("/session/{}", begun["sessionId"].as_str().ok_or("it has no session")?);
        Ok(Self { driver, session, _profile: profile })
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let done = self.driver.call(method, &format!("{}{path}", self.session), body);
        done.unwrap_or_else(|error| panic!("{method} {path} {body}: {error}"))
    }

    /// A command of its own protocol.
    #[track_caller]
    fn own(&self, command: &str, parameters: Value) -> Value {
        self.call("POST", "/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.call("POST", "/url", &json!({"url": url}));
    }

    #[track_caller]
    pub(crate) fn url(&self) -> String {
        self.call("GET", "/url", &Value::Null).as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn element(&self, using: &str, value: &str) -> String {
        let found = self.call("POST", "/element", &json!({"using": using, "value": value}));
        let id = found.as_object().unwrap().values().next().unwrap();
        format!("/element/{}", id.as_str().unwrap())
    }

    /// Types into a field as somebody at a keyboard does.
    #[track_caller]
    pub(crate) fn fill(&self, name: &str, text: &str) {
        let field = self.element("css selector", &format!("[name={name}]"));
        self.call("POST", &format!("{field}/value"), &json!({"text": text}));
    }

    /// Clicks on a button, and waits for the page that comes.
    #[track_caller]
    pub(crate) fn press(&self, text: &str) {
        self.leave(&self.element("xpath", &format!("//button[normalize-space()='{text}']")));
    }

    /// Clicks on a link, and waits for the page that comes.
    #[track_caller]
    pub(crate) fn follow(&self, text: &str) {
        self.leave(&self.element("link text", text));
    }

    #[track_caller]
    fn leave(&self, way: &str) {
        let page = self.element("css selector", "html");
        self.call("POST", &format!("{way}/click"), &json!({}));
        let is_there = || self.driver.call("GET", &format!("{}{page}/name", self.session), &Value::Null);
        until("another page", || is_there().is_err());
    }

    /// What people see of what a selector finds first.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        let element = self.element("css selector", selector);
        self.call("GET", &format!("{element}/text"), &Value::Null).as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn count(&self, selector: &str) -> usize {
        let found = self.call("POST", "/elements", &json!({"using": "css selector", "value": selector}));
        found.as_array().unwrap().len()
    }

    /// Runs something in the page, from outside of what its policy governs.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    pub(crate) fn switch_scripts_off(&self) {
        self.own("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    }

    pub(crate) fn set_width(&self, width: u32) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.own("Emulation.setDeviceMetricsOverride", size);
    }

    /// How wide the page is, and how wide the window.
    pub(crate) fn widths(&self) -> (f64, f64) {
        let sizes = self.own("Page.getLayoutMetrics", json!({}));
        let width = |of: &str, key: &str| sizes[of][key].as_f64().unwrap();
        (width("cssContentSize", "width"), width("cssVisualViewport", "clientWidth"))
    }

    /// What was written to the console since this was asked last: errors, and what the policy of a page has forbidden.
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.call("POST", "/se/log", &json!({"type": "browser"}));
        entries.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The whole page, as PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let taken = self.own("Page.captureScreenshot", json!({"captureBeyondViewport": true}));
        base64::prelude::BASE64_STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Ends the browser; the driver ends with the process.
        let _ = self.driver.call("DELETE", &self.session, &Value::Null);
    }
}

impl Driver {
    fn start() -> Result<Self, String> {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().map_err(|error| format!("chromedriver cannot be run: {error}"))?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("it has no output")?);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build()
            .into();
        let mut driver = Self { process, url: String::new(), agent };
        let mut line = String::new();
        while driver.url.is_empty() {
            line.clear();
            if lines.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
                return Err("chromedriver ended at once".to_owned());
            }
            if let Some((_, port)) = line.trim_end().trim_end_matches('.').rsplit_once("successfully on port ") {
                driver.url = format!("http://127.0.0.1:{port}");
            }
        }
        // What nobody reads would hold it up.
        std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        Ok(driver)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("Content-Type", "application/json")
            .body(body)
            .map_err(|error| error.to_string())?;
        let mut response = self.agent.run(request).map_err(|error| error.to_string())?;
        let text =
            response.body_mut().with_config().limit(1 << 28).read_to_string().map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        if response.status().is_success() { Ok(answer["value"].take()) } else { Err(answer["value"].to_string()) }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

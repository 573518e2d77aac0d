//! The pages in a real browser: whether people can use them, and whether anything that others wrote comes to life in them.

use palm_registry::logs::{LogMessages, LogOrigin, Stream};
use prost::Message;
use serde_json::json;

use crate::skip::skip;
use crate::support::{FILE, Registry};
use crate::webdriver::Chromium;

/// Of a phone, and of a desk.
const WIDTHS: [u32; 2] = [360, 1280];
/// Sets `owned` where it is taken for more than text.
const HOSTILE: &str = "\"><img src=x onerror=owned=1><script>owned=1</script>";

/// Somebody before a browser, who looks at every page in each width.
struct Person {
    chromium: Chromium,
    scripts: bool,
    pages: usize,
}

impl Person {
    fn new(scripts: bool) -> Option<Self> {
        let missing = |reason: String| skip("the pages in a real browser", &reason);
        let chromium = Chromium::start().map_err(missing).ok()?;
        if !scripts {
            chromium.switch_scripts_off();
        }
        Some(Self { chromium, scripts, pages: 0 })
    }

    #[track_caller]
    fn looks_at(&mut self, path: &str, heading: &str) {
        let url = self.chromium.url();
        let seen = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).unwrap().1;
        assert!(seen.starts_with(path), "{seen} instead of {path}");
        assert!(self.chromium.text("h1").contains(heading), "{}", self.chromium.text("h1"));
        self.pages += 1;
        for width in WIDTHS {
            self.chromium.set_width(width);
            let (page, window) = self.chromium.widths();
            assert!(page <= window, "/{path} is {page} wide where {window} are seen");
            // `PALM_PICTURES=directory` keeps what it looked like.
            if let Some(directory) = std::env::var_os("PALM_PICTURES") {
                let name = format!("{:02}-{}-{width}.png", self.pages, if self.scripts { "on" } else { "off" });
                std::fs::write(std::path::Path::new(&directory).join(name), self.chromium.picture()).unwrap();
            }
        }
        assert_eq!(self.chromium.console(), [""; 0], "/{path}");
        assert_eq!(self.chromium.count("script, [onload], [onerror], [onclick], [style], img, iframe"), 0, "/{path}");
        if self.scripts {
            assert_eq!(self.chromium.run("return typeof window.owned"), "undefined", "/{path}");
        }
    }

    fn signs_in(&self, name: &str, password: &str) {
        self.chromium.fill("name", name);
        self.chromium.fill("password", password);
        self.chromium.press("Sign in");
    }
}

fn visit(scripts: bool) {
    let Some(mut person) = Person::new(scripts) else { return };
    let registry = Registry::start();
    person.chromium.open(&registry.url());
    person.looks_at("setup", "The first user");
    person.chromium.fill("token", registry.service().setup_token().unwrap());
    person.chromium.fill("name", "ann & <b>");
    person.chromium.fill("password", "correct horse");
    person.chromium.press("Make the user");
    person.looks_at("dashboard", "Clusters");
    person.chromium.press("Sign out");
    person.looks_at("", "PALM registry");
    person.signs_in("ann & <b>", "correct horse");
    person.looks_at("dashboard", "Clusters");

    person.chromium.follow("New cluster");
    person.looks_at("new_cluster", "New cluster");
    person.chromium.fill("alias", HOSTILE);
    person.chromium.fill("description", &format!("{FILE}# {HOSTILE}\n"));
    person.chromium.press("Make the cluster");
    person.looks_at("dashboard", "Clusters");
    let key = person.chromium.text("td code");
    fill(&registry, &key);

    person.chromium.follow(HOSTILE);
    person.looks_at("view_cluster", HOSTILE);
    let page = person.chromium.text("main");
    for part in ["3 of 3 instances placed", "RUNNING", "BACKOFF", "exit code 3", HOSTILE, "tcp://127.0.0.1:5555"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    person.chromium.follow("Log");
    person.looks_at("view_logs", "Log of");
    let log = person.chromium.text(".log");
    for part in [HOSTILE, "␛[31mred␛[0m", "a␀b", "more characters"] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    assert_eq!(person.chromium.count(".line"), LINES.len() + 1);
    person.chromium.fill("stream", "STDERR");
    person.chromium.press("Filter");
    person.looks_at("view_logs", "Log of");
    assert_eq!(person.chromium.count(".line"), 1);

    person.chromium.follow("New user");
    person.looks_at("new_user", "New user");
    person.chromium.fill("name", "bob");
    person.chromium.fill("fullname", HOSTILE);
    person.chromium.fill("password", "battery staple");
    person.chromium.press("Make the user");
    person.looks_at("dashboard", "Clusters");
    assert!(person.chromium.text("main").contains(HOSTILE));
    person.chromium.fill("name", "laptop");
    person.chromium.press("Make a key");
    person.looks_at("new_key", "New API key");
    person.chromium.follow("Go on");
    person.chromium.press("Sign out");
    person.looks_at("", "PALM registry");
    person.chromium.open(&format!("{}/dashboard", registry.url()));
    person.looks_at("login?next=", "PALM registry");
    person.signs_in("bob", "battery staple");
    person.looks_at("dashboard", "Clusters");
    if scripts {
        // What would have been seen, had a script come to life: the policy forbids it, and the console says so.
        person.chromium.run("let s = document.createElement('script'); s.text = 'owned = 1'; document.body.append(s);");
        assert!(person.chromium.console().iter().any(|line| line.contains("Content Security Policy")));
        assert_eq!(person.chromium.run("return typeof window.owned"), "undefined");
    }
}

const LINES: [&str; 5] = [HOSTILE, "\x1b[31mred\x1b[0m", "a\0b", "\u{202e}evil", "</div></main>"];

/// Lets a node run the cluster and say what nobody should believe.
fn fill(registry: &Registry, key: &str) {
    let node = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let join =
        json!({"id": node, "ip": "127.0.0.1", "processors": 3, "ports_from": 5555, "runner": HOSTILE, "host": HOSTILE});
    registry.post(&format!("/api/v1/clusters/{key}/nodes"), "", &join).ok();
    let at = "2026-11-25T15:00:00Z";
    let reports = json!([
        {"name": "Valuation Master", "state": "RUNNING", "since": at, "pid": 4711, "restarts": 2},
        {"name": "Valuation Worker 1", "state": "BACKOFF", "since": at, "exit_code": 3, "reason": HOSTILE},
    ]);
    let change = json!([{"instance": HOSTILE, "from": "RUNNING", "to": "BACKOFF", "at": at, "reason": HOSTILE}]);
    let heartbeat = json!({"at": at, "instances": reports, "events": change});
    registry.post(&format!("/api/v1/clusters/{key}/nodes/{node}/heartbeat"), "", &heartbeat).ok();
    let messages = LINES.iter().map(|line| (*line).to_owned()).chain(["x".repeat(1 << 20)]).collect::<Vec<_>>();
    let mut origins = vec![LogOrigin { instance: HOSTILE.into(), ..LogOrigin::default() }; messages.len()];
    origins[0].stream = Stream::Stderr.into();
    let body = LogMessages { messages, origins }.encode_to_vec();
    registry.send("POST", &format!("/logs?cluster={key}"), &[], &body).ok();
}

#[test]
fn people_use_the_pages_in_a_browser() {
    visit(true);
}

#[test]
fn people_use_the_pages_without_scripts() {
    visit(false);
}

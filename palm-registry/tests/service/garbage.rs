//! Garbage on every route is refused, and the service goes on.

use serde_json::json;

use crate::support::{Browser, FILE, Registry, raw};

/// A small generator, so that a failure can be had again.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.below(200);
        (0..length).map(|_| self.next() as u8).collect()
    }
}

pub(crate) const ROUTES: &[&str] = &[
    "/",
    "/style.css",
    "/favicon.ico",
    "/setup",
    "/login",
    "/logout",
    "/dashboard",
    "/new_cluster",
    "/view_cluster",
    "/reset_cluster",
    "/delete_cluster",
    "/restart_instance",
    "/new_token",
    "/remove_token",
    "/view_logs",
    "/new_key",
    "/new_password",
    "/lock_user",
    "/remove_key",
    "/new_user",
    "/cluster",
    "/logs",
    "/healthz",
    "/metrics",
    "/api/v1/openapi.json",
    "/api/v1/clusters",
    "/api/v1/clusters/K",
    "/api/v1/clusters/K/reset",
    "/api/v1/clusters/K/plan",
    "/api/v1/clusters/K/instances",
    "/api/v1/clusters/K/instances/K/restart",
    "/api/v1/clusters/K/nodes",
    "/api/v1/clusters/K/nodes/K",
    "/api/v1/clusters/K/nodes/K/heartbeat",
    "/api/v1/clusters/K/events",
    "/api/v1/clusters/K/metrics",
    "/api/v1/clusters/K/logs",
    "/api/v1/clusters/K/tokens",
    "/api/v1/clusters/K/tokens/K",
];
const NAMES: &[&str] = &[
    "method",
    "cluster",
    "node",
    "description",
    "key",
    "alias",
    "fr",
    "to",
    "after",
    "before",
    "limit",
    "from",
    "instance",
    "kind",
    "id",
    "csrf",
    "name",
    "password",
    "next",
    "confirm",
    "token",
];
const VALUES: &[&str] = &[
    "",
    "mine",
    "new_cluster",
    "node_config",
    "cluster_status",
    "clusters_list",
    "cluster_reset",
    "-1",
    "0",
    "99999999999999999999",
    "%00",
    "%ff",
    "%",
    "%zz",
    "a%20b",
    "%F0%9F%98%80",
    "..",
    "67e55044-10b1-426f-9247-bb680e5fe0c8",
    "2026-11-25T15:00:00Z",
    "NaN",
    "1e999",
    "%5BDEFAULT%5D%0AIp%3D1%0AProcessors%3D-1%0APorts_from%3D99999",
    "-9223372036854775808",
    "9223372036854775807",
    "[]",
    "'%22%3C%3E",
];
const BODIES: &[&str] = &[
    "",
    "{}",
    "[]",
    "null",
    "{",
    "\u{0}",
    "{\"file\": 1}",
    "{\"file\": \"[A]\\nScript = a\\u0000\\n\"}",
    "{\"nodes\": [1]}",
    "{\"nodes\": [\"\\u0000\"]}",
    "{\"id\": \"67e55044-10b1-426f-9247-bb680e5fe0c8\", \"ip\": \"a b\", \"processors\": 0, \"ports_from\": 0}",
    "{\"id\": \"67e55044-10b1-426f-9247-bb680e5fe0c8\", \"ip\": \"127.0.0.1\", \"processors\": 4294967295, \"ports_from\": 65535}",
    "{\"at\": \"2026-11-25T15:00:00Z\", \"instances\": [{\"name\": \"\\u0000\", \"state\": \"RUNNING\", \"since\": \"9999-12-30T22:00:00Z\"}]}",
    "{\"at\": \"-009999-01-02T01:59:59Z\", \"events\": [{\"instance\": \"\\u0000\", \"from\": \"LOST\", \"to\": \"LOST\", \"at\": \"-009999-01-02T01:59:59Z\", \"reason\": \"\\u0000\"}]}",
    "a=b&c",
    "\n\u{5}hello",
];

const METHODS: &[&str] = &["GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS"];

/// Who says so: a program, somebody before a page, or somebody else.
struct Callers {
    key: String,
    cookie: String,
    csrf: String,
}

impl Callers {
    fn head(&self, noise: &mut Noise) -> String {
        match noise.below(4) {
            0 => format!("Key: {}\r\n", self.key),
            1 => format!("Cookie: {}; palm_form=x\r\n", self.cookie),
            2 => format!(
                "Authorization: {}\r\n",
                noise.pick(&["Bearer", "Bearer x", "Basic !!!", "Basic eA==", "Basic OjpY", "\u{e9}"])
            ),
            _ => String::new(),
        }
    }

    /// A form of this very page, with anything in it.
    fn form(&self, noise: &mut Noise) -> Vec<u8> {
        let fields: Vec<String> =
            (0..noise.below(6)).map(|_| format!("{}={}", noise.pick(NAMES), noise.pick(VALUES))).collect();
        format!("{}&csrf={}", fields.join("&"), noise.pick(&[self.csrf.as_str(), "x"])).into_bytes()
    }
}

#[test]
fn every_route_refuses_garbage() {
    let registry = Registry::start();
    let key = registry.admin("ann");
    registry.post("/api/v1/clusters", &key, &json!({"file": FILE, "key": "mine"})).ok();
    let mut browser = Browser::signed_in(&registry, "ann");
    browser.get("/dashboard").ok();
    let cookie = format!("palm_session={}", browser.cookies["palm_session"]);
    let callers = Callers { key: key.clone(), cookie, csrf: browser.csrf().to_owned() };
    let mut noise = Noise(0x5eed_5eed_5eed_5eed);
    let mut sent = std::collections::BTreeMap::<u16, u32>::new();
    // Each route with each method and each body, and as many times with a form and with noise.
    for route in ROUTES {
        for method in METHODS {
            for round in 0..3 * BODIES.len() {
                let path: String = route
                    .split('K')
                    .map(str::to_owned)
                    .reduce(|one, next| format!("{one}{}{next}", noise.pick(VALUES)))
                    .unwrap();
                let query: Vec<String> =
                    (0..noise.below(4)).map(|_| format!("{}={}", noise.pick(NAMES), noise.pick(VALUES))).collect();
                // A password is changed and a session ended by what is right; the rest has to go on with both.
                let ends = *route == "/logout" || *route == "/new_password";
                let body = match (round / BODIES.len(), BODIES.get(round % BODIES.len())) {
                    (0, Some(body)) => body.as_bytes().to_vec(),
                    (1, _) if !ends => callers.form(&mut noise),
                    _ => noise.bytes(),
                };
                // Raw, for a client that is in order would not send it.
                let request = format!(
                    "{method} {}?{} HTTP/1.0\r\nHost: localhost\r\n{}Content-Length: {}\r\n\r\n",
                    path.replace(' ', "%20"),
                    query.join("&"),
                    callers.head(&mut noise),
                    body.len()
                );
                let status = raw(&registry, &[request.as_bytes(), &body].concat());
                let text = String::from_utf8_lossy(&body);
                assert!((200..500).contains(&status), "{status} of {request}{text}");
                *sent.entry(status).or_default() += 1;
            }
        }
    }
    registry.get("/healthz", "").ok();
    registry.get("/api/v1/clusters", &key).ok();
    // Much of it went further than to whoever is asked for a key or a token.
    assert!(sent[&200] > 300 && sent[&302] > 100 && sent[&400] > 300 && sent[&404] > 300, "{sent:?}");
}

#[test]
fn every_route_refuses_what_is_too_long() {
    let registry = Registry::with(|settings| settings.limits.body_bytes = 1 << 20);
    let key = registry.admin("ann");
    registry.post("/api/v1/clusters", &key, &json!({"file": FILE, "key": "mine"})).ok();
    let long = "x".repeat((1 << 20) + 1);
    for route in ROUTES {
        for method in METHODS {
            let path = route.replace('K', "mine");
            for (path, body) in
                [(path.clone(), long.as_str()), (format!("{path}?cluster={}&x={}", &long[..60_000], &long[..9]), "")]
            {
                let request = format!(
                    "{method} {path} HTTP/1.0\r\nHost: localhost\r\nKey: {key}\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let status = raw(&registry, request.as_bytes());
                assert!((200..500).contains(&status), "{status} of {method} {route}");
            }
        }
    }
    registry.get("/healthz", "").ok();
}

#[test]
fn no_route_is_left_out() {
    let tables = [
        include_str!("../../http/api/mod.rs"),
        include_str!("../../http/legacy/mod.rs"),
        include_str!("../../http/pages/mod.rs"),
    ];
    let paths =
        tables.iter().flat_map(|table| table.split(".route(\"").skip(1)).map(|rest| rest.split('"').next().unwrap());
    for path in paths {
        let path = ["{key}", "{name}", "{id}"].iter().fold(path.to_owned(), |path, piece| path.replace(piece, "K"));
        assert!(ROUTES.contains(&path.as_str()), "{path}");
    }
}

#[test]
fn what_is_no_http_is_cut_off() {
    let registry = Registry::start();
    let mut noise = Noise(0xfeed);
    for _ in 0..200 {
        raw(&registry, &[noise.bytes(), b"\r\n\r\n".to_vec()].concat());
    }
    let line = format!("GET /logs?cluster={} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(1 << 20));
    assert!(matches!(raw(&registry, line.as_bytes()), 0 | 414 | 431));
    for twice in [
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: x\r\n",
    ] {
        let status = raw(
            &registry,
            format!("POST /logs?cluster=x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{twice}\r\nxx")
                .as_bytes(),
        );
        assert!(matches!(status, 0 | 400..=499), "{twice}: {status}");
    }
    registry.get("/healthz", "").ok();
}

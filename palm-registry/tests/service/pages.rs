//! Pages, as a browser without scripts sees them.

use palm_registry::logs::LogMessages;
use prost::Message;

use crate::support::{Browser, FILE, Registry, escape};

#[test]
pub(crate) fn the_first_user_is_made_on_a_page() {
    let mut registry = Registry::start();
    let token = registry.service().setup_token().unwrap().to_owned();
    {
        let mut browser = Browser::new(&registry);
        assert_eq!(browser.get("/").header("location"), "/setup");
        assert!(browser.get("/setup").ok().text().contains("The first user"));
        let fields = [("name", "O'Neil & <Sons>"), ("password", "correct <horse> & \"cart\"")];
        assert_eq!(browser.post("/setup", &[&fields[..], &[("token", "wrong")]].concat()).status, 403);
        let short = browser.post("/setup", &[("name", "ann"), ("password", "short"), ("token", &token)]);
        assert!(short.status == 400 && short.text().contains("8 to 1024 bytes"), "{}", short.text());
        let made = browser.post("/setup", &[&fields[..], &[("token", &token)]].concat());
        assert_eq!((made.status, made.header("location")), (302, "/dashboard"), "{}", made.text());
        let dashboard = browser.get("/dashboard").ok();
        assert!(
            dashboard.text().contains("New user") && dashboard.text().contains("O&#39;Neil &#38; &#60;Sons&#62;"),
            "{}",
            dashboard.text()
        );
        assert_eq!(browser.get("/setup").status, 404);
        // As typed, and not as escaped.
        let mut other = Browser::new(&registry);
        other.get("/login").ok();
        assert_eq!(other.post("/login", &fields).header("location"), "/dashboard");
    }
    registry.restart();
    assert_eq!(registry.service().setup_token(), None);
}

#[test]
pub(crate) fn a_cluster_is_made_watched_and_deleted() {
    let registry = Registry::start();
    registry.user("ann");
    let mut browser = Browser::signed_in(&registry, "ann");
    let form = browser.get("/new_cluster").ok();
    assert!(form.text().contains("<textarea"));
    let refused = browser.post("/new_cluster", &[("alias", "A <b>"), ("description", "[A]\nReplicas = 1\n")]);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("line 1") && refused.text().contains("Script"), "{}", refused.text());
    assert!(refused.text().contains("A &#60;b&#62;") && !refused.text().contains("A <b>"));
    let made = browser.post("/new_cluster", &[("alias", "Valuation"), ("description", FILE), ("key", "my key")]);
    assert_eq!((made.status, made.header("location")), (302, "/dashboard"), "{}", made.text());
    let dashboard = browser.get("/dashboard").ok();
    assert!(
        dashboard.text().contains("Valuation") && dashboard.text().contains("/view_cluster?cluster=my%20key"),
        "{}",
        dashboard.text()
    );
    // The original gave 500 for a cluster that was made on a page.
    let key = registry.user("bob");
    let mut bob = Browser::signed_in(&registry, "bob");
    bob.get("/new_cluster").ok();
    assert_eq!(bob.post("/new_cluster", &[("description", &FILE.replace('\n', "\r\n"))]).status, 302);
    let list = registry.get("/cluster?method=clusters_list", &key).ok().json();
    let made = list.as_object().unwrap().values().next().unwrap();
    assert_eq!((made["status"].as_str(), made["description"].as_str()), (Some(""), Some(FILE.trim())));
    registry.node_config("my key", "127.0.0.1", 3, 5555);
    let page = browser.get("/view_cluster?cluster=my+key").ok();
    for part in
        ["Valuation Master", "Valuation Worker 2", "tcp://127.0.0.1:5557", "placed", "--pull = _1", "an old one"]
    {
        assert!(page.text().contains(part), "{part}");
    }
    assert_eq!(
        browser.post("/reset_cluster", &[("cluster", "my key")]).header("location"),
        "/view_cluster?cluster=my%20key"
    );
    assert!(browser.get("/view_cluster?cluster=my+key").ok().text().contains("Nothing is placed yet"));
    let shown = browser.post("/new_token", &[("cluster", "my key"), ("name", "runners")]).ok();
    assert!(shown.text().contains("palm_runner_"));
    assert!(!browser.get("/view_cluster?cluster=my+key").ok().text().contains("palm_runner_"));
    assert_eq!(browser.post("/delete_cluster", &[("cluster", "my key"), ("confirm", "no")]).status, 400);
    browser.get("/dashboard").ok();
    assert_eq!(
        browser.post("/delete_cluster", &[("cluster", "my key"), ("confirm", "my key")]).header("location"),
        "/dashboard"
    );
    assert_eq!(browser.get("/view_cluster?cluster=my+key").status, 404);
}

#[test]
pub(crate) fn strange_lines_are_harmless_in_the_page() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    let long = "x".repeat(1 << 20);
    let lines = ["<script>alert(1)</script>", "\x1b[31mred\x1b[0m", "a\0b", "\u{202e}evil", "\"onload=\"x", &long];
    let messages = lines.iter().map(|line| (*line).to_owned()).collect();
    let body = LogMessages { messages, origins: Vec::new() }.encode_to_vec();
    registry.send("POST", &format!("/logs?cluster={cluster}"), &[], &body).ok();
    let page = Browser::signed_in(&registry, "ann").get(&format!("/view_logs?cluster={cluster}")).ok();
    let text = page.text();
    assert!(
        text.contains("&#60;script&#62;alert(1)&#60;/script&#62;")
            && text.contains("␛[31mred␛[0m")
            && text.contains("a␀b")
    );
    assert!(
        text.chars().all(|character| character == '\n' || !character.is_control()),
        "something of it is still there"
    );
    assert!(!text.contains("<script") && !text.contains('\u{202e}'));
    assert!(text.len() < 20_000, "{}", text.len());
}

#[test]
pub(crate) fn a_log_is_read_a_screen_at_a_time() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    let messages = (0..1_200).map(|number| format!("line {number}.")).collect();
    let body = LogMessages { messages, origins: Vec::new() }.encode_to_vec();
    registry.send("POST", &format!("/logs?cluster={cluster}"), &[], &body).ok();
    let mut browser = Browser::signed_in(&registry, "ann");
    let link = |page: &str, name: &str| {
        let before = page.split_once(&format!("\">{name}</a>"))?.0;
        Some(before.rsplit_once("href=\"")?.1.replace("&#38;", "&"))
    };
    let last = browser.get(&format!("/view_logs?cluster={cluster}")).ok().text().to_owned();
    assert!(last.contains("line 1199.") && last.contains("line 700.") && !last.contains("line 699."));
    let older = browser.get(&link(&last, "Older").unwrap()).ok().text().to_owned();
    assert!(older.contains("line 699.") && older.contains("line 200.") && !older.contains("line 700."));
    let newer = browser.get(&link(&older, "Newer").unwrap()).ok().text().to_owned();
    assert!(newer.contains("line 700.") && newer.contains("line 1199."));
    let oldest = browser.get(&link(&older, "Older").unwrap()).ok().text().to_owned();
    assert!(oldest.contains("line 0.") && link(&oldest, "Older").is_none());
    let none = browser.get(&format!("/view_logs?cluster={cluster}&fr={}", escape("2999-01-01 00:00:00"))).ok();
    assert!(none.text().contains("No lines"));
    // A moment of today divides the lines of today, written with a T or with a blank.
    let when =
        registry.get(&format!("/logs?cluster={cluster}"), "").ok().json()[999]["when"].as_str().unwrap().to_owned();
    for when in [when.clone(), when.replace('T', " ")] {
        let later = browser.get(&format!("/view_logs?cluster={cluster}&fr={}", escape(&when))).ok().text().to_owned();
        assert!(later.contains("line 1000.") && !later.contains("line 999."), "{when}");
    }
}

#[test]
pub(crate) fn clusters_that_give_out_the_same_ports_are_told_of() {
    let registry = Registry::start();
    registry.user("ann");
    registry.user("bob");
    let (mut ann, mut bob) = (Browser::signed_in(&registry, "ann"), Browser::signed_in(&registry, "bob"));
    let make = |browser: &mut Browser<'_>, key| {
        browser.get("/new_cluster").ok();
        assert_eq!(browser.post("/new_cluster", &[("description", FILE), ("key", key)]).status, 302);
        registry.node_config(key, "127.0.0.1", 3, 5555);
    };
    make(&mut ann, "one");
    make(&mut ann, "two");
    make(&mut bob, "three");
    let page = ann.get("/view_cluster?cluster=one").ok();
    let told = page.text().split_once("<p class=\"note\">").unwrap().1.split_once("</p>").unwrap().0;
    for part in ["cluster=two", "tcp://127.0.0.1:5555", "tcp://127.0.0.1:5557", "Ports_from = 5558"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(!page.text().contains("three"));
    assert!(!bob.get("/view_cluster?cluster=three").ok().text().contains("class=\"note\""));
    // With what it says it is over.
    ann.get("/view_cluster?cluster=two").ok();
    assert_eq!(ann.post("/reset_cluster", &[("cluster", "two")]).status, 302);
    registry.node_config("two", "127.0.0.1", 3, 5558);
    assert!(!ann.get("/view_cluster?cluster=one").ok().text().contains("class=\"note\""));
}

#[test]
pub(crate) fn keys_are_shown_once_and_taken_back() {
    let registry = Registry::start();
    registry.user("ann");
    let mut browser = Browser::signed_in(&registry, "ann");
    browser.get("/dashboard").ok();
    let shown = browser.post("/new_key", &[("name", "laptop")]).ok();
    let key = shown.text().split_once("<pre>").unwrap().1.split_once("</pre>").unwrap().0.to_owned();
    registry.get("/api/v1/clusters", &key).ok();
    let dashboard = browser.get("/dashboard").ok();
    assert!(dashboard.text().contains("laptop") && !dashboard.text().contains(&key));
    let ids: Vec<&str> =
        dashboard.text().split("name=\"id\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(browser.post("/remove_key", &[("id", ids[1])]).status, 302);
    assert_eq!(registry.get("/api/v1/clusters", &key).status, 401);
}

#[test]
pub(crate) fn a_password_is_changed_and_ends_other_sessions() {
    let registry = Registry::start();
    registry.user("ann");
    let (mut browser, mut other) = (Browser::signed_in(&registry, "ann"), Browser::signed_in(&registry, "ann"));
    browser.get("/dashboard").ok();
    let change = |browser: &mut Browser<'_>, old: &str, new: &str| {
        browser.post("/new_password", &[("old", old), ("new", new)]).status
    };
    assert_eq!(change(&mut browser, "wrong", "battery staple"), 403);
    assert_eq!(change(&mut browser, "correct horse", "short"), 400);
    assert_eq!(change(&mut browser, "correct horse", "battery staple"), 302);
    browser.get("/dashboard").ok();
    assert_eq!(other.get("/dashboard").status, 302);
    other.get("/login").ok();
    assert_eq!(other.post("/login", &[("name", "ann"), ("password", "correct horse")]).status, 401);
    assert_eq!(other.post("/login", &[("name", "ann"), ("password", "battery staple")]).status, 302);
}

#[test]
pub(crate) fn users_are_made_by_administrators() {
    let registry = Registry::start();
    registry.admin("root");
    registry.user("ann");
    let bob = [("name", "bob"), ("fullname", "Bob <B>"), ("email", "b@x"), ("password", "correct horse")];
    let mut ann = Browser::signed_in(&registry, "ann");
    assert_eq!(ann.get("/new_user").status, 403);
    ann.get("/dashboard").ok();
    assert_eq!(ann.post("/new_user", &bob).status, 403);
    let mut root = Browser::signed_in(&registry, "root");
    root.get("/new_user").ok();
    assert_eq!(root.post("/new_user", &bob).header("location"), "/dashboard");
    let again = root.post("/new_user", &bob);
    assert!(again.status == 409 && again.text().contains("exists"), "{}", again.text());
    assert!(root.get("/dashboard").ok().text().contains("Bob &#60;B&#62;"));
    Browser::signed_in(&registry, "bob");
}

//! Log lines: old ones, new ones, strange ones.

use palm_registry::logs::{LogMessages, LogOrigin, Stream};
use prost::Message;
use serde_json::json;

use crate::support::{FILE, Registry, escape, raw};

fn batch(lines: &[&str]) -> Vec<u8> {
    LogMessages { messages: lines.iter().map(|line| (*line).to_owned()).collect(), origins: Vec::new() }.encode_to_vec()
}

fn send(registry: &Registry, cluster: &str, body: &[u8]) -> u16 {
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    registry.send("POST", &format!("/logs?cluster={cluster}"), &kind, body).status
}

#[test]
pub(crate) fn strange_lines_come_back_intact() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    let long = "é".repeat(500_000);
    let lines = [
        "plain",
        "",
        "<script>alert(1)</script>",
        "\x1b[31mred\x1b]52;c;x\x07",
        "a\0b",
        "a\tb\r\nc",
        "cluster=other&x=1",
        &long,
    ];
    assert_eq!(send(&registry, &cluster, &batch(&lines)), 200);
    let old = registry.get(&format!("/logs?cluster={cluster}"), "").ok();
    assert!(old.body.is_ascii());
    let old: Vec<String> =
        old.json().as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(old, lines);
    let new = registry.get(&format!("/api/v1/clusters/{cluster}/logs"), &key).ok().json();
    let new: Vec<&str> = new.as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(new, lines);
}

#[test]
pub(crate) fn garbage_is_refused_and_bad_utf8_is_replaced() {
    let registry = Registry::start();
    let cluster = registry.cluster(&registry.user("ann"), FILE);
    for body in [&b"\x0a\x05hi"[..], b"garbage", b"\xff\xff\xff", b"\x0a"] {
        assert_eq!(send(&registry, &cluster, body), 400, "{body:?}");
    }
    assert_eq!(send(&registry, &cluster, b""), 200);
    assert_eq!(send(&registry, &cluster, b"\x0a\x02\xffa\x7a\x01x"), 200);
    assert_eq!(send(&registry, "nothing", &batch(&["x"])), 404);
    let lines = registry.get(&format!("/logs?cluster={cluster}"), "").ok();
    assert_eq!(lines.json()[0]["text"], "\u{fffd}a");
    assert!(
        lines.text().contains(r#", "text": "\ufffda"}]"#) && lines.text().starts_with(r#"[{"when": ""#),
        "{}",
        lines.text()
    );
    assert_eq!(registry.get("/logs?cluster=nothing", "").ok().text(), "[]");
}

#[test]
pub(crate) fn paging_by_time_loses_nothing() {
    let registry = Registry::start();
    let cluster = registry.cluster(&registry.user("ann"), FILE);
    let numbers: Vec<String> = (0..2_500).map(|number| number.to_string()).collect();
    let lines: Vec<&str> = numbers.iter().map(String::as_str).collect();
    for half in lines.chunks(1_250) {
        assert_eq!(send(&registry, &cluster, &batch(half)), 200);
    }
    let all = registry.get(&format!("/logs?cluster={cluster}"), "").ok().json();
    let all = all.as_array().unwrap();
    assert_eq!(all.iter().map(|line| line["text"].as_str().unwrap()).collect::<Vec<_>>(), lines);
    let when: Vec<&str> = all.iter().map(|line| line["when"].as_str().unwrap()).collect();
    assert!(when.is_sorted_by(|one, next| one < next));
    for (fr, to, expected) in
        [(Some(99), None, 2_400), (None, Some(100), 100), (Some(1_248), Some(1_251), 2), (Some(2_499), None, 0)]
    {
        let mut path = format!("/logs?cluster={cluster}");
        for (name, index) in [("fr", fr), ("to", to)] {
            if let Some(index) = index {
                path.push_str(&format!(
                    "&{name}={}",
                    escape(&when[index].replace('T', if index % 2 == 0 { " " } else { "T" }))
                ));
            }
        }
        assert_eq!(registry.get(&path, "").ok().json().as_array().unwrap().len(), expected, "{path}");
    }
}

#[test]
pub(crate) fn origins_are_kept_and_filtered_by() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    let node = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let line = |number: u64, instance: &str, stream: Stream, level: &str| LogOrigin {
        component: "Valuation Worker".into(),
        instance: instance.into(),
        node: node.into(),
        stream: stream.into(),
        at_micros: 1_795_000_000_000_000 + number as i64,
        level: level.into(),
        sequence: number,
        continues: number == 2,
    };
    let origins = vec![
        line(1, "Worker 1", Stream::Stdout, "INFO"),
        line(2, "Worker 2", Stream::Stderr, "ERROR"),
        line(3, "W\0", Stream::Stderr, ""),
    ];
    let body = LogMessages { messages: vec!["one".into(), "two".into(), "three".into()], origins }.encode_to_vec();
    // Its answer got lost: it is sent again, and kept once.
    for _ in 0..3 {
        assert_eq!(send(&registry, &cluster, &body), 200);
    }
    let texts = |query: &str| {
        let lines = registry.get(&format!("/api/v1/clusters/{cluster}/logs{query}"), &key).ok().json();
        lines.as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts(""), ["one", "two", "three"]);
    assert_eq!(texts("?instance=Worker%201"), ["one"]);
    assert_eq!(texts("?stream=STDERR"), ["two", "three"]);
    assert_eq!(texts("?level=ERROR&component=Valuation+Worker"), ["two"]);
    assert_eq!(texts("?level=ERROR'%20OR%20'1'='1"), [""; 0]);
    assert_eq!(texts("?limit=1"), ["one"]);
    assert_eq!(texts("?before=9223372036854775807&limit=1"), ["three"]);
    let first = &registry.get(&format!("/api/v1/clusters/{cluster}/logs?limit=1"), &key).ok().json()[0];
    assert_eq!(texts(&format!("?after={}", first["id"])), ["two", "three"]);
    assert_eq!((first["stream"].as_str(), first["node"].as_str()), (Some("STDOUT"), Some(node)));
    let all = registry.get(&format!("/api/v1/clusters/{cluster}/logs"), &key).ok().json();
    let continues: Vec<_> = all.as_array().unwrap().iter().map(|line| line["continues"].as_bool().unwrap()).collect();
    assert_eq!(continues, [false, true, false]);
    assert_eq!(texts(&format!("?to={}", escape(first["at"].as_str().unwrap()))), [""; 0]);
    for bad in ["?limit=0", "?limit=x", "?after=x", "?from=yesterday", "?limit=10001"] {
        assert_eq!(registry.get(&format!("/api/v1/clusters/{cluster}/logs{bad}"), &key).status, 400, "{bad}");
    }
}

/// Whatever is asked for, no more than 16 MiB of lines and one are read at once; the rest is on the next page.
#[test]
pub(crate) fn long_lines_come_in_pages_of_their_own() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    let long = "x".repeat(1 << 20);
    for _ in 0..4 {
        assert_eq!(send(&registry, &cluster, &batch(&[long.as_str(); 5])), 200);
    }
    assert_eq!(send(&registry, &cluster, &batch(&["last"])), 200);
    let page = |query: &str| {
        let lines = registry.get(&format!("/api/v1/clusters/{cluster}/logs?limit=1000{query}"), &key).ok().json();
        lines.as_array().unwrap().clone()
    };
    let first = page("");
    assert_eq!(first.len(), 16);
    let rest = page(&format!("&after={}", first[15]["id"]));
    assert_eq!((rest.len(), &rest[4]["text"]), (5, &json!("last")));
    // The last ones, of which the last is short.
    let newest = page(&format!("&before={}", i64::MAX));
    assert_eq!((newest.len(), &newest[16]["text"]), (17, &json!("last")));
    assert_eq!(page(&format!("&before={}", newest[0]["id"])).len(), 4);
    let old = registry.get(&format!("/logs?cluster={cluster}"), "").ok().json();
    assert_eq!((old.as_array().unwrap().len(), &old[20]["text"]), (21, &json!("last")));
}

#[test]
pub(crate) fn the_oldest_lines_make_room() {
    let registry = Registry::with(|settings| settings.limits.log_bytes = 100_000);
    let key = registry.user("ann");
    let cluster = registry.cluster(&key, FILE);
    for number in 0..20 {
        let text = format!("{number:0>9000}");
        assert_eq!(send(&registry, &cluster, &batch(&[&text])), 200);
    }
    let lines = registry.get(&format!("/logs?cluster={cluster}"), "").ok().json();
    let lines = lines.as_array().unwrap();
    assert!((5..=11).contains(&lines.len()), "{}", lines.len());
    assert!(lines.last().unwrap()["text"].as_str().unwrap().ends_with("019"));
    let events = registry.get(&format!("/api/v1/clusters/{cluster}/events?kind=trimmed"), &key).ok().json();
    assert!(!events.as_array().unwrap().is_empty());
}

#[test]
pub(crate) fn a_log_goes_with_its_cluster() {
    let registry = Registry::start();
    let key = registry.user("ann");
    let new = json!({"file": FILE, "key": "mine"});
    registry.post("/api/v1/clusters", &key, &new).ok();
    assert_eq!(send(&registry, "mine", &batch(&["secret"])), 200);
    registry.delete("/api/v1/clusters/mine", &key).ok();
    registry.post("/api/v1/clusters", &registry.user("bob"), &new).ok();
    assert_eq!(registry.get("/logs?cluster=mine", "").ok().text(), "[]");
}

#[test]
pub(crate) fn bodies_have_a_limit() {
    let registry = Registry::with(|settings| settings.limits.body_bytes = 8 << 20);
    let cluster = registry.cluster(&registry.user("ann"), FILE);
    let line = "x".repeat(7 << 20);
    assert_eq!(send(&registry, &cluster, &batch(&[&line])), 200);
    let head = format!("POST /logs?cluster={cluster} HTTP/1.1\r\nHost: localhost\r\n");
    // Refused before it is sent, and cut off where its length is not known.
    assert_eq!(raw(&registry, format!("{head}Content-Length: 9000000\r\n\r\n").as_bytes()), 413);
    let chunks = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20)).repeat(9);
    assert!(matches!(raw(&registry, format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}").as_bytes()), 0 | 413));
}

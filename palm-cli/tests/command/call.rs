use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::components::{classic_shop, framed_shop, open_gate, shop};
use crate::program::{Outcome, fails, interrupt, outcome, outcome_of_input, palm, prints, spawn};

#[test]
fn one_payload_has_one_answer() {
    let (_shop, db) = shop();
    assert_eq!(prints(&mut palm(["call", "--db", &db, "shop.shout", "a word"])), "A WORD\n");
    assert_eq!(prints(&mut palm(["call", "--db", &db, "shop.shout"])), "\n");
    assert_eq!(prints(palm(["call", "shop.shout", "x"]).env("PALM_CALL_DB", &db)), "X\n");
}

#[test]
fn the_same_is_sent_again_and_again() {
    for (_shop, db) in [shop(), classic_shop()] {
        let out = prints(&mut palm(["call", "--db", &db, "shop.shout", "x", "--repeat", "1000"]));
        assert_eq!(out, "X\n".repeat(1000));
    }
}

#[test]
fn lines_are_payloads() {
    for (_shop, db) in [shop(), classic_shop()] {
        let input: String = (0..500).map(|number| format!("line {number}\n")).collect();
        let mut command = palm(["call", "--db", &db, "shop.shout", "--lines", "-", "--ordered"]);
        let Outcome { code, out, err } = outcome_of_input(&mut command, input.as_bytes());
        assert_eq!((code, err.as_str()), (0, ""));
        assert_eq!(out, input.to_uppercase());
        let nothing = outcome_of_input(&mut command, b"");
        assert_eq!((nothing.code, nothing.out.as_str()), (0, ""), "{}", nothing.err);
    }
}

#[test]
fn a_payload_is_any_bytes() {
    let (_shop, db) = shop();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("payload");
    fs::write(&file, "one\ntwo\0").unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(prints(&mut palm(["call", "--db", &db, "shop.back", "--file", file])), "one\ntwo\0\n");
    let piped = outcome_of_input(&mut palm(["call", "--db", &db, "shop.back", "-"]), b"a\nb");
    assert_eq!((piped.code, piped.out.as_str()), (0, "a\nb\n"));
    assert_eq!(prints(&mut palm(["call", "--db", &db, "shop.back", "--lines", file])), "one\ntwo\0\n");
    fails(&mut palm(["call", "--db", &db, "shop.back", "--file", "/nowhere"]), 1, &["cannot read /nowhere"]);
}

#[test]
fn a_method_may_give_several_answers_or_none() {
    let (_shop, db) = shop();
    assert_eq!(prints(&mut palm(["call", "--db", &db, "shop.letters", "abc"])), "a\nb\nc\n");
    assert_eq!(prints(&mut palm(["call", "--db", &db, "shop.letters", "abc", "--messages", "2"])), "a\nb\n");
    assert_eq!(prints(&mut palm(["call", "--db", &db, "shop.letters"])), "");
    let short = outcome(&mut palm(["call", "--db", &db, "shop.letters", "abc", "--messages", "4"]));
    assert_eq!((short.code, short.out.as_str()), (1, "a\nb\nc\n"));
    assert!(short.err.contains("3 of 4"), "{}", short.err);
}

#[test]
fn an_answer_that_is_an_error_is_told_and_fails_the_whole() {
    let (_shop, db) = shop();
    let mut command = palm(["call", "--db", &db, "shop.even", "--lines", "-", "--ordered"]);
    let Outcome { code, out, err } = outcome_of_input(&mut command, b"2\n3\n4\n");
    assert_eq!((code, out.as_str()), (1, "2\n4\n"));
    assert!(err.contains("error: shop.even failed (method failed): 3 is odd\\u{1b}[2J\n"), "{err}");
    assert!(err.contains("1 of 3 answers are errors"), "{err}");
    fails(&mut palm(["call", "--db", &db, "shop.odd", "3"]), 1, &["shop.odd failed (unknown method)"]);
}

#[test]
fn programs_get_an_object_a_line() {
    let (_shop, db) = shop();
    let mut command = palm(["call", "--db", &db, "shop.even", "--lines", "-", "--ordered", "--json"]);
    let Outcome { code, out, err } = outcome_of_input(&mut command, b"2\n3\n");
    assert_eq!(code, 1);
    assert_eq!(err, "error: 1 of 2 answers are errors\n");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let error = json!({
        "code": 1, "text": "3 is odd\u{1b}[2J", "component": "shop", "method": "even", "retryable": false
    });
    assert_eq!(lines, [json!({ "payload": "Mg==" }), json!({ "error": error })]);
}

#[test]
fn a_message_goes_through_several_components() {
    let (_shop, _frame, db, answers) = framed_shop();
    let functions = "shop.shout,frame.brackets";
    assert_eq!(prints(&mut palm(["call", "--db", &db, "--sub", &answers, functions, "a"])), "[A]\n");
}

#[test]
fn a_session_is_the_tag_of_the_messages() {
    for (_shop, db) in [shop(), classic_shop()] {
        let tags = |more: &[&str]| prints(palm(["call", "--db", &db, "shop.tag", "--repeat", "2"]).args(more));
        assert_eq!(tags(&["--session", "today/"]), "today/\ntoday/\n");
        let made_up = tags(&[]);
        let (one, other) = made_up.split_once('\n').unwrap();
        assert!(uuid::Uuid::parse_str(one).is_ok() && other == format!("{one}\n"), "{made_up}");
        assert_ne!(tags(&[]), made_up);
    }
}

#[test]
fn silence_ends_it() {
    let (_shop, db) = shop();
    let mut command = palm(["call", "--db", &db, "shop.stuck", "--timeout", "0.3"]);
    fails(&mut command, 1, &["nothing of `shop.stuck` arrived from `shop`"]);
    open_gate();
}

#[test]
fn another_server_is_not_the_one_that_was_meant() {
    let (_shop, db) = shop();
    fails(&mut palm(["call", "--db", &db, "inn.shout", "a"]), 3, &["is called `shop`, not `inn`"]);
}

#[test]
fn answers_come_while_the_source_is_still_open_and_ctrl_c_ends_it() {
    let (_shop, db) = shop();
    let mut child = spawn(palm(["call", "--db", &db, "shop.shout", "--lines", "-"]).stdin(Stdio::piped()));
    let mut input = child.stdin.take().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    input.write_all(b"a\n").unwrap();
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "A\n");
    interrupt(&child);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(130), ""));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let (_shop, db) = shop();
    let mut child = spawn(&mut palm(["call", "--db", &db, "shop.back", "some text", "--repeat", "1000000000"]));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "some text\n");
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(0), ""));
}

/// A source without an end is sent as fast as it is answered, and nothing of it is kept.
#[cfg(target_os = "linux")]
#[test]
fn a_long_job_takes_little_memory() {
    const ANSWERS: usize = 3_000;
    let (_shop, db) = shop();
    let payload = "x".repeat(64 << 10);
    let mut child = spawn(&mut palm(["call", "--db", &db, "shop.back", &payload, "--repeat", "1000000000"]));
    // Kept open, so that there is somebody whose memory can be looked at.
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let came = answers.by_ref().take(ANSWERS).map_while(Result::ok);
    assert_eq!(came.filter(|line| line.len() == payload.len()).count(), ANSWERS);
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let _ = child.kill();
    child.wait().unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"));
    let peak: usize = peak.unwrap().trim().parse().unwrap();
    let sent = ANSWERS * payload.len() / 1024;
    assert!(peak < 128 << 10 && peak < sent, "{peak} KiB of {sent}");
}

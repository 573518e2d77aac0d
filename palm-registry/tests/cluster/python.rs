//! Python's own reader beside ours: what the one reads, the other reads, the same.

use std::process::{Command, Stdio};

use palm_registry::cluster::ini::Ini;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::skip::skip;

const FILES: usize = 3_000;

/// Reads a JSON array of files from stdin and answers with one of what is in each: sections with keys and values, or null.
const READER: &str = r#"
import configparser, json, sys
def read(text):
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
        return [[name, [[key, parser[name][key]] for key in parser[name]]] for name in parser.sections()]
    except configparser.Error:
        return None
json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)
"#;

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("[DEFAULT]".to_owned()),
        "\\[[A-Da-d ]{1,2}\\]( [a-z])?",
        "[a-dA-D]{1,2} ?[=:] ?[a-c =:;#]{0,6}",
        "--[a-dA-D]{1,2} ?[=:] ?[_1-3a ]{0,6}",
        "[a-d] = [a-b]?%\\([a-dA-D]\\)s[a-b]?",
        "[a-d] = [a-b]?%%[a-b]?",
        "[ \\t]{0,3}[#;]?[a-c=%]{0,3}[ \\t\\r\\x1c\u{a0}]{0,2}",
        // Letters that no version of Unicode has added lately.
        "[ -\u{17f}Α-ω]{0,4}[=:][ -\u{17f}Α-ω]{0,4}",
    ]
}

#[test]
fn files_are_read_as_python_reads_them() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut files = Vec::with_capacity(FILES);
    for _ in 0..FILES {
        let lines = prop::collection::vec(line(), 0..10).new_tree(&mut runner).unwrap().current();
        files.push(format!("[A]\n{}", lines.join("\n")));
    }
    let Some(expected) = python(&files) else { return };
    let mut read = 0;
    for (text, expected) in files.iter().zip(expected) {
        // A lone `%` is an error there and text here.
        let lone = text.replace("%%", "").replace("%(", "").contains('%');
        match (Ini::parse(text), expected) {
            (Ok(ini), Some(expected)) => {
                let sections = ini.sections.into_iter().map(|section| {
                    let entries = section.entries.into_iter().map(|entry| (entry.key, entry.value));
                    (section.name, entries.collect::<Vec<_>>())
                });
                assert_eq!(sections.collect::<Vec<_>>(), expected, "{text:?}");
                read += 1;
            }
            (Err(_), None) => {}
            (Ok(_), None) if lone => {}
            (ours, theirs) => panic!("{text:?}\nours: {ours:?}\ntheirs: {theirs:?}"),
        }
    }
    assert!(read > FILES / 10, "only {read} files were read at all");
}

type Sections = Vec<(String, Vec<(String, String)>)>;

/// What Python reads, or `None` with a line on stderr on a machine that has none. With `PALM_TEST_ALL=1` that is a failure.
fn python(files: &[String]) -> Option<Vec<Option<Sections>>> {
    let spawned = Command::new("python3").args(["-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut python = match spawned {
        Ok(python) => python,
        Err(error) => {
            skip("what is compared with Python", &format!("python3 cannot be run: {error}"));
            return None;
        }
    };
    let mut stdin = python.stdin.take().unwrap();
    serde_json::to_writer(&mut stdin, files).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

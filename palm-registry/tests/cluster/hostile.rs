//! Files of any content: refused or read, and nothing else.

use palm_registry::cluster::ini::Ini;
use palm_registry::cluster::{ClusterFile, Graph, NodeFile, Placement, command, plan};
use proptest::prelude::*;

/// Lines that look like those of real files, in any order.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("[DEFAULT]".to_owned()),
        "\\[[A-C 1]{0,3}\\]{0,2}",
        "Script = [a-z'\"\\\\{}_1% ]{0,12}",
        "--[a-c]{0,2} ?[=:] ?[_1a %()s]{0,8}",
        "(Replicas|Grace|Attempts|Restart|Connected|Role|Replica) = [-_0-9A-C, a-z]{0,6}",
        "(Ip|Processors|Ports_from|Name) ?[=:] ?[-0-9a-z.: ]{0,10}",
        "[ \\t]{0,3}[#;]?.{0,8}",
        "x = (%\\([a-z]\\)s){0,4}",
        ".{0,30}",
    ]
}

fn any_file() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec(line(), 0..24).prop_map(|lines| lines.join("\n"));
    let bytes =
        prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    prop_oneof![8 => lines, 1 => bytes, 1 => any::<String>()]
}

fn read_all(text: &str, node: &str) {
    let lines = text.split('\n').count();
    if let Err(faults) = Ini::parse(text) {
        assert!(faults.all().iter().all(|fault| (1..=lines).contains(&fault.line)), "{faults}");
        assert!(!faults.all().is_empty());
    }
    let nodes = match NodeFile::parse(node) {
        Ok(node) => vec![node, NodeFile { processors: 3, ..NodeFile::default() }],
        Err(faults) => {
            assert!(!faults.to_string().is_empty());
            vec![NodeFile { processors: 3, ..NodeFile::default() }]
        }
    };
    let _ = command::split(text);
    match ClusterFile::parse(text) {
        Ok(file) => {
            let graph = Graph::of(&file);
            assert!(!graph.to_dot().is_empty() && !graph.to_mermaid().is_empty());
            let mut placement = Placement::default();
            for node in &nodes {
                let Ok(instances) = placement.place_unnamed(&file, &node.node()) else { continue };
                assert!(instances.iter().all(|instance| !instance.argv.is_empty()), "{instances:?}");
            }
            let _ = placement.status(&file);
            let _ = plan(&placement, &file, &nodes);
        }
        Err(faults) => {
            assert!(faults.all().iter().all(|fault| (1..=lines).contains(&fault.line)), "{faults}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_it_panic(text in any_file(), node in any_file()) {
        read_all(&text, &node);
    }
}

#[test]
fn each_fault_is_told_at_its_line() {
    let text = "[A]
Replicas = -1
[B]
Script = it's
--x = \"
Grace = soon
[C]
Script = c {_9} {x}
--y = _1.b
Restart = sometimes
Attempts = 1.5
[D]
Script =
--z = a\0b
[E]
Script = e {_8}
[F 2]
Script = f
[F]
Script = f
Replicas = 1
";
    let faults = ClusterFile::parse(text).unwrap_err().to_string();
    let expected = r#"line 1, [A]: `Script` is missing; write `Script = program arguments`
line 2, [A], `Replicas`: `-1` is no whole number from 0 to 99999
line 4, [B], `Script`: the quote ' is not closed; write \' for the character itself
line 5, [B], `--x`: the quote " is not closed; write \" for the character itself
line 6, [B], `Grace`: `soon` is no whole number from 0 to 3600
line 8, [C], `Script`: `{` belongs to a placeholder such as `{_1}`; write `{{` for the brace itself
line 9, [C], `--y`: `_1.b` begins like a placeholder, which is one word; write another text in `Script`
line 10, [C], `Restart`: `sometimes` is unknown; write `always`, `never` or `failure`
line 11, [C], `Attempts`: `1.5` is no whole number from 0 to 1000; write one, or `unlimited`
line 13, [D], `Script`: there is no program; write `Script = program arguments`
line 14, [D], `--z`: there is a NUL in it; no program can be given one
line 16, [E], `Script`: `{_8}` is the value of no key; write a key such as `--db = _8` where it belongs
line 17, [F 2]: a replica of `F` has this name too; give one of the sections another name"#;
    assert_eq!(faults, expected);
}

#[test]
fn what_is_too_large_is_refused() {
    for (text, fault) in [
        ("x".repeat((1 << 20) + 1), "line 1: the file is larger than"),
        (
            "[A]\nScript = a\nReplicas = 99999\n[B]\nScript = b\n".into(),
            "line 4, [B]: up to here these are 100001 instances",
        ),
        (
            format!("[A]\nScript = {}\nReplicas = 9999\n", "a".repeat(10_000)),
            "line 1, [A]: up to here the commands of all instances are larger",
        ),
        (
            format!("[A]\nScript = {}\n--x = _1\nReplicas = 99\n", "{_1}".repeat(10_000)),
            "line 1, [A]: up to here the commands of all instances are larger",
        ),
        (format!("[A]\n{}", "--x = 1\n--y = 2\n".repeat(200)), "there are 298 more faults from here on"),
        (
            (0..1_001).fold("[A]\n".to_owned(), |text, key| format!("{text}k{key} = 1\n")),
            "line 1, [A]: a section has at most 1000 keys",
        ),
        (String::new(), "line 1: there is no section"),
        ("[DEFAULT]\nScript = a\n".into(), "line 1: there is no section"),
    ] {
        let faults = ClusterFile::parse(&text).unwrap_err().to_string();
        assert!(faults.contains(fault), "{}", &faults[..faults.len().min(300)]);
    }
}
